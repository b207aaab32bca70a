"""How people write in issues that something helped, failed, is asked or is told. Pure; a part of `indexing/solving.py`.

Patterns of whole words: English first, then the commonest words of other languages.
"""

from __future__ import annotations

import re

from indexing.cutting import weight

_SHORT = 4  # words under which a comment says hardly anything
TALK = 14
"""Words up to which thanks are nothing but thanks."""

_QUESTION_MARKS = "?\uff1f"
_SENTENCE = re.compile(r"[^.!?\n\u3002\uff1f]+[.!?\u3002\uff1f]*")


def _any(*alternatives: str) -> re.Pattern[str]:
    """Return a pattern of whole words in languages that have spaces. An apostrophe is straight or curly."""
    words = "|".join(alternatives).replace("'", "['\u2019]")
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


def _unspaced(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives))


THANKS = _any(
    r"thanks?|thank you|thx|ty|cheers|awesome|great|perfect|really appreciated",
    r"(?<!be )much appreciated|(?:i|we) (?:really |very much )?appreciate",
    r"danke\w*|vielen dank|merci|gracias|obrigad\w+|grazie",
)
THANKS_UNSPACED = _unspaced("谢谢", "感謝", "感谢", "ありがとう", "고맙", "спасибо")
WORKED = _any(
    r"(?:that|this|it|which) (?:has |now |also )?(?:worked|works|did (?:the trick|it)|helped|fixed|solved|resolved)",
    r"(?:works?|working|worked) (?:now|fine|like a charm|perfectly|great|for me|well|as expected|again)",
    r"(?:problem|issue|it's|it is|now|got it) (?:is |was |now )?(?:solved|fixed|resolved|working)",
    r"(?:solved|resolved|fixed) (?:it|my|the|this|now)|got it (?:to work|working)|(?<!if )it work(?:s|ed)?",
    r"did the trick",
    r"(?:seems?|appears?) to (?:work|be (?:working|fixed|solved|fine))|solved all my",
    r"success(?=[,!:])",
    r"you(?:'re| are| were) right|no longer (?:see|happen|fail)\w*|that was (?:it|the (?:problem|issue))",
    r"funktioniert|geht jetzt|gelöst|behoben|hat geholfen|klappt",
    r"résolu|ça marche|fonctionne|resuelto|funciona|risolto",
)
WORKED_UNSPACED = _unspaced("已解决", "解决了", "好了", "可以了", "解決しま", "できました", "解決済")
FAILED = _any(
    r"(?:does|did|do|is|was|has)(?:n't|nt|not| not)(?: seem to| to)? (?:work|help|fix|solve|change|working)\w*",
    r"still (?:not|the same|get\w*|got|no|see\w*|fail\w*|have|having|does)|no luck|(?:no|to) avail|without success",
    r"not working|same (?:error|problem|issue|result)|(?:hat|geht|funktioniert) (?:leider )?nicht|immer noch",
)
FAILED_UNSPACED = _unspaced("还是不行", "没有用", "不行", "だめ")
_SELF_SOLVED = _any(
    r"(?:i|we)(?:'ve| have)? (?:just |finally |now |was able (?:to )?|could )?"
    r"(?:solved?|fix(?:ed)?|resolved?|found (?:the|a|it|out)|managed to|figured (?:it |this |that )?out)",
    r"(?:finally |i |we |to )g[eo]t (?:it|this|that|everything|things|it all) (?:to work|working|running|fixed|solved)",
    r"it was (?:an?|because|due)|(?:cause|problem|issue|reason) (?:was|were)",
    r"(?:solution|fix|workaround|root cause|culprit|answer) (?:was|is|were)",
    r"(?:solved|fixed) (?:it )?by|turn(?:s|ed) out|for (?:anyone|others|the record|future|posterity)",
    r"(?:worked|works) for me|it works (?:if|when|after|with|now)|ended up|my (?:mistake|bad|fault)|user error",
    r"(?:silly|stupid|dumb|a|the) (?:mistake|typo)|silly on my (?:end|part|side)|"
    r"\w+ing (?:that|this|it|them|to \S+|the \S+(?: \S+)?) (?:fixed|solved|resolved|worked|helped|did)|"
    r"(?:solved|fixed|resolved) all my|"
    r"(?:solved|fixed|resolved|did the trick|helped)(?: this| it| that| the \w+)? for (?:me|us)",
    r"work(?:s|ing|ed) (?:fine |now |well |again )*(?:if|after|when|once|since) (?:i|we|you|the|setting|adding|using)",
    r"die lösung|lösung war|gelöst (?:durch|mit)|(?:ich|wir) (?:habe?n?) .{0,40}gelöst|lag an",
    r"(?:edit|update|solution|solved|fixed|lösung)(?=\s*[:\uff1a])",
)
_SELF_SOLVED_UNSPACED = _unspaced("解决方法", "解决方案", "解决办法", "原因是", "解決方法", "原因は")
_ME_TOO = re.compile(
    r"^\W*(?:\+1|same (?:here|issue|problem|question|error)|me too|bump\b|also interested|gleiches problem|ich auch)"
    r"|\b(?:having|have|facing|face|get|getting|got) (?:the|this|a) ?(?:exact |very )?(?:same|similar) "
    r"(?:problem|issue|error)"
    r"|\b(?:did|have) (?:you|anyone|anybody|someone|u) (?:ever )?(?:find|found|solve|manage|figure|get)"
    r"|\bany (?:news|update|progress|luck|idea|solution|workaround)|\bis there any (?:update|news|solution)"
    r"|\b(?:was|is|has) (?:this|it)(?: been| ever)* (?:resolved|solved|fixed)\s*\?|\bwere you able"
    r"|\blet (?:me|us) know if (?:you|any)|同样|同問",
    re.IGNORECASE,
)
_SEEKS = _any(
    r"(?:any|some|your) (?:help|advice|ideas?|hints?|pointers?|guidance)\b[^.\n]{0,40}(?:appreciated|welcome|great)",
    r"(?:i'm|i am|we are|we're) (?:also |currently |still )?(?:searching|looking) for",
    r"am i (?:missing|doing)|please help",
    r"glad to (?:get|receive) (?:your|any|some)|(?:i|we)(?:'m| am|'re| are)? (?:came|run|ran|running) (?:across|into)"
    r" (?:the|a) (?:same|similar)",
    r"(?:can|could) (?:someone|anyone|somebody|anybody|you)(?: \w+)? (?:help|explain|give me|tell me)",
    r"(?:ich suche|wir suchen) (?:auch|ebenfalls)|kann (?:mir )?jemand",
)
_THANKS_FOR_SOLUTION = _any(
    r"(?:posting|sharing|reporting|sending|writing)(?: back| up| with)? (?:your |the |this |a |that )?"
    r"(?:solution|fix|workaround|answer|follow-up|findings|resolution)",
    r"(?:great|good|nice) (?:find|catch|solution)|glad (?:you|to hear you|that you)(?: \w+)? "
    r"(?:figured|found|solved|fixed|got|sorted)|(?:danke|dank) für (?:die lösung|deine lösung|ihre lösung)",
)
_AGREES = _any(
    r"(?:that|this)(?:'s| is| was) (?:right|correct|how|the (?:right|correct|best)|exactly|true)|exactly|well said",
    r"(?:@\S+|you|he|she|they)(?:'s|'re| is| are) (?:absolutely |completely )?(?:right|correct)",
    r"i agree|agreed|as \S+ said",
    r"(?:stimmt|genau|richtig)",
)
_ACTED = _any(
    r"(?:(?:i|we|ich|wir)(?:'ve| have| had to| habe?n?)? (?:\w+ ){0,2}|(?<=[.,;!] ))"
    r"(?:set|changed|added|removed|installed|updated|upgraded|used|created|deleted|replaced|switched|restarted|edited"
    r"|modified|ran|put|moved|renamed|cleaned|geändert|gesetzt|installiert|entfernt|hinzugefügt)",
)
_NAMES_FIX = re.compile(
    r"\b(?:clos|fix|resolv|implement|address|merg|releas|solv|correct|land|behob|gelöst)\w*(?: \w+)?[: ]+"
    r"(?:(?:in|by|with|via|through|durch|mit)[: ]+)?"
    r"(?:the )?(?:version |release |commit |merge request |pull request |pr |mr )?"
    r"(?:[\w./-]*[!#]\d+|[0-9a-f]{7,40}\b|v?\d+\.\d+|<?https?://\S+/(?:merge_requests|pull|commit)/\w)",
    re.IGNORECASE,
)
_ASKS_BACK = _any(
    r"(?:can|could|would) you (?:please |also |maybe )?(?:share|post|provide|show|try|check|paste|send|tell|give"
    r"|include|elaborate|explain|describe|confirm|clarify|open)",
    r"what (?:version|is the|are the|do you|does|kind|exactly|happens)|what's|which (?:version|browser|query|data)",
    r"do you (?:have|see|use|get|mean|know)|are you (?:using|running|sure|able)|is it possible (?:that )?you",
    r"(?:have|did) you (?:tried|checked|try|check|run|restart)|how (?:did|do|are) you|more (?:details|info)",
    r"welche version|können sie|kannst du",
)
FINAL = _any(
    r"you (?:can|need to|should|have to|could|must|may|will need)|try|use|set|run|add|change|replace|install|upgrade",
    r"update|remove|make sure|check|see|there(?:'s| is)|instead|because|currently|known (?:bug|issue|limitation)",
    r"not (?:possible|supported|available|implemented|currently)|not? (?:way|yet)|this (?:is|was) (?:a|due|by)",
    r"(?:is|was|been) (?:fixed|released|merged|added|supported|removed|available)|sie müssen|du musst|bitte",
)
FINAL_UNSPACED = _unspaced("请", "需要", "可以")
LINK = re.compile(r"https?://")
CODE = re.compile(r"```|~~~|`[^`\n]+`|^(?: {4}|\t)\S", re.MULTILINE)


