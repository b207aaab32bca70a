"""Removes every link from text a model wrote: an address there could carry data away when it is rendered or opened.

Links that people see are built by the program from the index. Labels stay; addresses go.
"""

from __future__ import annotations

import re
import string

from assistant.core.safety import clean

LINK_REMOVED = "[link removed]"

_ENTITY = re.compile(
    r"&(?:#(\d{1,6})|#[xX]([0-9a-fA-F]{1,5})|(colon|sol|bsol|period|commat|lpar|rpar|lsqb|rsqb|excl|quest|num));?"
)
_ADDRESS_CHARACTERS = frozenset(string.ascii_letters + string.digits + ":/\\.?#@[]()!%=~-_")
_NAMED = {
    "colon": ":",
    "sol": "/",
    "bsol": "\\",
    "period": ".",
    "commat": "@",
    "lpar": "(",
    "rpar": ")",
    "lsqb": "[",
    "rsqb": "]",
    "excl": "!",
    "quest": "?",
    "num": "#",
}

_DESTINATION = (
    r"\(\s{0,20}(?:<[^<>\n]{0,2000}>|[^()\s]{0,2000}(?:\([^()\s]{0,500}\)[^()\s]{0,500}){0,4})"
    r"(?:\s{1,20}(?:\"[^\"]{0,500}\"|'[^']{0,500}'|\([^()]{0,500}\)))?\s{0,20}\)"
)
_INLINE_LINK = re.compile(r"!?\[([^\[\]]{0,1000})\]" + _DESTINATION)
_REFERENCE_LINK = re.compile(r"!?\[([^\[\]]{1,1000})\][ ]?\[([^\[\]]{0,200})\]")
_DEFINITION = re.compile(
    r"(?m)^[ \t>]{0,20}\[[^\[\]\n]{1,200}\]:[^\n]*(?:\n[ \t>]{0,20}(?:[\"'(][^\n]*|<?[a-z][a-z0-9+.-]{1,20}:[^\n]*))?$"
)
_SLACK_LINK = re.compile(r"<([^<>|\s]{1,2000})\|([^<>|\n]{1,500})>")
_SLACK_MENTION = re.compile(r"<([!@#](?!--|DOCTYPE)[^<>\s|]{1,100})>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|at|img|image|iframe|frame|script|object|embed|link|meta|base|form|input|button|video|audio|source|track|svg|use"
    r"|area|map|style|body|table|td|th|div|span|p|blockquote|q|ins|del|picture|portal|math|details)\b[^<>]{0,4000}>?",
    re.IGNORECASE,
)
_TICKS = re.compile("`+")
_PASSES = 6
_COLON = r"\\?[:\uff1a]"
_SLASH = r"\\?[/\\\uff0f]"
_URL_TAIL = r"[^\s<>\"'`\u3000-\u3003\u3008-\u3011\uff0c\uff1b\u201c\u201d|]*"
_SCHEME_URL = re.compile(
    rf"(?:[A-Za-z\uff41-\uff5a][A-Za-z0-9+.\uff41-\uff5a-]{{0,30}})?{_COLON}{_SLASH}{{2}}{_URL_TAIL}"
    rf"|(?<![A-Za-z0-9])(?:(?:javascript|vbscript|mailto|blob|callto|skype|slack|msteams|ftp|https?){_COLON}(?=[^\s]){_URL_TAIL}"
    rf"|data{_COLON}(?=[\w.+-]{{0,40}}(?:[;,]|/[\w.+-]{{1,40}}[;,])){_URL_TAIL}"
    rf"|(?:tel|sms){_COLON}(?=[+\d]){_URL_TAIL}|file{_COLON}(?={_SLASH}){_URL_TAIL}"
    rf"|www\\?\.{_URL_TAIL}"
    rf"|(?<![:/\w])//(?=[A-Za-z0-9\[])[^\s/]{{1,253}}{_URL_TAIL})",
    re.IGNORECASE,
)
_HOST_PATH = re.compile(
    r"(?<![\w/.@\\~$-])(?:[^\W_](?:[\w-]{0,61}[^\W_])?\\?\.){1,8}(?P<last>[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})(?::\d{1,5})?"
    r"(?P<path>[/?](?:[^\s<>\"'`|]*))"
    r"|(?<![\w/.@-])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?[/?][^\s<>\"'`|]*"
)
_FILE_ENDINGS = frozenset(
    (
        *("cfg", "conf", "css", "env", "git", "gz", "html", "ini", "jar", "java", "js", "json", "lock", "log", "rb"),
        *("service", "sql", "tar", "tgz", "toml", "ts", "txt", "xml", "yaml", "yml"),
    )
)
"""Last labels that are file endings and no top-level domains: `values.yaml/x` is a path."""
_API_GROUP = re.compile(r"/v\d{1,2}(?:(?:alpha|beta)\d{0,2})?[,.;:)]?$")
"""Kubernetes API versions (`networking.k8s.io/v1`) carry nothing away."""


