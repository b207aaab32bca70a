"""What the asker is told of each change, built from fixed texts in the asker's language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.core.model import Message
from assistant.texts import Text, language_of, tell

if TYPE_CHECKING:
    from assistant.core.model import Answered, Decision, IssueDraft, IssueRef, NeedsDetail, Question

ASKED_BACK = {
    "error_text": Text.ASK_ERROR_TEXT,
    "log": Text.ASK_LOG,
    "version": Text.ASK_VERSION,
    "tried": Text.ASK_TRIED,
    "project": Text.ASK_PROJECT,
    "runner": Text.ASK_RUNNER,
    "configuration": Text.ASK_CONFIGURATION,
    "installation": Text.ASK_INSTALLATION,
    "code": Text.ASK_CODE,
    "steps": Text.ASK_STEPS,
    "screenshot": Text.ASK_SCREENSHOT,
    "example": Text.ASK_EXAMPLE,
    "browser": Text.ASK_BROWSER,
    "system": Text.ASK_SYSTEM,
    "meaning": Text.ASK_MEANING,
}
MINUTE_S = 60


def answered(question: Question, outcome: Answered, decision: Decision) -> Message:
    """Return the answer, saying first in which way it is less than it could be."""
    notices = []
    if decision.degraded == "model_unavailable":
        notices.append(Text.QUOTATION_MODEL_DOWN)
    elif decision.degraded == "unsupported_draft":
        notices.append(Text.QUOTATION_UNSUPPORTED)
    elif decision.written_by == "extractive":
        notices.append(Text.QUOTATION)
    if notices and language_of(outcome.text, question.language) != question.language:
        notices.append(Text.QUOTED_LANGUAGE)
    if decision.degraded == "lexical_only" or decision.retrieval.lexical_only:
        notices.append(Text.LEXICAL_ONLY)
    said = [tell(question.language, notice) for notice in notices]
    text = "\n\n".join([*said, outcome.text, tell(question.language, Text.FEEDBACK_HINT)])
    return Message("answered", text, citations=outcome.citations, question_id=question.id)


def asked_back(question: Question, outcome: NeedsDetail, wait_s: float) -> Message:
    """Return one short question back for the two most useful kinds of detail, and what happens without a reply."""
    wanted = [tell(question.language, ASKED_BACK[name]) for name in outcome.missing if name in ASKED_BACK][:2]
    asked = tell(question.language, Text.ASK_ANYTHING)
    if len(wanted) == 1:
        asked = tell(question.language, Text.ASK_FOR_ONE, first=wanted[0])
    elif wanted:
        asked = tell(question.language, Text.ASK_FOR_TWO, first=wanted[0], second=wanted[1])
    after = tell(question.language, Text.ISSUE_OPENING)
    if wait_s > 0:
        after = tell(question.language, Text.ASK_WAITS, minutes=max(1, round(wait_s / MINUTE_S)))
    return Message("needs_detail", f"{asked}\n\n{after}", question_id=question.id)


def passed_on(question: Question, why: Text) -> Message:
    """Return that an issue is being opened, and why."""
    return _said(question, "abstained", why, Text.ISSUE_OPENING, issue_state="waiting")


def not_answered(question: Question, why: Text) -> Message:
    """Return that there is no answer, in a place where no issues are opened: nothing is passed on to anybody."""
    return _said(question, "abstained", why if why is Text.ABSTAINED else Text.NOTED)


def confirm(question: Question, why: Text, draft: IssueDraft) -> Message:
    """Return the exact text of the issue, and ask whether to open it."""
    shown = f"{draft.title}\n\n{draft.description}"
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    words = "\n\n".join(tell(question.language, one) for one in (why, Text.CONFIRM_ISSUE))
    return Message("abstained", f"{words}\n\n{fence}text\n{shown}\n{fence}", question_id=question.id)


def declined(question: Question) -> Message:
    """Return that no issue is opened."""
    return _said(question, "declined", Text.DECLINED)


def noted(question: Question) -> Message:
    """Return that the word of the asker is stored."""
    return _said(question, "notice", Text.NOTED)


def solved(question: Question) -> Message:
    """Return thanks."""
    return _said(question, "solved", Text.SOLVED)


def issue_waiting(question: Question, *, needs_admin: bool) -> Message:
    """Return that the issue waits until GitLab is back, or until an admin has mended the access to it."""
    text = Text.ISSUE_REFUSED if needs_admin else Text.ISSUE_WAITING
    return _said(question, "issue_waiting", text, issue_state="waiting")


def issue_refused(question: Question) -> Message:
    """Return that there will be no issue until an admin has looked at it."""
    return _said(question, "rejected", Text.ISSUE_REFUSED)


def issue_opened(question: Question, issue: IssueRef, *, confidential: bool) -> Message:
    """Return the link to the issue."""
    text = tell(question.language, Text.ISSUE_OPENED, link=issue.url)
    if confidential:
        text += "\n\n" + tell(question.language, Text.ISSUE_CONFIDENTIAL)
    return Message("issue_opened", text, issue=issue, issue_state="opened", question_id=question.id)


def _said(question: Question, kind: str, *texts: Text, issue_state: str = "") -> Message:
    text = " ".join(tell(question.language, one) for one in texts)
    return Message(kind, text, issue_state=issue_state, question_id=question.id)