def is_noise(text: str) -> bool:
    """Return whether a comment says nothing but thanks, `me too` or `any news?`."""
    size = weight(text)
    if CODE.search(text) or LINK.search(text):
        return False
    if size < _SHORT:
        return True
    if size <= 3 * TALK and _ME_TOO.search(text):
        return True
    return size <= TALK and says(text, THANKS, THANKS_UNSPACED) and not tells_solution(text)


def says(text: str, *patterns: re.Pattern[str]) -> bool:
    """Return whether any of the patterns stands in the text."""
    return any(pattern.search(text) for pattern in patterns)


def tells_solution(text: str) -> bool:
    """Return whether a comment says that its author solved it."""
    if says(text, _SELF_SOLVED, _SELF_SOLVED_UNSPACED):
        return True
    return says(text, WORKED, WORKED_UNSPACED) and says(text, _ACTED)


def seeks_help(text: str) -> bool:
    """Return whether a comment looks for an answer rather than gives one."""
    return says(text, _SEEKS)


def thanks_for_solution(text: str) -> bool:
    """Return whether a comment thanks for a solution, as responders do when somebody else told it."""
    return says(text, _THANKS_FOR_SOLUTION)


def agrees(text: str) -> bool:
    """Return whether a comment says that what was said before it is right."""
    return weight(text) <= 3 * TALK and says(text, _AGREES)


def names_fix(text: str) -> bool:
    """Return whether a comment names the commit, merge request or release that solved it."""
    return bool(_NAMES_FIX.search(text))


def is_question(text: str) -> bool:
    """Return whether a comment mostly asks."""
    plain = re.sub(r"(?s)(`{3,}|~{3,}).*?\1|`[^`]*`", " ", text)
    plain = re.sub(r"(?m)^\s*>.*$", " ", plain).strip()
    sentences = [part.strip(" )\"'*_\n") for part in _SENTENCE.findall(plain)]
    sentences = [part for part in sentences if len(part) > 1]
    if not sentences:
        return False
    asked = [part[-1] in _QUESTION_MARKS for part in sentences]
    asks_back = [bool(_ASKS_BACK.search(part)) for part in sentences]
    if asked[-1] and sum(asked) * 2 >= len(sentences):
        return True
    opens_with_it = (asked[0] or "you" in sentences[0].casefold()) and asks_back[0]
    return opens_with_it or (any(asks_back) and sum(asked) * 3 >= len(sentences))
