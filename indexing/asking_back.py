"""What a responder had to ask for before a closed issue could be solved. Pure; a part of `indexing/resolution.py`.

Only questions and requests count (`which version are you on?`, `please post the full log`), by sentence, in English,
German and Chinese: a responder who tells to look into a log asks for nothing.
"""

# ruff: noqa: RUF001 - punctuation of other languages is what is looked for here

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.cutting import weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.solving import Said

_SAID_BY_ASKER = 4
"""Words from which a reply of the asker says something."""


def _whole(english_and_german: str, chinese: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{english_and_german})\b|{chinese}", re.IGNORECASE)


KINDS = {
    "error_text": _whole(
        r"(?:see|get|getting|receiv\w+|seeing|show\w*|what|which|exact|full|complete|any|specific) (?:\w+ ){0,4}"
        r"(?:errors?|exceptions?|error messages?)|fehlermeldung\w*|fehlertext|welchen fehler",
        "报错|错误信息|错误提示|什么错误",
    ),
    "log": _whole(
        r"\w*logs?|log (?:files?|output)|stack ?traces?|tracebacks?|(?:browser|javascript|js|developer) consoles?"
        r"|network (?:tab|inspector)|job output|\w*protokoll\w*|logdatei\w*|konsole",
        "日志|堆栈|控制台",
    ),
    "version": _whole(
        r"(?:what|which|your|the|exact) (?:\w+ ){0,3}(?:version|release|edition|build)|versions?(?= (?:of|are|do|is))"
        r"|version\W*$|welche\w* (?:\w+ ){0,2}(?:version|release)|versionsnummer",
        "哪个版本|什么版本|版本号|版本是",
    ),
    "runner": _whole(r"\w*runners?|executors?", "运行器|执行器"),
    "project": _whole(
        r"(?:which|what|your|link to (?:the|your)) (?:\w+ )?(?:project|pipeline|repository|repo|job)(?! (?:log|output))"
        r"|welche\w* (?:projekt|pipeline|job)|link zu\w* (?:projekt|pipeline|job)",
        "哪个项目|哪个流水线|哪个作业|项目链接|流水线链接",
    ),
    "configuration": _whole(
        r"(?:\w+[ -])?config\w*|settings?|\S*\.(?:ya?ml|toml|env|ini|conf)|dockerfile|compose file|connection string"
        r"|environment variables?|options? (?:have you|did you|do you)|konfiguration\w*|einstellung\w*",
        "配置|设置",
    ),
    "installation": _whole(
        r"(?:how|where) (?:(?:did|do|have|are|is|was) )?(?:\w+ ){0,3}(?:install\w*|deploy\w*|host\w*|run(?:ning)?"
        r"|set ?up)"
        r"|fresh install\w*|your (?:\w+ ){0,2}(?:setup|set-up|installation|deployment|environment|instance)"
        r"|operating system|which os|browser/os|self[- ]hosted|instance size|memory/cpu"
        r"|(?:using|running) (?:docker|kubernetes|k8s)"
        r"|(?:what|how (?:much|many)) (?:\w+ ){0,3}(?:resources|memory|cpu|ram|workers)"
        r"|wie (?:\w+ ){0,3}installiert|betriebssystem|umgebung",
        "怎么安装|如何安装|怎么部署|如何部署|操作系统|环境是",
    ),
    "code": _whole(
        r"(?:share|post|show|what|which|your|full|exact|complete|the|example|provide) (?:\w+ ){0,3}"
        r"(?:quer(?:y|ies)|commands?|sql|curl|script|code|snippet|request)|befehl\w*|abfrage\w*",
        "命令|查询语句|代码|脚本",
    ),
    "steps": _whole(
        r"steps?|reproduc\w*|what (?:did|do) you (?:do|click|run|type)|what happens (?:if|when)|when does (?:it|this)"
        r"|schritte?\w*|reproduzier\w*|nachstell\w*|was (?:passiert|machst du|hast du gemacht)",
        "步骤|重现|复现|什么操作",
    ),
    "screenshot": _whole(r"screen ?shots?|screen captures?|looks? like|sketch|bildschirmfoto\w*", "截图|截屏"),
    "example": _whole(
        r"(?:an|some|any|the|your) (?:\w+ ){0,2}(?:example|sample)s?|sample data|example (?:of|url|data)"
        r"|share (?:the|your|some) data|samples? of|(?:result|output) (?:do you|does it)|beispiel\w*",
        "例子|示例|样例",
    ),
    "browser": _whole(r"browsers?|safari|firefox|chrome", "浏览器"),
    "system": _whole(
        r"(?:what|which) (?:(?:kind|type|sort) of )?(?:\w+ ){0,2}"
        r"(?:database|data ?sources?|db|engine|provider|service|tool|client|language|product|parameter)s?"
        r"|welche\w* (?:datenbank|datenquelle|dienst|werkzeug|produkt)",
        "哪个数据库|什么数据库|数据源|哪个服务|哪个产品",
    ),
    "tried": _whole(
        r"(?:have|did) you (?:already )?(?:tried|try)|what (?:\w+ ){0,4}tried|debug\w* steps"
        r"|was hast du (?:\w+ )?versucht|schon versucht",
        "试过|尝试过",
    ),
    "meaning": _whole(
        r"what do you mean|elaborate|clarify|be more specific|more (?:details?|info\w*|context|specific\w*)"
        r"|further information|use case|(?:trying|expect\w*) (?:it )?to (?:do|achieve|see|accomplish|happen)"
        r"|what exactly|(?:not|n['’]t) (?:sure (?:that )?i )?understand|why (?:do|would|are) you|what is your question"
        r"|goal|was genau|was meinst du|genauer|mehr (?:details|infos)",
        "具体|什么意思|更多信息|详细",
    ),
}
"""Kinds of detail, and how it is asked for each; the words of `assistant/texts.py`."""

