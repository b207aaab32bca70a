"""The stand-in's pages: a person plays the responder with keyboard and screen reader, and hostile text stays text."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.contract.gitlab import peers
from tests.contract.gitlab.receiver import receiving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitlab.v4.objects import Project

    from tests.contract.gitlab.targets import Target


STYLE = peers.ROOT / "assistant" / "sandbox" / "gitlab" / "templates" / "style.css"


@pytest.fixture
def browser(direct: Target) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=direct.url, follow_redirects=True, timeout=10, trust_env=False) as client:
        yield client


def _page(browser: httpx.Client, path: str) -> BeautifulSoup:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return BeautifulSoup(answer.text, "html.parser")


def _submit(browser: httpx.Client, path: str, form: str, **values: str) -> httpx.Response:
    """Send one of the page's forms as a browser does."""
    found = _page(browser, path).select_one(f'form[action*="{form}"]')
    assert found is not None
    token = found.select_one('input[name="form_token"]')
    assert token is not None
    return browser.post(str(found["action"]), data={"form_token": str(token["value"])} | values)


def test_the_first_page_leads_to_the_issues(bot: Project, browser: httpx.Client) -> None:
    bot.issues.create({"title": "A question without an answer", "labels": "support"})
    page = _page(browser, "/")
    assert "A question without an answer" in page.get_text()
    assert "support" in page.get_text()


def test_the_list_is_filtered_by_state_and_words(bot: Project, browser: httpx.Client) -> None:
    iid = bot.issues.create({"title": "Runner stuck zebra"}).iid
    bot.issues.update(iid, {"state_event": "close"})
    listed = "/platform/support/-/issues?state={}&search=zebra"
    assert "No issue matches" in _page(browser, listed.format("opened")).get_text()
    assert "Runner stuck zebra" in _page(browser, listed.format("closed")).get_text()


def test_an_issues_address_opens_its_page(bot: Project, browser: httpx.Client) -> None:
    issue = bot.issues.create({"title": "Where to look", "description": "**bold** and `code`"})
    page = _page(browser, issue.web_url)
    assert page.select_one("h1").get_text() == "Where to look"  # type: ignore[union-attr]
    assert page.select_one(".markdown strong").get_text() == "bold"  # type: ignore[union-attr]


def test_a_comment_from_the_page_is_the_responders(bot: Project, browser: httpx.Client) -> None:
    issue = bot.issues.create({"title": "x"})
    shown = _submit(browser, issue.web_url, "/notes", body="Try the new runner")
    assert "Try the new runner" in shown.text
    note = issue.notes.list(get_all=False)[0]
    assert (note.body, note.author["username"], note.internal) == ("Try the new runner", "robin.responder", False)


def test_the_close_button_sends_the_comment_along_and_reopen_brings_it_back(
    bot: Project, browser: httpx.Client
) -> None:
    issue = bot.issues.create({"title": "x"})
    _submit(browser, issue.web_url, "/notes", body="Solved by a restart", event="close")
    closed = bot.issues.get(issue.iid)
    assert (closed.state, closed.attributes["closed_by"]["username"]) == ("closed", "robin.responder")
    assert issue.notes.list(activity_filter="only_comments", get_all=False)[0].body == "Solved by a restart"
    _submit(browser, issue.web_url, "/notes", body="", event="reopen")
    assert bot.issues.get(issue.iid).state == "opened"


def test_what_a_person_does_on_the_pages_is_told_by_webhook(
    bot: Project, browser: httpx.Client, acting_as: Callable[..., Project]
) -> None:
    project = acting_as("keeper-of-hooks", 40)
    with receiving() as receiver:
        hook = project.hooks.create({"url": receiver.url, "issues_events": True, "note_events": True})
        iid = bot.issues.create({"title": "Told"}).iid
        _submit(browser, f"/platform/support/-/issues/{iid}", "/notes", body="Restart it.", event="close")
        sent = [(one.event, one.body["object_attributes"]["action"]) for one in receiver.wait(3)]
        project.hooks.delete(hook.id)
    assert sent == [("Issue Hook", "open"), ("Note Hook", "create"), ("Issue Hook", "close")]


def test_labels_are_ticked_and_unticked(bot: Project, browser: httpx.Client) -> None:
    issue = bot.issues.create({"title": "x", "labels": "support"})
    bot.issues.create({"title": "y", "labels": "awaiting-feedback"})
    _submit(browser, issue.web_url, "/labels", label="awaiting-feedback")
    assert bot.issues.get(issue.iid).labels == ["awaiting-feedback"]


