"""What a fresh stand-in starts with: one project, a bot with two tokens, one responder."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assistant.sandbox.gitlab import auth
from assistant.sandbox.gitlab.web import MAINTAINER, REPORTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.sandbox.gitlab.store import Store, Value

PROJECT = "platform/support"
RESPONDER = "robin.responder"


@dataclass(frozen=True)
class Credentials:
    """Tokens made at run time; they are kept in one file that only its owner can read.

    Attributes:
        project: Full path of the project.
        bot_token: Scope `api`, role Reporter.
        read_token: Scope `read_api`, the same bot.
        responder_token: Scope `api`, role Maintainer: plays the support team.
    """

    project: str
    bot_token: str
    read_token: str
    responder_token: str

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def add_user(store: Store, username: str, name: str, *, bot: bool = False) -> int:
    """Create a user and return the id; an existing user name returns its id."""
    row = store.row("SELECT id FROM users WHERE username = ?", username)
    if row:
        return int(row["id"])
    values: dict[str, Value] = {
        "username": username,
        "name": name,
        "email": f"{username}@noreply.invalid",
        "bot": int(bot),
    }
    return store.insert("users", values | {"created_at": store.now()})


def add_project(store: Store, full_path: str, description: str = "", visibility: str = "private") -> int:
    """Create a project and return the id; an existing path returns its id."""
    row = store.row("SELECT id FROM projects WHERE full_path = ?", full_path)
    if row:
        return int(row["id"])
    now = store.now()
    values = {
        "full_path": full_path,
        "name": full_path.rsplit("/", 1)[-1].replace("-", " ").title(),
        "description": description,
        "visibility": visibility,
        "created_at": now,
        "last_activity_at": now,
    }
    return store.insert("projects", values)


def add_member(store: Store, project_id: int, user_id: int, access_level: int) -> None:
    """Give the user a role in the project, in place of an earlier one."""
    store.run(
        "INSERT OR REPLACE INTO members (project_id, user_id, access_level, created_at) VALUES (?, ?, ?, ?)",
        project_id,
        user_id,
        access_level,
        store.now(),
    )


def _token(store: Store, user_id: int, name: str, scopes: Sequence[str]) -> str:
    expires = (store.clock.now() + timedelta(days=365)).date().isoformat()
    return auth.add_token(store, user_id, name, scopes, expires)


def seed_demo(store: Store) -> Credentials:
    """Make sure that the project, the bot and the responder exist, and return fresh tokens for them."""
    with store.transaction():
        project_id = add_project(store, PROJECT, "Questions that the assistant could not answer.")
        bot = store.row("SELECT username FROM users WHERE bot AND username LIKE ?", f"project_{project_id}_bot_%")
        name = bot["username"] if bot else f"project_{project_id}_bot_{secrets.token_hex(16)}"
        bot_id = add_user(store, name, "Support assistant", bot=True)
        responder_id = add_user(store, RESPONDER, "Robin Responder")
        add_member(store, project_id, bot_id, REPORTER)
        add_member(store, project_id, responder_id, MAINTAINER)
        return Credentials(
            project=PROJECT,
            bot_token=_token(store, bot_id, "assistant", ["api"]),
            read_token=_token(store, bot_id, "indexer", ["read_api"]),
            responder_token=_token(store, responder_id, "responder", ["api"]),
        )
