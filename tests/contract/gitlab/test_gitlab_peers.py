"""The judges of the stand-in work: each seeded defect is noticed, and a second client agrees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.sandbox.gitlab import markdown, quick_actions
from tests.contract.gitlab import peers
from tests.contract.gitlab.mutating_proxy import ISSUE_MUTATIONS, NOTE_MUTATIONS, MutatingProxy, Mutation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.gitlab.targets import Target

MUTATIONS = ISSUE_MUTATIONS | NOTE_MUTATIONS


def _seen_by_schemas(name: str) -> bool:
    return name != "200 for 201"  # a schema holds the body only; the proxy and the contract suite hold the status


def _api(url: str, target: Target) -> httpx.Client:
    base = f"{url}/api/v4/projects/{target.project.replace('/', '%2F')}"
    return httpx.Client(base_url=base, headers={"PRIVATE-TOKEN": target.token}, timeout=20, trust_env=False)


def _ask(api: httpx.Client, name: str) -> httpx.Response:
    """Open an issue, or write a note where the defect is one of notes."""
    opened = api.post("/issues", json={"title": "seeded defect", "labels": "a,b"})
    if name in NOTE_MUTATIONS and opened.is_success:
        return api.post(f"/issues/{opened.json()['iid']}/notes", json={"body": "text"})
    return opened


def _only_notes(mutation: Mutation) -> Mutation:
    return lambda status, body: mutation(status, body) if "noteable_id" in body else (status, body)


@pytest.fixture(scope="module")
def spoiler(direct: Target) -> Iterator[MutatingProxy]:
    with MutatingProxy(direct.url).running() as proxy:
        yield proxy


@pytest.fixture(scope="module")
def judged(spoiler: MutatingProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with peers.prism(spoiler.url, tmp_path_factory.mktemp("judge") / "prism.log") as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_the_validating_proxy_notices_the_defect(
    name: str, direct: Target, spoiler: MutatingProxy, judged: str
) -> None:
    with _api(judged, direct) as api:
        spoiler.mutation = None
        assert _ask(api, name).status_code == 201
        spoiler.mutation = _only_notes(MUTATIONS[name]) if name in NOTE_MUTATIONS else MUTATIONS[name]
        spoiled = _ask(api, name)
    assert spoiled.status_code >= 500, spoiled.text


@pytest.mark.slow
def test_the_validating_proxy_refuses_a_misspelt_parameter(direct: Target, spoiler: MutatingProxy, judged: str) -> None:
    spoiler.mutation = None
    with _api(judged, direct) as api:
        assert api.post("/issues", json={"title": "x", "lables": "a"}).status_code == 422


@pytest.mark.parametrize("name", [name for name in MUTATIONS if _seen_by_schemas(name)])
def test_gitlabs_own_schemas_notice_the_defect(name: str, direct: Target) -> None:
    peers.need_shared(peers.SCHEMAS)
    with _api(direct.url, direct) as api:
        answer = _ask(api, name)
    request = answer.request
    path = request.url.raw_path.decode()
    assert peers.problems(request.method, 201, path, answer.json()) == []
    _, spoiled = MUTATIONS[name](201, answer.json())
    assert peers.problems(request.method, 201, path, spoiled)


@pytest.mark.slow
def test_a_second_client_sees_what_it_wrote(direct: Target) -> None:
    modules = peers.install_node_peers()
    environment = {
        "PATH": os.environ["PATH"],
        "GITLAB_URL": direct.url,
        "GITLAB_TOKEN": direct.token,
        "GITLAB_PROJECT": direct.project,
    }
    script = peers.NODE / "second_client.mjs"
    done = subprocess.run(  # noqa: S603 - our own script
        [shutil.which("node") or "node", str(script), str(modules)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["labels"], seen["thread"], seen["state"], seen["refusal"]) == (["second-client"], 1, "closed", 404)
    assert seen["offset"] == seen["keyset"] >= 4
    assert "second-client" in seen["labelNames"]
    assert isinstance(seen["note"], int)


def _same_as_oracle(text: str) -> None:
    oracle = peers.oracle()
    assert list(quick_actions.extract(text).commands) == oracle.quick_actions(text)
    references = markdown.references(text)
    assert [found for kind, found in references if kind == "mention"] == oracle.mentions(text)
    assert [found for kind, found in references if kind == "reference"] == oracle.crossrefs(text)


def test_quick_actions_and_mentions_in_hostile_texts_are_those_of_the_oracle() -> None:
    attacks = peers.oracle_attacks()
    oracle = peers.oracle()
    treatments = (str, oracle.naive_fence, oracle.fence, oracle.quote, oracle.quote_esc, oracle.zwsp, oracle.entity)
    assert len(attacks) >= 50
    for attack in attacks:
        for treat in treatments:
            _same_as_oracle(treat(attack))


def test_the_catalogued_attacks_do_in_the_stand_in_what_the_oracle_says() -> None:
    catalogue = peers.need_shared(peers.SHARED / ".." / "attacks" / "attacks.jsonl")
    payloads = [json.loads(line)["payload"] for line in catalogue.read_bytes().splitlines()]
    assert any(quick_actions.extract(payload).commands for payload in payloads)
    for payload in payloads:
        _same_as_oracle(payload)


PIECES = st.sampled_from(
    [
        *(
            "/close",
            "/label ~bug",
            "/ASSIGN @root",
            "/title x",
            "/nothing",
            "text",
            "@all",
            "#12",
            "!5",
            "~x",
            "&#64;a",
        ),
        *("\n", "\n\n", "\r", "\r\n", " ", "    ", "```", "`", "~~~", "> ", ">>>", "- ", "1. ", "<div>", "</div>", "|"),
        *("<details>", "<!--", "-->", "\\", "$$", "[x]: /close", "\u2028", "\x0b", "***", "===", "---", "- [ ] "),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=60))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_quick_actions_and_mentions_in_any_text_are_those_of_the_oracle(text: str) -> None:
    _same_as_oracle(text)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_what_is_left_of_a_text_holds_its_other_lines(text: str) -> None:
    extraction = quick_actions.extract(text)
    if not extraction.commands:
        assert extraction.text == text.replace("\r", "").rstrip()
    else:
        assert len(extraction.text) < len(text)
