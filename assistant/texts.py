"""Fixed texts in the asker's language, and which language a text is in.

English is the source: a message is looked up by its English text in the gettext catalogue of the language
(`locale/LANGUAGE/LC_MESSAGES/assistant.po`), and stays English where there is none. A new language is one more file.
"""

from __future__ import annotations

import gettext
import io
import re
import unicodedata
from collections import Counter
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from assistant.function_words import language_by_words, speaks_for

if TYPE_CHECKING:
    from datetime import timedelta

    from lingua import LanguageDetector

LANGUAGES = ("en", "de", "zh")
"""Languages of the fixed texts."""


class Text(StrEnum):
    """Messages of the product. Their value is the English text; `{names}` are filled by `tell`."""

    # The answer
    AI_NOTICE = (
        "An AI answers here, from the documentation and from solved issues. It can be wrong: open the sources. "
        "Your question, the answer and your feedback are stored for {days} days; secrets are removed first."
    )
    """Told once, where a person first meets the assistant. `days`: how long texts are kept."""
    QUOTATION = "These are quotations from the sources; no language model is set up."
    """Above an answer in a set-up without a model."""
    QUOTATION_MODEL_DOWN = "The language model is not available; these are quotations from the sources."
    """Above an answer while the configured model is down."""
    QUOTATION_UNSUPPORTED = "What the language model wrote is not in the sources, so these are quotations from them."
    """Above an answer that took the place of a draft."""
    QUOTED_LANGUAGE = "The quotations are in the language of their source."
    """Above quotations in another language than the asker's."""
    LEXICAL_ONLY = "The search by meaning is not ready; this comes from full-text search alone."
    """While the embedding model loads or is down."""
    INDEX_AGE = "The knowledge base is {age} old; newer pages and solutions are missing."
    """When the live index version is older than the setting allows. `age`: made by `age`."""
    SOURCES = "Sources"
    """Heading above the citations."""
    UNCONFIRMED = "This source is a closed issue whose solution nobody of the support team confirmed."
    """Beside a citation of an unconfirmed issue."""
    FEEDBACK_HINT = "Did this help? Say `solved` or `wrong`, or `people` to reach the support team."
    """Below an answer."""

    # Asking back: one short question
    ASK_FOR_ONE = "Can you add {first}? With that I search again."
    """One kind of detail is missing. `first`: one of the `ASK_...` below."""
    ASK_FOR_TWO = "Can you add {first}, and {second}? With that I search again."
    """Two kinds are missing. `first`, `second`: two of the `ASK_...` below."""
    ASK_ERROR_TEXT = "the exact error message, as text"
    """Missing: `error_text`."""
    ASK_LOG = "the last 20 lines of the log (of a job: or its link)"
    """Missing: `log`."""
    ASK_VERSION = "the version you use (for a runner: `gitlab-runner --version`)"
    """Missing: `version`."""
    ASK_TRIED = "what you have tried so far and what happened then"
    """Missing: `tried`."""
    ASK_PROJECT = "the link to the project, pipeline or job"
    """Missing: `project`."""
    ASK_RUNNER = "which runner the job uses (a shared one or your own, its tags and executor)"
    """Missing: `runner`."""
    ASK_CONFIGURATION = "the part of your configuration it is about (`.gitlab-ci.yml`, settings), without secrets"
    """Missing: `configuration`."""
    ASK_INSTALLATION = "how and where it is installed (hosted, Docker, Kubernetes, operating system)"
    """Missing: `installation`."""
    ASK_CODE = "the exact command, query or code, without secrets"
    """Missing: `code`."""
    ASK_STEPS = "the steps that lead to it"
    """Missing: `steps`."""
    ASK_SCREENSHOT = "in words what you see on the screen (I cannot read pictures)"
    """Missing: `screenshot`."""
    ASK_EXAMPLE = "a small example of the data or result"
    """Missing: `example`."""
    ASK_BROWSER = "which browser you use, and whether another one does the same"
    """Missing: `browser`."""
    ASK_SYSTEM = "which product, data source or service it is about"
    """Missing: `system`."""
    ASK_MEANING = "what you want to achieve, and what happens instead"
    """Missing: `meaning`."""
    ASK_ANYTHING = "Can you say more: what did you do, what did you expect, and what happened instead?"
    """When nothing in particular is missing but the question is too vague."""
    ASK_WAITS = "Without a reply within {minutes} minutes I open an issue, so that your question is not lost."
    """Below a question back. `minutes`: the setting `needs_detail_after`."""

    # No answer, and the issue
    ABSTAINED = "I could not find an answer in the documentation or in solved issues."
    """Instead of an answer."""
    PASSED_ON = "I pass your question to the support team."
    """When the asker wants people."""
    ISSUE_OPENING = "I am opening an issue for the support team."
    """Before the issue exists."""
    ISSUE_OPENED = "I opened an issue for the support team: {link}"
    """`link`: Markdown link or address."""
    ISSUE_CONFIDENTIAL = "The issue is confidential: only you and the support team can read it."
    """Below the link of a confidential issue."""
    ISSUE_JOINED = "Others have the same problem. I added your question to their issue: {link}"
    """`link`: Markdown link or address."""
    ISSUE_WAITING = "GitLab cannot be reached. Your question is kept, and I open the issue as soon as GitLab is back."
    """The issue waits in the outbox."""
    ISSUE_REFUSED = "GitLab did not take the issue. Your question is kept, and an admin has to look at it."
    """GitLab refused for good, or the token is wrong."""
    ISSUE_DRY_RUN = "Dry run: no issue was opened. It would say:"
    """Above the text of the issue."""
    NO_TRACKER = "No issue tracker is set up, so no issue was opened."
    """Escalation without GitLab."""
    CONFIRM_ISSUE = "This is the exact text that the support team would see. Shall I open the issue?"
    """Above the text, in private places."""
    DECLINED = "All right, no issue is opened."
    """The asker wants none, or did not reply."""

    # Feedback
    SOLVED = "Thank you. Good to hear that it is solved."
    """After `solved`."""
    WRONG = "Thank you for saying so. I pass your question to the support team."
    """After `wrong`."""
    NOTED = "Thank you, your feedback is stored."
    """After any other feedback."""

    # Notices
    SECRET_REMOVED = (
        "Your message held a secret ({kinds}). I removed it before anything was stored. "  # noqa: S105 - no password
        "Revoke it now and make a new one: others may have seen it here."
    )
    """`kinds`: names of the kinds, comma-separated."""
    BUSY = "Many questions are waiting. Yours is kept and will be answered."
    """The queue is long."""
    TOO_MANY = "That was a lot of questions at once. Please wait {seconds} seconds and ask again."
    """The limit per person is reached."""

    # Questions that are refused
    TOO_LONG = "That is too long: {length} characters, and {limit} are the limit. Please send the important part."
    """`length`, `limit`: characters."""
    EMPTY = "I see no text in your question. Please write what you want to know."
    """Nothing left after cleaning."""
    PICTURE_ONLY = "I cannot read pictures. Please paste the error message as text."
    """A message that holds only an image."""