def test_an_empty_comment_is_answered_with_what_to_do(bot: Project, browser: httpx.Client) -> None:
    issue = bot.issues.create({"title": "x"})
    answer = _submit(browser, issue.web_url, "/notes", body="  ")
    page = BeautifulSoup(answer.text, "html.parser")
    assert answer.status_code == 400
    assert page.select_one('[role="alert"]').get_text() == "Please write a comment first."  # type: ignore[union-attr]
    assert page.select_one("textarea[aria-invalid]") is not None


def test_a_form_from_elsewhere_changes_nothing(bot: Project, browser: httpx.Client) -> None:
    issue = bot.issues.create({"title": "x"})
    path = f"/platform/support/-/issues/{issue.iid}/notes"
    assert browser.post(path, data={"body": "x", "form_token": "guessed"}).status_code == 403
    token = _page(browser, issue.web_url).select_one('input[name="form_token"]')
    assert token is not None
    sent = {"body": "x", "form_token": str(token["value"])}
    assert browser.post(path, data=sent, headers={"Origin": "http://evil.example"}).status_code == 403
    assert issue.notes.list(get_all=False) == []


def test_hostile_text_stays_text(bot: Project, browser: httpx.Client) -> None:
    hostile = "<script>alert(1)</script> ![x](http://t.example/x.png) <img src=http://t.example/y> <b onclick=x>b</b>"
    links = "[a](javascript:alert(1)) [b](data:text/html,x) <style>p{}</style> <iframe src=//t.example></iframe>"
    issue = bot.issues.create({"title": "<script>alert(2)</script>", "description": f"{hostile}\n\n{links}"})
    issue.notes.create({"body": hostile})
    for path in (issue.web_url, "/platform/support/-/issues"):
        answer = browser.get(path)
        page = BeautifulSoup(answer.text, "html.parser")
        assert page.select("script, img, iframe, style, [onclick]") == []
        assert not [link["href"] for link in page.select("a[href]") if re.match(r"\s*(javascript|data):", link["href"])]  # type: ignore[arg-type]
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy


def test_an_unknown_page_says_so(browser: httpx.Client) -> None:
    for path in ("/nobody/nothing/-/issues", "/platform/support/-/issues/99999", "/robin.responder"):
        answer = browser.get(path)
        assert (answer.status_code, "Page not found" in answer.text) == (404, True)


def test_an_uploaded_file_is_a_download(bot: Project, browser: httpx.Client) -> None:
    sent = bot.upload("page.html", filedata=b"<script>alert(1)</script>")
    answer = browser.get(sent["full_path"])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_every_page_can_be_used_by_keyboard_and_screen_reader(bot: Project, browser: httpx.Client) -> None:
    issue = bot.issues.create({"title": "x", "description": "# big\n\n- [ ] task", "labels": "support"})
    issue.notes.create({"body": "## heading\n\ntext"})
    for path in ("/", issue.web_url, "/platform/support/-/issues?state=all"):
        page = _page(browser, path)
        assert page.html is not None
        assert page.html["lang"] == "en"
        skip = page.select_one("a.skip")
        assert skip is not None
        assert page.select_one(str(skip["href"])) is not None
        for field in page.select('textarea, input:not([type="hidden"]):not([disabled])'):
            assert page.select_one(f'label[for="{field["id"]}"]') is not None, field
        levels = [int(heading.name[1]) for heading in page.select("h1, h2, h3, h4, h5, h6")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), levels
        ids = [str(item["id"]) for item in page.select("[id]")]
        assert len(ids) == len(set(ids))


def _luminance(color: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, two: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_background(scheme: int) -> None:
    block = re.findall(r":root\s*{(.*?)}", STYLE.read_text("utf-8"), re.DOTALL)[scheme]
    color = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))
    pairs = [(front, back) for front in ("text", "soft", "link") for back in ("page", "card")]
    pairs += [("main-text", "main"), ("open", "open-page"), ("closed", "closed-page"), ("bad", "card")]
    pairs += [("bar-text", "bar"), ("text", "code")]
    weak = {pair: round(_contrast(color[pair[0]], color[pair[1]]), 2) for pair in pairs}
    assert min(weak.values()) >= 4.5, weak
    assert min(_contrast(color["focus"], color[back]) for back in ("page", "card")) >= 3
