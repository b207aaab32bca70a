"""What only the stand-in can be asked: its clock, pages of lists, numbering, a folder read as a repository."""

from __future__ import annotations

import tarfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING

import httpx

from assistant.sandbox.gitlab.process import Options, start
from tests.contract.gitlab.targets import Target, connect, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gitlab.v4.objects import Project

    from tests.fakes.gitlab_process import GitLabSwitches


DEVELOPER, OWNER = 30, 50


def test_a_second_comment_within_a_minute_does_not_move_updated_at(bot: Project, switches: GitLabSwitches) -> None:
    switches.post("clock", now="2026-11-21T10:00:00Z")
    issue = bot.issues.create({"title": "x"})
    switches.post("clock", advance_s=61)
    issue.notes.create({"body": "first"})
    assert bot.issues.get(issue.iid).updated_at == "2026-11-21T10:01:01.000Z"
    switches.post("clock", advance_s=59)
    issue.notes.create({"body": "second"})
    assert bot.issues.get(issue.iid).updated_at == "2026-11-21T10:01:01.000Z"


def test_a_vote_never_moves_updated_at_and_an_edit_always_does(bot: Project, switches: GitLabSwitches) -> None:
    switches.post("clock", now="2026-11-21T10:00:00Z")
    issue = bot.issues.create({"title": "x"})
    switches.post("clock", advance_s=600)
    issue.awardemojis.create({"name": "thumbsup"})
    assert bot.issues.get(issue.iid).updated_at == issue.updated_at
    bot.issues.update(issue.iid, {"add_labels": "new"})
    assert bot.issues.get(issue.iid).updated_at == "2026-11-21T10:10:00.000Z"


def test_totals_are_left_out_above_the_limit(bot: Project, switches: GitLabSwitches) -> None:
    bot.issues.create({"title": "x"})
    switches.post("switches", totals_up_to=0)
    pages = bot.issues.list(iterator=True, per_page=1)
    switches.post("switches", totals_up_to=10_000)
    assert (pages.total, pages.total_pages) == (None, None)
    assert pages.next_page is not None or pages.current_page == 1


def test_keyset_isrefused_where_gitlab_has_none_and_ignored_for_other_orders(bot: Project) -> None:
    with refused(405):
        bot.labels.list(pagination="keyset", get_all=False)
    pages = bot.issues.list(pagination="keyset", order_by="popularity", iterator=True)
    assert pages.current_page == 1


def test_links_carry_the_configured_host_not_the_one_that_was_asked(tmp_path: Path) -> None:
    with start(tmp_path, Options(external_url="http://gitlab.example")) as running:
        headers = {"PRIVATE-TOKEN": running.bot_token}
        path = f"{running.url}/api/v4/projects/platform%2Fsupport/issues"
        made = httpx.post(path, json={"title": "x"}, headers=headers).json()
        assert made["web_url"] == "http://gitlab.example/platform/support/-/issues/1"
        link = httpx.get(f"{path}?per_page=1", headers=headers).headers["Link"]
        assert link.startswith("<http://gitlab.example/api/v4/projects/platform%2Fsupport/issues?")


def test_web_url_can_name_work_items(bot: Project, switches: GitLabSwitches) -> None:
    switches.post("switches", work_item_urls=True)
    url = bot.issues.create({"title": "x"}).web_url
    switches.post("switches", work_item_urls=False)
    assert "/-/work_items/" in url
    assert httpx.get(url).status_code == 200


def test_an_unchanged_answer_is_304(bot: Project, direct: Target) -> None:
    iid = bot.issues.create({"title": "x"}).iid
    path = f"{direct.url}/api/v4/projects/{bot.id}/issues/{iid}"
    headers = {"PRIVATE-TOKEN": direct.token}
    first = httpx.get(path, headers=headers)
    assert httpx.get(path, headers=headers | {"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_issues_opened_at_the_same_time_are_numbered_without_a_gap(bot: Project, direct: Target) -> None:
    def open_some(_: int) -> list[int]:
        own = connect(direct).projects.get(direct.project, lazy=True)
        return [own.issues.create({"title": "x"}).iid for _ in range(5)]

    last = max(issue.iid for issue in bot.issues.list(get_all=False)) if bot.issues.list(get_all=False) else 0
    with ThreadPoolExecutor(4) as threads:
        numbers = sorted(number for some in threads.map(open_some, range(4)) for number in some)
    assert numbers == list(range(last + 1, last + 21))


def test_the_number_of_a_deleted_issue_is_not_given_again(acting_as: Callable[..., Project]) -> None:
    owner = acting_as("oscar", OWNER)
    gone = owner.issues.create({"title": "x"})
    owner.issues.delete(gone.iid)
    assert owner.issues.create({"title": "y"}).iid == gone.iid + 1


def test_a_folder_is_read_as_a_repository(bot: Project, switches: GitLabSwitches, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a b.md").write_text("hello\n")
    (tmp_path / "README.md").write_text("read me\n")
    switches.post("projects", path=bot.path_with_namespace, repository=str(tmp_path))
    entries = bot.repository_tree(recursive=True, pagination="keyset", per_page=1, iterator=True)
    found = {entry["path"]: entry["id"] for entry in entries}
    assert list(found) == ["README.md", "docs", "docs/a b.md"]
    assert found["docs/a b.md"] == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object of "hello\n"
    assert bot.files.get("docs/a b.md", "main").decode() == b"hello\n"
    assert bot.files.raw("docs/a b.md", "main") == b"hello\n"
    with tarfile.open(fileobj=BytesIO(bot.repository_archive(format="tar.gz", exclude_paths="docs"))) as archive:
        names = archive.getnames()
    assert [name.split("/", 1)[1] for name in names] == ["README.md"]
    with refused(404):
        bot.repository_tree(path="nowhere", get_all=False)
    with refused(404):
        bot.files.get("README.md", "no-such-branch")
    switches.post("projects", path=bot.path_with_namespace, repository=None)
    with refused(404):
        bot.repository_tree(get_all=False)


def test_wiki_pages_keep_slashes_in_their_slugs(acting_as: Callable[..., Project]) -> None:
    wikis = acting_as("dora", DEVELOPER).wikis
    wikis.create({"title": "runner/how to", "content": "text"})
    assert wikis.get("runner/how-to").content == "text"
    assert [page.content for page in wikis.list(with_content=True, get_all=True)] == ["text"]
    wikis.delete("runner/how-to")
