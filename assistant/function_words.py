"""Small words that tell a language where letter statistics do not: in titles, and around English error messages (pure).

A German who asks about `certificate has expired` writes more English than German; the small words are the person's.
Words that are English too (`die`, `was`, `no`, `me`) are left out.
"""

from __future__ import annotations

import re

WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "de": "aber als auf aus beim bekomme bekommen bitte bleibt da dann das dass dem den der diese diesem diesen "
        "dieser dieses doch ein eine einem einen einer eines euer für geht gibt habe haben ich ihr im ist ja jetzt "
        "kann kein keine keinen kommt können lässt mein meine meinem meinen mich mir mit muss müssen nach nicht "
        "nichts noch nur oder ohne sich seit sind sollte trotzdem um und uns unser unsere unserem unseren vom von vor "
        "wann warum weil welche welchen wenn wer werden wie wieso wir wird wo wurde zu zum zur zwischen über",
        "fr": "aux avec ce ces cette comment dans des donc du elle est et il je les mais mon ne nous notre où par pas "
        "pourquoi quand que quel quelle qui ses sont sur une votre vous",
        "es": "como con cuando cuál cómo cuándo del dónde ella es esta este está las los mi nos nuestro para pero por "
        "porque qué que se sin sus una y yo",
    }.items()
}
_SIGNS = {"de": frozenset("äöüß"), "fr": frozenset("àâçèêëîïôùûœ"), "es": frozenset("ñáíóú¿¡")}
_WORD = re.compile(r"[^\W\d_]+")
_ENOUGH = 2


def language_by_words(text: str) -> str | None:
    """Return the language of which at least two different small words stand in the text, None without a clear one."""
    present = set(_WORD.findall(text.lower()))
    counts = sorted(((len(present & words), language) for language, words in WORDS.items()), reverse=True)
    (most, language), (next_most, _) = counts[:2]
    return language if most >= _ENOUGH and most > next_most else None


def speaks_for(text: str, language: str) -> bool:
    """Return whether a small word or a letter of the language stands in the text; True for languages without a list."""
    if language not in WORDS:
        return True
    lowered = text.lower()
    return bool(WORDS[language].intersection(_WORD.findall(lowered)) or _SIGNS[language].intersection(lowered))
