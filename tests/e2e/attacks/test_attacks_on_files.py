"""Attacks by files: bombs, links out of the folder, hostile names, damaged indexes; and issues that were taken back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from assistant import wiring
from indexing.embedder import HashingEmbedder
from indexing.live import LiveIndex
from indexing.sources.gitlab_project import GitLabProject
from indexing.versions import Versions
from tests.e2e.attacks import checks
from tests.e2e.attacks.catalogue import CANARY, CASES, available
from tests.e2e.attacks.fixtures import PAGES, write_pages
from tests.e2e.attacks.harness import QUOTING, World, issues_of, rebuild

if TYPE_CHECKING:
    from indexing.sources import Source

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="shared/attacks is not beside this checkout"),
]
MEGABYTE = 1_000_000


MEASURED = (
    "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], check=False);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(done.returncode)"
)
"""Says the peak memory (KiB) of a command last, from a small process: a child counts its parent's at the fork."""


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run `assistant` in a process of its own, in the folder of the home."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "ASSISTANT_HOME": str(home),
        "ASSISTANT_EMBEDDER": "hashing",
        "ASSISTANT_LOG_LEVEL": "debug",
        "LANG": "C.UTF-8",
    }
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", MEASURED, sys.executable, "-m", "assistant.entrypoints.cli", *arguments],
        check=False,
        capture_output=True,
        env=environment,
        cwd=home.parent,
        timeout=120,
    )


