"""What an admin should look at in an index version: documents that say the same, contradict each other, or are old.

Each finding is a hint with its evidence, never an action. Precision comes before completeness: a list that is wrong
half of the time is not read twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from indexing.claims import Claim, defaults, outdated, uses
from indexing.closed_issue import moment
from indexing.sketches import alike, sketch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from indexing.catalog_rows import ChunkedDocument
    from indexing.index_version import IndexVersion
    from indexing.model import Document

FindingKind = Literal["duplicate", "conflict", "stale"]

_ALIKE = 0.8
_OLD = timedelta(days=365)
_FAR = 3  # major versions behind the newest that is spoken of
_SPOKEN_OF = 3  # issues that must name a product's version before `newest` means anything
_HIGHEST = 99  # a larger number is a year or a build, not a major version
_SNIPPET = 200  # characters of evidence
_PROMISES = re.compile(
    r"\b(?:(?:in|with|until) the (?:next|upcoming) (?:\w+ )?(?:release|version)|coming soon"
    r"|will be (?:released|fixed|available|added|supported|merged|part of)\b(?! (?:if|when|once)|[^.\n]{0,20}\?)"
    r"|not (?:yet )?(?:been )?released yet|not yet (?:released|available|implemented|supported|possible)"
    r"|(?:this|it) is planned|we(?:['\u2019]re| are) (?:planning to|working on)"
    r"|we(?:['\u2019]ll| will) (?:fix|add|release|support|implement)"
    r"|should be (?:released|available) (?:soon|in|this|next))",
    re.IGNORECASE,
)
_SAYS_OLD = re.compile(
    r"\bthis (?:page|document|documentation|guide|article|doc|tutorial|integration|service|feature|project|api)\b"
    r"[^.\n]{0,60}\b(?:is|was|has been) (?:now )?"
    r"(?:deprecated|outdated|obsolete|archived|superseded|no longer maintained)",
    re.IGNORECASE,
)
_TITLE_SAYS_OLD = re.compile(
    r"[(\[](?:deprecated|outdated|obsolete|archived|legacy)[)\]]|^(?:deprecated|outdated|obsolete|archived)\s*[:\u2013-]"
    r"|[:\u2013-]\s*(?:deprecated|outdated|obsolete|archived)$",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"^\W*(?P<product>[A-Za-z][A-Za-z .+-]{1,30}?)[ ]versions?\W{0,6}(?:is |v|version )?(?P<major>\d{1,3})(?:\.\d+)*\b",
    re.IGNORECASE | re.MULTILINE,
)


_RESOLUTION = re.compile(r"^## Resolution\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an admin should look at.

    Attributes:
        kind: `duplicate`: near-identical documents; `conflict`: documents that say different things of one setting;
            `stale`: a document that is out of date.
        documents: `Document.id` of those concerned, the one to look at first in front.
        reason: One line.
        evidence: What the documents say, one piece each, in their order where there is one for each.
    """

    kind: FindingKind
    documents: tuple[str, ...]
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(slots=True)
class _Read:
    """What was kept of all documents after one pass over them."""

    documents: list[Document] = field(default_factory=list)
    sketches: list[bytes] = field(default_factory=list)
    openings: list[str] = field(default_factory=list)
    defaults: dict[str, dict[str, Claim]] = field(default_factory=lambda: defaultdict(dict))
    outdated: dict[str, tuple[str, Claim]] = field(default_factory=dict)
    versions: dict[str, dict[str, tuple[int, str]]] = field(default_factory=lambda: defaultdict(dict))
    stale: list[Finding] = field(default_factory=list)


def findings(version: IndexVersion, *, now: datetime) -> tuple[Finding, ...]:
    """Return what an admin should look at in a version: duplicates, then conflicts, then stale entries.

    Args:
        version: An open version.
        now: In UTC; documents are old from a year on.
    """
    catalog = version.catalog
    read = _read(catalog.chunked(catalog.partitions), now)
    found = [*_duplicates(read), *_conflicts(read)]
    found += _used_though_outdated(catalog.chunked(catalog.partitions), read.outdated)
    return (*found, *read.stale, *_far_behind(read, now), *_lost_originals(read))


def _read(documents: Iterable[ChunkedDocument], now: datetime) -> _Read:
    read = _Read()
    for one in documents:
        document, texts = one.document, [chunk.text for chunk, _ in one.chunks]
        text = "\n\n".join(texts)
        read.documents.append(document)
        read.sketches.append(sketch(text))
        read.openings.append(_snippet(text))
        for claim in defaults(text):
            read.defaults[claim.name].setdefault(document.id, claim)
        for claim in outdated(text):
            read.outdated.setdefault(claim.name, (document.id, claim))
        if document.kind == "issue":
            _read_issue(one, text, read, now)
        elif says := _says_it_is_old(document, texts):
            read.stale.append(Finding("stale", (document.id,), "it says of itself that it is out of date", (says,)))
    return read


