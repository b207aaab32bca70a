"""Settings: one frozen object, and the only reader of the environment.

Order: environment, then the file a variable with `_FILE` at its end names, then `assistant.toml` in the working
directory, then the default. Secrets come from the environment or a `_FILE` alone.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from assistant.errors import NotConfigured
from assistant.setting_errors import explained, nearest
from assistant.source_settings import Source  # noqa: TC001 - pydantic reads the type at run time

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

FILE = "assistant.toml"
PREFIX = "ASSISTANT_"
SECRETS = ("openai_api_key", "gitlab_token", "gitlab_read_token", "gitlab_webhook_secret")
_UNSHOWN = frozenset({*SECRETS, *(name.upper() for name in SECRETS)})


def _known_as(name: str) -> AliasChoices:
    """Accept a setting by a name that users know, and by ours in `assistant.toml`."""
    return AliasChoices(name.upper(), name)


class Settings(BaseSettings):
    """All settings. The README's table is made from this class; a test holds the two together."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, populate_by_name=True)

    home: Path = Field(Path(".assistant"), description="Where everything lives")
    database_url: str = Field("", description="State database; empty is SQLite under the home")
    language: str = Field("en", description="Language of fixed texts where the asker's is not known")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="Lowest level that is logged"
    )
    source: tuple[Source, ...] = Field((), description="Sources of the knowledge base (tables `[[source]]`)")
    audiences: dict[str, tuple[str, ...]] = Field(
        {}, description="Who may read more than `public`: place (`PLATFORM/CHANNEL`) -> audiences (table `[audiences]`)"
    )
    embedder: str = Field(
        "packaged-onnx",
        description="`packaged-onnx` (all-MiniLM-L6-v2 in onnxruntime), `packaged` (in torch), `packaged-int8` "
        "(quantised), `multilingual` (multilingual-e5-small, from the extra of this name), a folder with a "
        "sentence-transformers model, the address of an OpenAI-compatible endpoint, or `hashing`",
    )
    embedder_model: str = Field("", description="Model name at that endpoint")
    embedder_question_prefix: str = Field(
        "", description="What the model of a folder or endpoint wants in front of a question, such as `query: `"
    )
    embedder_document_prefix: str = Field("", description="The same in front of a document, such as `passage: `")
    embedder_multilingual: bool | None = Field(
        None, description="Whether that model reads Chinese and Japanese; unset finds out"
    )
    reranker: str = Field(
        "",
        description="A cross-encoder that reads the first ten documents again: a folder with a sentence-transformers "
        "cross-encoder, or the address of a rerank endpoint; empty leaves their order",
    )
    reranker_model: str = Field("", description="Model name at that endpoint")
    vectors: Literal["float32", "int8"] = Field("float32", description="How vectors are stored; int8 takes a quarter")
    refresh_minutes: float = Field(60.0, gt=0, description="Minutes between two sweeps of each source")
    shrink_limit: float = Field(
        0.2, ge=0, le=1, description="Share of a source that may disappear in one refresh without `--force`"
    )
    golden: Path | None = Field(
        None, description="Golden questions (JSON Lines) that a new version must answer as well"
    )
    gate_margin: float = Field(
        0.05, ge=0, le=1, description="By how much a golden figure may fall before a new version is kept aside"
    )
    keep_versions: int = Field(3, ge=2, description="Index versions kept on the disk")
    admins: tuple[str, ...] = Field(
        (), description="Who may give admin commands in a chat: `PLATFORM/USER ID`, such as `console/local`"
    )
    model: str = Field("", description="Model name at the OpenAI-compatible server; empty answers with quotations")
    model_timeout_s: float = Field(
        20.0, gt=0, description="Seconds until a slow model is given up and passages are quoted"
    )
    model_prompt_tokens: int = Field(600, ge=400, description="Tokens of one prompt at most")
    model_answer_tokens: int = Field(300, ge=50, description="Tokens of one answer at most")
    openai_base_url: str = Field(
        "", validation_alias=_known_as("openai_base_url"), description="Address of the model server"
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""), validation_alias=_known_as("openai_api_key"), description="Its key"
    )
    gitlab_url: str = Field("", validation_alias=_known_as("gitlab_url"), description="Address of GitLab")
    gitlab_project: str = Field(
        "", validation_alias=_known_as("gitlab_project"), description="Project that takes issues"
    )
    gitlab_token: SecretStr = Field(
        SecretStr(""), validation_alias=_known_as("gitlab_token"), description="Token that opens issues: scope `api`"
    )
    gitlab_read_token: SecretStr = Field(
        SecretStr(""),
        validation_alias=_known_as("gitlab_read_token"),
        description="Token that reads sources: scope `read_api`",
    )
    gitlab_webhook_secret: SecretStr = Field(
        SecretStr(""),
        validation_alias=_known_as("gitlab_webhook_secret"),
        description="Secret token, or signing token (`whsec_…`), of GitLab's webhooks",
    )
    gitlab_timeout_s: float = Field(20.0, gt=0, description="Seconds until a request to GitLab is given up")
    listen: str = Field("127.0.0.1:8080", description="Address and port that take webhooks of GitLab")
    label_support: str = Field("support", min_length=1, description="Label of every issue that waits for a responder")
    label_awaiting_feedback: str = Field(
        "awaiting-feedback", min_length=1, description="Beside it: waits for the asker"
    )
    topic_labels: bool = Field(default=True, description="Suggest topic labels from the nearest closed issues")
    escalation: Literal["automatic", "confirm", "off"] = Field(
        "automatic", description="What happens to a question without an answer: an issue, a yes first, or none"
    )
    console_visibility: Literal["public", "private"] = Field(
        "private", description="Who reads along in the terminal; issues from a private place are confidential"
    )
    needs_detail_after: float = Field(
        30.0, ge=0, description="Minutes without a reply to a question back until an issue is opened; 0 is at once"
    )
    confirm_within: float = Field(24.0, gt=0, description="Hours to say yes to an issue; then the question is declined")
    uncertain_write_wait_s: float = Field(
        75.0, ge=0, description="Seconds before a lost write is looked up; longer than GitLab works on one"
    )
    question_limit: int = Field(8000, ge=100, description="Characters of a question at most")
    keep_days: int = Field(365, ge=1, description="Days that texts are kept, as people are told")

    @field_validator("admins")
    @classmethod
    def _stable_ids(cls, admins: tuple[str, ...]) -> tuple[str, ...]:
        for who in admins:
            platform, _, person = who.partition("/")
            if not (platform and person):
                raise ValueError(f"{who!r} is no PLATFORM/USER ID: write it like console/local or slack/U0123ABCD")
        return admins

    @field_validator("gitlab_url")
    @classmethod
    def _an_address(cls, address: str) -> str:
        if address and not address.startswith(("https://", "http://")):
            raise ValueError("write it like https://gitlab.example.com")
        return address

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, then `_FILE` variables, then `assistant.toml`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _SecretFiles(settings_cls), _Toml(settings_cls)

    def database(self) -> str:
        """Return the SQLAlchemy URL of the state database."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'state.db'}"


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets from the files that `NAME_FILE` variables name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        variable = f"{field_name.upper()}_FILE"
        named = os.environ.get(variable, "") if field_name in SECRETS else ""
        if not named:
            return None, field_name, False
        try:
            return Path(named).read_text("utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise NotConfigured(f"{variable} names a file that cannot be read ({named}): {error}") from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class _Toml(PydanticBaseSettingsSource):
    """`assistant.toml`; secrets in it are refused, and paths in it are relative to it."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = Path(FILE)
        if not path.is_file():
            return {}
        try:
            found = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise NotConfigured(f"{FILE} cannot be read: {error}") from error
        for name in SECRETS:
            if name in found:
                variable = name.upper()
                raise NotConfigured(f"{FILE} holds {name}: set {variable} or {variable}_FILE in the environment")
        return found


def load(**changes: Any) -> Settings:  # noqa: ANN401 - values of any setting
    """Read the settings.

    Args:
        changes: Settings of the command line, by name; they win over everything else.

    Raises:
        NotConfigured: A setting is unknown or wrong; one line names it and says what is accepted.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**changes)
    except ValidationError as error:
        raise NotConfigured(explained(error, FILE, Settings.model_fields, _UNSHOWN)) from error


def _refuse_unknown_variables() -> None:
    known = {PREFIX + name.upper() for name, field in Settings.model_fields.items() if field.validation_alias is None}
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known:
            raise NotConfigured(f"unknown setting {variable} in the environment{nearest(variable, known)}")