def built_in_a_process(docs: Path, home: Path) -> tuple[dict[str, Any], float]:
    """Build an index in a process of its own; return its report and the peak of its memory in megabytes."""
    done = command(home, "index", "build", "--docs", str(docs), "--json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout), int(done.stderr.split()[-1]) * 1024 / MEGABYTE


@pytest.mark.parametrize("case_id", ["A025", "A034", "A029", "A033", "A038"])
def test_a_secret_given_to_the_command_is_kept_and_said_nowhere(case_id: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_pages(tmp_path / "docs", PAGES)
    built_in_a_process(tmp_path / "docs", home)
    done = command(home, "ask", "--json", "--no-escalate", CASES[case_id].payload)
    assert done.returncode in {0, 3}, done.stderr.decode()
    bodies = [part for secret in CASES[case_id].secrets for part in secret.split("\n")]
    kept = {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for place, content in (kept | {"stdout": done.stdout, "stderr": done.stderr}).items():
        assert not [body for body in bodies if body.encode() in content], place
    assert b"secret removed" in kept[str(home / "state.db")] + kept.get(str(home / "state.db-wal"), b"")
    told = done.stderr.decode().split("\n", 1)[0]
    assert any(kind in told for kind in ("gitlab token", "password", "private key", "url password")), (
        "the asker is told"
    )


def test_a_line_of_30_megabytes_costs_no_memory(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write_pages(docs, PAGES | {"huge.md": "# Huge\n\n" + CASES["A093"].payload})
    report, megabytes = built_in_a_process(docs, tmp_path / "home")
    assert megabytes < CASES["A093"].check["rss_mb_max"]
    assert report["documents"] >= len(PAGES)


def test_a_bomb_beside_the_pages_is_not_opened(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write_pages(docs, PAGES)
    with zipfile.ZipFile(docs / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("word/document.xml", b"\0" * (200 * MEGABYTE))
    report, megabytes = built_in_a_process(docs, tmp_path / "home")
    assert megabytes < CASES["A087"].check["rss_mb_max"]
    assert report["documents"] == len(PAGES)


def test_nothing_outside_of_the_folder_is_indexed(tmp_path: Path, world: World) -> None:
    (tmp_path / "shadow").write_text("# Users\n\nroot:$6$salt$hash:19000:0:99999:7:::\n", "utf-8")
    docs = tmp_path / "docs"
    sources: list[Source] = [
        write_pages(
            docs, PAGES | {"up%2f..%2f..%2fetc%2fpasswd.md": "# A name that points elsewhere\n\nHarmless text.\n"}
        )
    ]
    (docs / "x.md").symlink_to(tmp_path / "shadow")
    (docs / "loop").symlink_to(docs)
    with world.home(tmp_path / "home", *sources) as home:
        checks.check_index(CASES["A090"], home)
        assert b"Harmless text" in home.live_index()


def test_a_hostile_file_name_is_only_a_name(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "$(touch pwn)`id`;<!channel>.md"
    sources: list[Source] = [
        write_pages(tmp_path / "docs", PAGES | {name: "# The blue cable\n\nThe blue cable goes into port four.\n"})
    ]
    with world.home(tmp_path / "home", *sources, **QUOTING) as home:
        before = issues_of(home.gitlab)
        turn = home.ask("Where does the blue cable go?")
        people = home.parts.asking.feedback(turn.outcome["id"], "people")
        with home.parts.worker.owning():
            home.parts.worker.run_until_idle(5)
        assert people == "escalated"
        checks.check_all("A094", home, world, before, [turn])
    assert not list(tmp_path.rglob("pwn"))


def test_a_pickle_in_the_index_is_never_read(  # "A095"
    tmp_path: Path, world: World
) -> None:
    harm = tmp_path / "pwned"
    payload = b"cos\nsystem\n(S'touch " + str(harm).encode() + b"'\ntR."
    sources: list[Source] = [write_pages(tmp_path / "docs", PAGES)]
    with world.home(tmp_path / "home", *sources) as home:
        root = wiring.index_root(home.parts.settings)
        (root / "meta.pkl").write_bytes(payload)
        assert home.ask("How do I restart the runner?").outcome
        for folder in [path for path in root.rglob("*") if path.is_dir()]:
            (folder / "meta.pkl").write_bytes(payload)
        told: list[str] = []
        index = LiveIndex(root, lambda _: HashingEmbedder(), told.extend)
        index.wait_ready()
        found = index("How do I restart the runner?")
        assert found.lexical_only  # nothing but the verified catalog is read
        assert "a file that no build wrote, 'meta.pkl'" in told[0]
    assert not harm.exists()


def test_a_damaged_index_is_not_served(  # "A096"
    tmp_path: Path, world: World
) -> None:
    docs = tmp_path / "docs"
    sources: list[Source] = [write_pages(docs, PAGES)]
    with world.home(tmp_path / "home", *sources) as home:
        root = wiring.index_root(home.parts.settings)
        first = Versions(root).live()
        rebuild(home.parts.settings, [write_pages(docs, {"more.md": "# More\n\nThe red cable goes into port five.\n"})])
        second = Versions(root).live()
        assert first != second
        [vectors] = [path for path in root.rglob("*.faiss") if str(second) in path.parts]
        vectors.chmod(0o600)
        content = bytearray(vectors.read_bytes())
        for at in range(len(content) // 2, len(content) // 2 + 8):
            content[at] ^= 0xFF
        vectors.write_bytes(content)
        fresh = wiring.assistant(home.parts.settings)
        turn = fresh.index("How do I restart the runner?")
        assert turn.index_version == first
        fresh.store.engine.dispose()


def gitlab_issue(world: World, title: str, **fields: Any) -> str:
    """Open an issue as a responder and return its API address."""
    gitlab = world.gitlab
    base = f"{gitlab.url}/api/v4/projects/{gitlab.project.replace('/', '%2F')}/issues"
    headers = {"PRIVATE-TOKEN": gitlab.responder_token}
    made = httpx.post(base, json={"title": title, **fields}, headers=headers, timeout=5, trust_env=False)
    made.raise_for_status()
    address = f"{base}/{made.json()['iid']}"
    httpx.put(address, json={"state_event": "close"}, headers=headers, timeout=5, trust_env=False).raise_for_status()
    return address


@pytest.mark.parametrize(("case_id", "how"), [("A100", "made confidential"), ("A101", "deleted")])
def test_an_issue_that_was_taken_back_leaves_with_the_next_version(
    case_id: str, how: str, tmp_path: Path, world: World
) -> None:
    gitlab = world.gitlab
    gitlab_issue(world, "Slow runner", description="The runner is slow. Solved: give it more memory.")
    address = gitlab_issue(world, f"Taken back: {how}", description=f"The build is slow. {CANARY}")
    headers = {"PRIVATE-TOKEN": gitlab.responder_token}
    httpx.post(
        f"{address}/notes",
        json={"body": f"Solved: {CANARY} use the cache."},
        headers=headers,
        timeout=5,
        trust_env=False,
    )
    pages = write_pages(tmp_path / "docs", PAGES)
    sources: list[Source] = [pages, GitLabProject(gitlab.url, gitlab.read_token, gitlab.project)]
    with world.home(tmp_path / "home", *sources) as home:
        assert CANARY.encode() in home.live_index()
        if how == "deleted":
            httpx.delete(address, headers=headers, timeout=5, trust_env=False).raise_for_status()
        else:
            httpx.put(
                address, json={"confidential": True}, headers=headers, timeout=5, trust_env=False
            ).raise_for_status()
        rebuild(home.parts.settings, sources)
        checks.check_index(CASES[case_id], home)
        world.model.requests.clear()
        home.ask("Why is the build slow?")
        assert CANARY not in home.prompts()
        assert CANARY not in home.said[-1].reply


@pytest.mark.parametrize("internal", [True, False])
def test_internal_notes_and_confidential_issues_of_a_project_are_never_indexed(
    internal: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
    world: World,
) -> None:
    gitlab = world.gitlab
    gitlab_issue(world, "Blue cable", description="Which port takes the blue cable?")  # a source is never empty
    address = gitlab_issue(
        world, "Slow clone", description="The clone is slow." if internal else CANARY, confidential=not internal
    )
    headers = {"PRIVATE-TOKEN": gitlab.responder_token}
    note = {"body": f"Solved: {CANARY} by a smaller depth.", "internal": internal}
    httpx.post(f"{address}/notes", json=note, headers=headers, timeout=5, trust_env=False).raise_for_status()
    sources: list[Source] = [
        write_pages(tmp_path / "docs", PAGES),
        GitLabProject(gitlab.url, gitlab.read_token, gitlab.project),
    ]
    with world.home(tmp_path / "home", *sources) as home:
        assert CANARY.encode() not in b"".join(
            path.read_bytes() for path in (home.home / "index").rglob("*") if path.is_file()
        )
