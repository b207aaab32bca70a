"""What strangers and broken senders post to the webhook's address starts nothing and stops nothing."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from assistant.core.hooks import Place
from assistant.entrypoints.server import Hooks, make_app
from assistant.store.database import open_database
from assistant.wiring import utc_now
from assistant.work import WorkTable
from assistant.workflows.follow import SLOT_S, Following
from assistant.workflows.worker import Worker
from tests.e2e.attacks.catalogue import BY_WEBHOOK, CANARY, CASES, available

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from httpx2 import Response  # the test client's own

pytestmark = pytest.mark.skipif(not available(), reason="shared/attacks is not beside this checkout")
OURS = "platform/support"
SIGNING = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
TOKEN = secrets.token_urlsafe(24)


@dataclass
class Door:
    """The server's application over a real work table, and what came of what was posted to it.

    Attributes:
        refreshed: Sources that were read again, in order.
        hidden: Issues that were hidden at once: project and number.
    """

    home: Path
    secret: str
    refreshed: list[str] = field(default_factory=list)
    hidden: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        engine = open_database(f"sqlite:///{self.home}/state.db")
        self.following = Following(
            WorkTable(engine, utc_now),
            (Place("support", OURS),),
            self.refreshed.append,
            lambda project, iid: self.hidden.append((project, iid)),
            utc_now,
        )
        lock = self.home / "worker.lock"
        self.worker = Worker(engine, self.following.handlers(), lambda: utc_now() + timedelta(seconds=SLOT_S), lock)
        self.client = TestClient(make_app(Hooks(self.secret, self.following), lambda: True))

    def post(self, body: bytes, headers: Mapping[str, str | bytes]) -> Response:
        raw = [
            (name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers.items()
        ]
        return self.client.post("/webhooks/gitlab", content=body, headers=raw)

    def work(self) -> None:
        """Do all that is due once this slot has ended."""
        with self.worker.owning():
            assert self.worker.run_until_idle(20)

    def lives(self) -> bool:
        """Tell whether a true webhook is still taken and worked on: the issue is hidden, the source read again once."""
        body = hook(OURS, 12, confidential=True)
        plain: dict[str, str | bytes] = {"X-Gitlab-Token": self.secret}
        headers = signed(body) if self.secret == SIGNING else plain
        before = (len(self.refreshed), len(self.hidden))
        taken = self.post(body, headers).status_code
        self.work()
        return taken == 200 and (len(self.refreshed), len(self.hidden)) == (before[0] + 1, before[1] + 1)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as events:
        yield events


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """Opens to a plain token, as on instances that do not sign."""
    return Door(tmp_path, TOKEN)


@pytest.fixture
def signed_door(tmp_path: Path) -> Door:
    """Opens to signed deliveries only."""
    return Door(tmp_path, SIGNING)


def hook(project: str, iid: int, *, confidential: bool = False) -> bytes:
    attributes = {"iid": iid, "confidential": confidential, "note": CANARY}
    body = {"object_kind": "issue", "project": {"path_with_namespace": project}, "object_attributes": attributes}
    return json.dumps(body).encode()


def signed(body: bytes, at: datetime | None = None) -> dict[str, str | bytes]:
    when = at or datetime.now(UTC)
    return {
        "webhook-id": "a",
        "webhook-timestamp": str(int(when.timestamp())),
        "webhook-signature": Webhook(SIGNING).sign("a", when, body.decode()),
    }


def nothing_came_of_it(door: Door) -> None:
    door.work()
    assert (door.refreshed, door.hidden) == ([], [])
    assert door.lives()


def test_every_case_by_webhook_has_a_test_here() -> None:
    told = Path(__file__).read_text("utf-8")
    assert {case_id for case_id in BY_WEBHOOK if f'CASES["{case_id}"]' not in told} == set()


@pytest.mark.parametrize(
    "token",
    [b"", TOKEN[:-1].encode(), b"x" * 1_000_000, "é".encode(), "é".encode("latin-1")],
    ids=["none", "a letter short", "a megabyte", "utf-8", "latin-1"],  # the token is another one in every process
)
def test_a_wrong_token_is_refused(door: Door, token: bytes, logged: list[Any]) -> None:
    answer = door.post(hook(OURS, 12, confidential=True), {"X-Gitlab-Token": token})
    assert answer.status_code == CASES["A111"].check["http"]
    assert TOKEN not in answer.text
    said = json.dumps(logged)
    assert logged
    assert TOKEN not in said
    assert CANARY not in said
    nothing_came_of_it(door)


def test_a_signature_that_does_not_hold_is_refused(signed_door: Door) -> None:
    headers = signed(hook(OURS, 1))
    for body, wrong in (
        (hook(OURS, 12, confidential=True), headers | {"webhook-signature": "v1,AAAA"}),
        (hook(OURS, 12, confidential=True), headers),
        (hook(OURS, 12, confidential=True), {"X-Gitlab-Token": SIGNING}),
    ):
        assert signed_door.post(body, wrong).status_code == CASES["A112"].check["http"]
    nothing_came_of_it(signed_door)


def test_one_delivery_three_times_is_one_refresh(signed_door: Door) -> None:
    body = hook(OURS, 12)
    headers = signed(body) | {"Idempotency-Key": "a"}
    answers = [signed_door.post(body, headers).status_code for _ in range(3)]
    assert answers == [CASES["A113"].check["http"]] * 3
    signed_door.work()
    assert set(signed_door.refreshed) == {"support"}
    assert len(signed_door.refreshed) <= 2  # of two slots, when a slot ended in between
    assert signed_door.hidden == []


def test_an_old_delivery_is_refused_though_it_is_signed_rightly(signed_door: Door) -> None:
    body = hook(OURS, 12, confidential=True)
    old = signed(body, datetime.now(UTC) - timedelta(minutes=20))
    assert signed_door.post(body, old).status_code == CASES["A114"].check["http"]
    nothing_came_of_it(signed_door)


@pytest.mark.parametrize("project", ["platform/other", "platform/support-two", "x/platform/support", "platform"])
def test_a_foreign_project_is_taken_and_nothing_is_done(door: Door, project: str) -> None:
    answer = door.post(hook(project, 12, confidential=True), {"X-Gitlab-Token": TOKEN})
    assert answer.status_code == CASES["A115"].check["http"]
    nothing_came_of_it(door)


def malformed() -> list[tuple[bytes, dict[str, str]]]:
    """Return the bodies that the case lists, the last three made as it describes them."""
    *literal, deep, long, packed = CASES["A120"].payload.split(" / ")
    assert (len(literal), deep, long, packed) == (4, "depth-2000 JSON", "30 MB body", "Content-Encoding: gzip bomb")
    made: list[tuple[bytes, dict[str, str]]] = [(text.encode(), {}) for text in literal]
    nested = b'{"object_kind":' * 2000 + b"1" + b"}" * 2000
    bomb = gzip.compress(b"0" * 50_000_000)
    unknown = b'{"object_kind":"pipeline"}'
    return [*made, (nested, {}), (b"x" * 30_000_000, {}), (bomb, {"Content-Encoding": "gzip"}), (unknown, {})]


def test_malformed_bodies_are_refused_quickly_and_the_worker_lives(door: Door, logged: list[Any]) -> None:
    statuses = []
    for body, headers in malformed():
        begun = utc_now()
        answer = door.post(body, {"X-Gitlab-Token": TOKEN, **headers})
        assert utc_now() - begun < timedelta(seconds=5)
        statuses.append(answer.status_code)
        assert CASES["A120"].check["alive"] is (door.client.get("/livez").text == "ok")
    assert set(statuses) <= set(CASES["A120"].check["http_in"])
    assert statuses == [400, 400, 400, 400, 400, 413, 400, 200]
    assert len(json.dumps(logged)) < 5000
    nothing_came_of_it(door)


def test_health_tells_strangers_nothing(door: Door) -> None:
    door.post(hook(OURS, 12), {"X-Gitlab-Token": TOKEN})
    for path in ("/healthz", "/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/webhooks/gitlab"):
        answer = door.client.get(path)
        assert answer.status_code in (200, 404, 405)
        assert answer.text in ("ok", "Not Found", "Method Not Allowed")
        for words in CASES["A134"].check["reply_not"]:
            assert words not in answer.text + json.dumps(dict(answer.headers))