def without_links(text: str) -> str:
    """Return Markdown without any address in it; labels stay, bare addresses become `[link removed]`.

    Covers inline, reference and Slack links, definitions, autolinks, bare and scheme-less addresses, `www.`, `//host`,
    `javascript:`, `data:`, `mailto:`, images and HTML, also with character references, backslashes or full-width
    letters in them; and the mentions of Slack and Teams in angle brackets (`<!everyone>`, `<@U1>`, `<at>`). Citation
    marks (`[1]`, `[1][2]`, `[1](address)`) stay marks. Bare e-mail addresses stay. In code only the addresses go, so
    that `a[i](b)` stays what it is.
    """
    text = _ENTITY.sub(_decoded, clean(text))
    for _ in range(_PASSES):
        before = text
        text = _DEFINITION.sub("", text)
        text = "".join(part if is_code else _without_markup(part) for is_code, part in _code_and_prose(text))
        text = _HOST_PATH.sub(_host_path, _SCHEME_URL.sub(_address, text)).replace(f"<{LINK_REMOVED}>", LINK_REMOVED)
        if text == before:
            break
    return text


def _without_markup(text: str) -> str:
    text = _INLINE_LINK.sub(_label, text)
    text = _REFERENCE_LINK.sub(_reference_label, text)
    text = _SLACK_LINK.sub(lambda match: match[2] if _looks_like_target(match[1]) else match[0], text)
    text = _SLACK_MENTION.sub(r"\1", text)
    return _TAG.sub("", text)


def _code_and_prose(text: str) -> list[tuple[bool, str]]:
    """Split into (is code, piece), pieces joined give the text; code is what stands between equal runs of backticks."""
    runs = [match.span() for match in _TICKS.finditer(text)]
    later: dict[int, list[int]] = {}
    for number in range(len(runs) - 1, -1, -1):
        later.setdefault(runs[number][1] - runs[number][0], []).append(number)
    pieces, at, number = [], 0, 0
    while number < len(runs):
        same = later[runs[number][1] - runs[number][0]]
        while same and same[-1] <= number:
            same.pop()
        if same:
            pieces += [(False, text[at : runs[number][0]]), (True, text[runs[number][0] : runs[same[-1]][1]])]
            number = same[-1]
            at = runs[number][1]
        number += 1
    return [*pieces, (False, text[at:])]


def _address(match: re.Match[str]) -> str:
    """Closing punctuation of the sentence around an address is put back."""
    address = match[0]
    kept = address.rstrip(".,;:!?")
    if kept.endswith(")") and kept.count("(") < kept.count(")"):
        kept = kept[:-1].rstrip(".,;:!?")
    return LINK_REMOVED + address[len(kept) :]


def _decoded(match: re.Match[str]) -> str:
    """Characters an address is made of are decoded, so that they cannot hide one; `&lt;` and the like stay."""
    if match[3]:
        return _NAMED[match[3]]
    code = int(match[1]) if match[1] else int(match[2], 16)
    return chr(code) if chr(code) in _ADDRESS_CHARACTERS else match[0]


def _label(match: re.Match[str]) -> str:
    label = match[1].strip()
    return f"[{label}]" if label.isdigit() else label


def _reference_label(match: re.Match[str]) -> str:
    if match[1].strip().isdigit() and (match[2].strip().isdigit() or not match[2]):
        return match[0]
    if match[0].startswith(LINK_REMOVED) or f"[{match[2]}]" == LINK_REMOVED:
        return match[0]
    if match[2].strip().isdigit():
        return f"{match[1]} [{match[2]}]" if match[0].startswith("!") else match[0]
    return match[1]


def _looks_like_target(target: str) -> bool:
    return bool(_SCHEME_URL.match(target) or _HOST_PATH.match(target) or target[:1] in "#@!")


def _host_path(match: re.Match[str]) -> str:
    last = (match["last"] or "").lower()
    if last in _FILE_ENDINGS or _API_GROUP.fullmatch(match["path"] or ""):
        return match[0]
    return LINK_REMOVED
