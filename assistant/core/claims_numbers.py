"""Numbers with their units: `60 minutes` is `1 hour`, and neither is `6 hours`."""

# ruff: noqa: SIM905 - long lists of quoted words would be no clearer

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TIMES = {
    1: "s sec secs second seconds sekunde sekunden 秒",
    60: "m min mins minute minutes minuten 分钟 分",
    3600: "h hr hrs hour hours stunde stunden 小时 時間",
    86400: "d day days tag tage tagen 天 日",
    604800: "w week weeks woche wochen 周",
    0.001: "ms millisecond milliseconds millisekunden 毫秒",
}
_SIZES = {
    1: "b byte bytes",
    2**10: "k kb kib kilobyte kilobytes",
    2**20: "mb mib megabyte megabytes",
    2**30: "g gb gib gigabyte gigabytes",
    2**40: "tb tib terabyte terabytes",
}
_UNITS: dict[str, tuple[str, float]] = {
    **{name: ("s", float(scale)) for scale, names in _TIMES.items() for name in names.split()},
    **{name: ("B", float(scale)) for scale, names in _SIZES.items() for name in names.split()},
    **dict.fromkeys(("%", "percent", "prozent"), ("%", 1.0)),
    **dict.fromkeys(("month", "months", "monat", "monate", "monaten", "个月"), ("month", 1.0)),
    **dict.fromkeys(("year", "years", "jahr", "jahre", "jahren", "年"), ("month", 12.0)),
}
_SPELT = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve".split()
        + "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split(),
        [*range(1, 13), *range(1, 13)],
        strict=True,
    )
)
_NUMBER = re.compile(r"(?<![\w.,-])v?(\d+(?:[.,:]\d+)*)(?:[ \t\u00a0-]?(%|[A-Za-zäöüß]+|[\u3040-\u9fff]{1,2}))?")
_SPELT_OUT = re.compile(rf"\b({'|'.join(_SPELT)})[ -]([a-zäöüß]+)\b", re.IGNORECASE)
_LIST_NUMBER = re.compile(r"(?m)^\s*\d{1,3}[.)]\s+")
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it was written, and what it comes to.

    Attributes:
        unit: `s`, `B`, `%` or `month`; empty when none was read.
        amount: In that unit; 0 without one.
    """

    written: str
    unit: str = ""
    amount: float = 0.0


@lru_cache(256)
def quantities(text: str) -> frozenset[Quantity]:
    """Return the numbers of a text with their units; numbers of list items are left out."""
    plain = _LIST_NUMBER.sub("", text)
    found = {_quantity(match[1], match[2] or "") for match in _NUMBER.finditer(plain)}
    for match in _SPELT_OUT.finditer(plain):
        if match[2].casefold() in _UNITS:
            found.add(_quantity(str(_SPELT[match[1].casefold()]), match[2]))
    return frozenset(found)


def without_quantities(text: str) -> str:
    """Return the text without its numbers and their units, which are compared apart."""
    return _NUMBER.sub(lambda match: " " if is_unit(match[2] or "") else f" {match[2] or ''}", text)


def is_unit(word: str) -> bool:
    """True for words that `quantities` reads as a unit."""
    return word.casefold() in _UNITS


def _quantity(written: str, unit: str) -> Quantity:
    kind, scale = _UNITS.get(unit.casefold(), _UNITS.get(unit[:1], ("", 0.0)) if not unit.isascii() else ("", 0.0))
    number = written.replace(",", ".")
    if not kind or number.count(".") > 1 or ":" in number:
        return Quantity(written)
    return Quantity(written, kind, float(number) * scale)


def missing_numbers(wanted: frozenset[Quantity], held: frozenset[Quantity]) -> tuple[str, ...]:
    """Return the numbers that are wanted and not held, as they were written.

    The same amount in another unit is the same; a number that stands alone on one side fits any unit on the other.
    """
    return tuple(sorted(one.written for one in wanted if not any(_is_same(one, other) for other in held)))


def _is_same(wanted: Quantity, held: Quantity) -> bool:
    if wanted.unit and held.unit:
        return wanted.unit == held.unit and abs(wanted.amount - held.amount) < _EQUAL * max(1.0, wanted.amount)
    return wanted.written == held.written
