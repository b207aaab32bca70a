"""Settings of another file than `assistant.toml`, to compare the two."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import InitSettingsSource, PydanticBaseSettingsSource

from assistant.errors import NotConfigured
from assistant.setting_errors import explained
from assistant.settings import SECRETS, Settings

if TYPE_CHECKING:
    from pathlib import Path


def load_file(path: Path) -> Settings:
    """Read settings as `settings.load` does, with this file in the place of `assistant.toml`.

    Raises:
        NotConfigured: The file cannot be read, holds a secret, a setting is unknown or wrong, or the environment sets
            one to another value: the comparison would not be of what the file says.
    """
    held = _held(path)
    try:
        alone, found = (_settings(held, with_environment=one) for one in (False, True))
    except ValidationError as error:
        raise NotConfigured(explained(error, str(path), Settings.model_fields, SECRETS)) from error
    for name in alone.model_fields_set:
        if getattr(alone, name) != getattr(found, name):
            raise NotConfigured(f"{path} sets {name}, but the environment sets it too and wins: unset it there")
    return found


def _held(path: Path) -> dict[str, Any]:
    try:
        held = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise NotConfigured(f"{path} cannot be read: {error}") from error
    for name in SECRETS:
        if name in held:
            raise NotConfigured(f"{path} holds {name}: set {name.upper()} or {name.upper()}_FILE in the environment")
    return held


def _settings(held: dict[str, Any], *, with_environment: bool) -> Settings:
    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[Any], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            *others, _ = super().settings_customise_sources(settings_cls, *sources, **named)
            file = InitSettingsSource(settings_cls, init_kwargs=held)
            return (*others, file) if with_environment else (file,)

    given: dict[str, Any] = {}
    return FromFile(**given)
