"""`assistant doctor` on sources: a token that reads nothing and an audience nobody has are told before anyone asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.settings import Settings
from assistant.source_checks import check_sources

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from assistant.core.model import Check


def _checks(tmp_path: Path, *tables: dict[str, object], **more: object) -> list[Check]:
    return list(check_sources(Settings.model_validate({"home": tmp_path / "home", "source": tables, **more})))


def _folder(tmp_path: Path, **more: object) -> dict[str, object]:
    return {"type": "folder", "path": tmp_path, "name": "team", **more}


def test_without_sources_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert _checks(tmp_path) == []


def test_a_mistyped_audience_is_named_on_both_sides(tmp_path: Path) -> None:
    found = _checks(tmp_path, _folder(tmp_path, visibility="team-a"), audiences={"console": ("team-b", "public")})
    told = [check.detail for check in found if check.state == "warning"]
    assert told == [
        "no place may read team-a: name one under [audiences]",
        "no source has visibility = 'team-b': look for a wrong letter",
    ]


def test_audiences_that_fit_are_in_order(tmp_path: Path) -> None:
    found = _checks(tmp_path, _folder(tmp_path, visibility="team-a"), audiences={"console": ("team-a",)})
    assert [check.state for check in found] == ["ok"]


def test_a_project_that_cannot_be_read_is_told_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GITLAB_READ_TOKEN", "canary")
    project: dict[str, object] = {"type": "gitlab", "project": "platform/support", "name": "support"}
    failed = [check for check in _checks(tmp_path, _folder(tmp_path), project) if check.state == "failed"]
    assert [check.name for check in failed] == ["source support"]
    assert "platform/support at http://127.0.0.1:9 cannot be read now" in failed[0].detail
    assert "canary" not in failed[0].detail