def tell(language: str, message: str, **values: object) -> str:
    """Return a fixed text in a language, with its placeholders filled.

    Args:
        language: ISO 639-1 code, also with a region (`de-AT`); one without a catalogue gets English.
        message: A `Text`, or the English text itself.
        **values: One for each `{name}` in the message.

    Raises:
        KeyError: A placeholder has no value.
    """
    catalogue = _catalogue(re.split(r"[-_]", language, maxsplit=1)[0].lower())
    return catalogue.gettext(str(message)).format(**values)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Compile the committed .po file in memory: no build step, and an edited text shows at the next start."""
    source = files("assistant").joinpath("locale", language, "LC_MESSAGES", "assistant.po")
    if language not in LANGUAGES or not source.is_file():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - 25 ms that English readers need not pay
    from babel.messages.pofile import read_po  # noqa: PLC0415 - as above

    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source.read_bytes())))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def age(language: str, delta: timedelta) -> str:
    """Return a duration in words, in its largest unit: `3 days`, `3 Tage`, `3天`."""
    from babel.dates import format_timedelta  # noqa: PLC0415 - loads locale data; rarely wanted

    return format_timedelta(delta, locale=language if language in LANGUAGES else "en")


_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|\b[A-Za-z]:\\\S*|[!-~]*[/\\_=<>{}@.][!-~]+", re.DOTALL)
"""What says nothing about the language of the person: code, addresses, paths, identifiers (ASCII runs, since
Chinese puts no space between them and the sentence)."""

_MIN_LETTERS = 8
_LONG_LETTERS = 60
_SURE = 0.5
_SURE_ALONE = 0.8  # without any small word: names such as `GitLab CI Android SDK` look German to letter statistics


def language_of(text: str, default: str = "en") -> str:
    """Return the ISO 639-1 code of the language that a person wrote in.

    Code, addresses and identifiers are left out first. Chinese, Japanese and Korean are told by their script, in
    microseconds; the rest by n-grams (lingua) among English, German, French and Spanish, and by their small words:
    122 of 125 machine-made German questions with English in between are told rightly, 718 of 719 real English titles.

    Args:
        text: A question as written.
        default: Returned for a text too short or too mixed to say.
    """
    prose = _CODE.sub(" ", text)
    scripts = Counter(_script(character) for character in prose)
    if scripts["kana"]:
        return "ja"
    if scripts["hangul"]:
        return "ko"
    if scripts["han"]:
        return "zh"
    if scripts["letter"] < _MIN_LETTERS:
        return default
    return _by_ngrams(prose, long=scripts["letter"] >= _LONG_LETTERS) or default


def _script(character: str) -> str:
    """Name the script of a character as far as it decides a language."""
    if not character.isalpha():
        return "other"
    name = unicodedata.name(character, "")
    if name.startswith("CJK UNIFIED"):
        return "han"
    if name.startswith(("HIRAGANA", "KATAKANA")):
        return "kana"
    return "hangul" if name.startswith("HANGUL") else "letter"


def _by_ngrams(prose: str, *, long: bool) -> str | None:
    """Return the language by letter statistics, where small words do not speak against it."""
    best = _detector(long=long).compute_language_confidence_values(" ".join(prose.split()))[0]
    language = best.language.iso_code_639_1.name.lower() if best.value >= _SURE else None
    if language is None or language == "en":
        return language_by_words(prose) or language
    return language if best.value >= _SURE_ALONE or speaks_for(prose, language) else None


@cache
def _detector(*, long: bool) -> LanguageDetector:
    """Build the detector once.

    Trigrams are enough for longer texts (319 of 319 real English questions, 11 MB, 30 ms to load). Titles need all
    n-grams (9 of 319 wrong against 46 by trigrams; 140 MB, 500 ms), so these are loaded only when one comes.
    """
    from lingua import Language, LanguageDetectorBuilder  # noqa: PLC0415 - loaded only for texts in Latin script

    builder = LanguageDetectorBuilder.from_languages(
        Language.ENGLISH, Language.GERMAN, Language.FRENCH, Language.SPANISH
    )
    return (builder.with_low_accuracy_mode() if long else builder).build()
