"""What a message wants before anything is searched: nothing to answer, or people."""

from __future__ import annotations

import re

_FOR_PEOPLE = re.compile(
    r"\b(?:please|pls|can you|could you|just)\W+(?:\w+\W+){0,2}?(?:escalate|open (?:an? )?(?:issue|ticket)"
    r"|create (?:an? )?(?:issue|ticket))"
    r"|^\W*escalate\b|\bescalate this\b|\b(?:talk|speak) to (?:a |some )?(?:human|person|people|someone)"
    r"|\bbitte\W+(?:\w+\W+){0,2}?(?:eskalier\w*|ticket|issue)|\b(?:ticket|issue) (?:anlegen|öffnen|aufmachen|erstellen)"
    r"|\bmit (?:einem )?(?:menschen|mitarbeiter) (?:sprechen|reden)"
    r"|(?:请|幫|帮)(?:我)?(?:转|轉)?(?:人工|提(?:交)?工单|开(?:个)?工单|创建工单)|转人工|エスカレ|担当者(?:と|に)"
    r"|создайте (?:заявку|тикет)|ouvr(?:ez|ir) un ticket|abr(?:e|ir|a) un ticket",
    re.IGNORECASE | re.MULTILINE,
)
_GREETING = re.compile(
    r"^\W*(?:(?:hi|hello|hey|hallo|moin|servus|good (?:morning|afternoon|evening)|guten (?:tag|morgen|abend)"
    r"|test|testing|ping"
    r"|thanks?(?: you)?|thx|danke(?: schön)?|ok(?:ay)?|你好|您好|谢谢|こんにちは|ありがとう)(?:\W+(?:there|all"
    r"|team|everyone|zusammen|everybody))?\W*)+$",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    r"!\[[^\]]*\](?:\([^)]*\))?|\(image\)|<img\b[^>]*>|\[(?:image|screenshot|picture)\]", re.IGNORECASE
)


def wants_people(text: str) -> bool:
    """True when the message asks for an issue or for a person in so many words."""
    return bool(_FOR_PEOPLE.search(text))


def says_nothing(text: str) -> bool:
    """True for a greeting, a thank-you or a test: there is nothing to look up."""
    return bool(_GREETING.match(text)) or not any(character.isalnum() for character in text)


def is_picture_only(text: str) -> bool:
    """True when nothing but pictures was sent."""
    return bool(_PICTURE.search(text)) and not any(character.isalnum() for character in _PICTURE.sub("", text))
