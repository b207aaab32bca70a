"""Who people of a GitLab project are: those who answer, bots, and how old an account is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from indexing.sources.gitlab_client import PAGE, is_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitlab import Gitlab
    from gitlab.v4.objects import Project

_DEVELOPER = 30  # access level from which a member counts as a responder
_BOT = re.compile(r"(?:project|group)_\d+_bot|service_account_")


@dataclass
class People:
    """The people of one project during one refresh; nobody is asked for before somebody needs it.

    Attributes:
        named: User names of people who answer, beside the members with the role Developer and above.
        bots: User names whose comments never count as a responder's.
        own: Asks for the user names of the assistant itself.
    """

    project: Project
    named: frozenset[str] = frozenset()
    bots: frozenset[str] = frozenset()
    own: Callable[[], frozenset[str]] = frozenset
    _responders: frozenset[str] | None = field(default=None, init=False)
    _bots: frozenset[str] | None = field(default=None, init=False)
    _made: dict[int, str] = field(default_factory=dict, init=False)

    def responders(self) -> frozenset[str]:
        """Return the user names of those who answer; members count when the token may see them."""
        if self._responders is None:
            self._responders = frozenset(name for name in self._team() if not self.is_bot(name))
        return self._responders

    def role(self, name: str) -> str:
        """Return what somebody is here: `responder`, `bot` or `member`."""
        if self.is_bot(name):
            return "bot"
        return "responder" if name in self.responders() else "member"

    def is_bot(self, name: str) -> bool:
        """Return whether a user name is a bot's, such as the assistant's own: what it wrote is no answer of people."""
        if self._bots is None:
            self._bots = self.bots | self.own()
        return name in self._bots or bool(_BOT.match(name))

    def made_at(self, person: Mapping[str, Any]) -> str:
        """Return when an account was made; empty when GitLab does not tell.

        GitLab may allow 300 of these requests in ten minutes, so this is asked where the answer counts alone.
        """
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - loaded only where GitLab is read

        number = person.get("id")
        if not isinstance(number, int):
            return ""
        if number not in self._made:
            try:
                told = self.project.manager.gitlab.users.get(number).attributes.get("created_at")
            except GitlabError as error:
                if not is_gone(error):
                    raise
                told = ""  # nobody, or not to be seen
            self._made[number] = str(told or "")
        return self._made[number]

    def _team(self) -> frozenset[str]:
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        try:
            members = [member.attributes for member in self.project.members_all.list(iterator=True, per_page=PAGE)]
        except GitlabError as error:
            if is_gone(error):
                return self.named
            raise
        found = (username(person) for person in members if int(person.get("access_level") or 0) >= _DEVELOPER)
        return self.named | frozenset(found)


@dataclass
class Own:
    """The user names of the assistant's own accounts, asked for once.

    Attributes:
        client: Makes a client from a token.
        tokens: Its tokens, none empty.
    """

    client: Callable[[str], Gitlab]
    tokens: tuple[str, ...]
    _names: frozenset[str] | None = field(default=None, init=False)

    def __call__(self) -> frozenset[str]:
        """Return the names; a token that is refused names nobody."""
        if self._names is None:
            self._names = frozenset(filter(None, (self._name(token) for token in self.tokens)))
        return self._names

    def _name(self, token: str) -> str:
        from gitlab.exceptions import GitlabAuthenticationError, GitlabError  # noqa: PLC0415 - as above

        try:
            return username(self.client(token).http_get("/user"))
        except GitlabAuthenticationError:
            return ""
        except GitlabError as error:
            if is_gone(error):
                return ""
            raise


def username(person: object) -> str:
    """Return the user name of a person as GitLab's answers hold one; empty for none."""
    return str(person.get("username") or "") if isinstance(person, dict) else ""