def _read_issue(one: ChunkedDocument, text: str, read: _Read, now: datetime) -> None:
    for found in _VERSION.finditer(text):
        product, major = " ".join(found["product"].casefold().split()), int(found["major"])
        if major <= _HIGHEST:
            known = read.versions[product].get(one.document.id)
            if known is None or known[0] < major:
                read.versions[product][one.document.id] = (major, _snippet(found.group()))
    if not _is_old(one.document, now):
        return
    resolution = _resolution(one)
    promise = _PROMISES.search(resolution)
    if promise:
        reason = f"its resolution of {one.document.updated_at[:10]} speaks of something still to come"
        read.stale.append(Finding("stale", (one.document.id,), reason, (_around(resolution, promise),)))


def _resolution(one: ChunkedDocument) -> str:
    """Return the part of an issue that tells its resolution: chunks of their own, or a section of one."""
    own = [chunk.text for chunk, _ in one.chunks if chunk.headings[-1] == "Resolution"]
    sections = [found.group(1) for chunk, _ in one.chunks for found in _RESOLUTION.finditer(chunk.text)]
    return "\n\n".join([*own, *sections])


def _duplicates(read: _Read) -> Iterator[Finding]:
    """Yield each family of near-identical documents once, the largest first."""
    leaders = list(range(len(read.sketches)))
    shares: dict[int, float] = {}

    def leader(place: int) -> int:
        while leaders[place] != place:
            place = leaders[place]
        return place

    for one, other, share in alike(read.sketches, _ALIKE):
        first, second = sorted((leader(one), leader(other)))
        leaders[second] = first
        shares[first] = min(share, shares.get(first, 1.0), shares.get(second, 1.0))
    families: dict[int, list[int]] = defaultdict(list)
    for place in range(len(leaders)):
        families[leader(place)].append(place)
    for first, family in sorted(families.items(), key=lambda entry: -len(entry[1])):
        if len(family) > 1:
            names = tuple(read.documents[place].id for place in family)
            reason = f"{len(names)} documents say nearly the same ({shares[first]:.0%} of their wording at least)"
            yield Finding("duplicate", names, reason, tuple(read.openings[place] for place in family[:2]))


def _conflicts(read: _Read) -> Iterator[Finding]:
    """Yield each setting for which documents tell different defaults."""
    for name, claims in sorted(read.defaults.items()):
        by_value: dict[str, tuple[str, Claim]] = {}
        for document, claim in claims.items():
            by_value.setdefault(_comparable(claim.value), (document, claim))
        if len(by_value) > 1:
            told = " or ".join(claim.value for _, claim in by_value.values())
            documents = tuple(document for document, _ in by_value.values())
            evidence = tuple(claim.line for _, claim in by_value.values())
            yield Finding("conflict", documents, f"the default of {name} is {told}", evidence)


def _comparable(value: str) -> str:
    plain = value.strip("\"'").rstrip("/")
    return {"yes": "true", "on": "true", "enabled": "true", "no": "false", "off": "false", "disabled": "false"}.get(
        plain, plain
    )


def _used_though_outdated(
    documents: Iterable[ChunkedDocument], names: Mapping[str, tuple[str, Claim]]
) -> Iterator[Finding]:
    """Yield each document that uses a name which another one calls deprecated, removed or renamed."""
    if not names:
        return
    for one in documents:
        for name, (told_by, claim) in names.items():
            if told_by == one.document.id or not one.document.confirmed:
                continue
            line = next((line for chunk, _ in one.chunks if (line := _use(chunk.text, name, claim))), "")
            if line and not any(claimed.name == name for chunk, _ in one.chunks for claimed in outdated(chunk.text)):
                reason = f"{name} is {claim.value} by one document and used by the other"
                yield Finding("conflict", (one.document.id, told_by), reason, (line, claim.line))


def _use(text: str, name: str, claim: Claim) -> str:
    line = uses(text, name)
    return "" if line == claim.line else line


def _far_behind(read: _Read, now: datetime) -> Iterator[Finding]:
    """Yield the old issues about a version of a product that is far behind the newest one spoken of."""
    documents = {document.id: document for document in read.documents}
    for product, spoken in sorted(read.versions.items()):
        majors = sorted(major for major, _ in spoken.values())
        if len(majors) < _SPOKEN_OF:
            continue
        newest = majors[-2]  # one may be a slip of the pen
        for name, (major, line) in spoken.items():
            if newest - major >= _FAR and _is_old(documents[name], now):
                reason = f"it is about {product} {major}; others speak of {newest}"
                yield Finding("stale", (name,), reason, (line,))


def _lost_originals(read: _Read) -> Iterator[Finding]:
    there = {document.id for document in read.documents}
    for document in read.documents:
        if document.closed_as == "duplicate" and document.duplicate_of and document.duplicate_of not in there:
            yield Finding("stale", (document.id,), f"its original {document.duplicate_of} is not in the index")


def _says_it_is_old(document: Document, texts: Sequence[str]) -> str:
    if _TITLE_SAYS_OLD.search(document.title):
        return document.title
    found = _SAYS_OLD.search(texts[0]) if texts else None
    return _around(texts[0], found) if found else ""


def _is_old(document: Document, now: datetime) -> bool:
    updated = moment(document.updated_at)
    return updated is not None and now - updated > _OLD


def _around(text: str, found: re.Match[str]) -> str:
    return _snippet(text[max(0, found.start() - _SNIPPET // 3) :])


def _snippet(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SNIPPET else plain[: _SNIPPET - 1] + "…"