_SENTENCE = re.compile(r"[^.!?\n。？！]*(?:\.(?=\w)[^.!?\n。？！]*)*[.!?。？！]*")
_REQUEST = re.compile(
    r"[?？]\W*$|\b(?:please|pls|kindly) (?:\w+ )?(?:share|post|provide|paste|send|attach|include|add|describe|tell"
    r"|give|show|let)\b|\b(?:can|could|would) you (?:\w+ )?(?:share|post|provide|paste|send|attach|include|describe"
    r"|tell|give|show|elaborate|clarify)\b"
    r"|\b(?:i|we)(?:['’]ll| will| would)? need (?:\w+ ){0,3}(?:information|details?|to (?:know|see))"
    r"|^\W*(?:share|post|paste|attach) (?:the|your)\b|\b(?:without|any) more (?:details|information)\b"
    r"|\bbitte\b.{0,60}\b(?:schick\w*|poste\w*|nenn\w*|gib|geben|angeben|teile?n?|zeig\w*|füge?n?|beschreib\w*)\b"
    r"|\b(?:kannst du|können sie|könntest du)\b|请(?:提供|发|贴|给|说明|附|告诉)|能(?:否|不能)?(?:提供|发|贴|给)",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"(?s)(?:`{3,}|~{3,}).*?(?:`{3,}|~{3,}|\Z)|https?://\S+|(?m:^\s*>.*$)")


@dataclass(frozen=True, slots=True)
class AskedBack:
    """What the responders asked for before the issue was solved.

    Attributes:
        kinds: Kinds of detail, in the order of `KINDS`; empty when nothing was asked for.
        provided: The asker replied to it with something.
    """

    kinds: tuple[str, ...] = ()
    provided: bool = False


def kinds_asked(text: str) -> tuple[str, ...]:
    """Return the kinds of detail that a comment asks for, in the order of `KINDS`."""
    sentences = (match.group().strip() for match in _SENTENCE.finditer(_HIDDEN.sub(" ", text)))
    asking = [sentence for sentence in sentences if _REQUEST.search(sentence)]
    return tuple(kind for kind, pattern in KINDS.items() if any(pattern.search(sentence) for sentence in asking))


def asked_back(thread: Sequence[Said], solution: Sequence[int]) -> AskedBack:
    """Return what responders asked for before the first comment that belongs to the solution.

    Where the first word of a responder is the solution, only that is looked at: it may solve and ask at once.

    Args:
        thread: All comments, in order of time.
        solution: Positions of the comments that solved the issue.
    """
    responders = [number for number, said in enumerate(thread) if said.is_responder and not said.is_asker]
    if not responders:
        return AskedBack()
    solved_at = min((number for number in solution if number >= responders[0]), default=len(thread))
    looked_at = [number for number in responders if number < max(solved_at, responders[0] + 1)]
    asked = {number: kinds_asked(thread[number].text) for number in looked_at}
    first = next((number for number, kinds in asked.items() if kinds), None)
    if first is None:
        return AskedBack()
    replied = any(said.is_asker and weight(said.text) >= _SAID_BY_ASKER for said in thread[first + 1 :])
    kinds = frozenset().union(*asked.values())
    return AskedBack(tuple(kind for kind in KINDS if kind in kinds), replied)
