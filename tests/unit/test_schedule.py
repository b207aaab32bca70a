"""When a source is read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from assistant.core.schedule import Schedule, due_sources

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ago(minutes: float) -> datetime:
    """Return the moment so many minutes before now."""
    return NOW - timedelta(minutes=minutes)


def test_a_source_that_was_never_read_is_due_before_all_others() -> None:
    plans = [Schedule("old", HOUR, ago(600)), Schedule("new", HOUR)]
    assert due_sources(plans, NOW) == ("new", "old")


def test_a_source_is_due_when_its_time_is_over_and_not_before() -> None:
    plans = [Schedule("young", HOUR, ago(59)), Schedule("just", HOUR, ago(60)), Schedule("old", HOUR, ago(61))]
    assert due_sources(plans, NOW) == ("old", "just")


def test_each_source_has_its_own_time() -> None:
    plans = [Schedule("often", timedelta(minutes=5), ago(6)), Schedule("seldom", timedelta(days=1), ago(6))]
    assert due_sources(plans, NOW) == ("often",)


def test_a_source_that_could_not_be_read_is_tried_again_soon() -> None:
    assert due_sources([Schedule("down", HOUR, ago(6), failed=True)], NOW) == ("down",)
    assert due_sources([Schedule("down", HOUR, ago(4), failed=True)], NOW) == ()


def test_a_failure_makes_no_source_wait_longer_than_it_would_otherwise() -> None:
    assert due_sources([Schedule("often", timedelta(minutes=1), ago(2), failed=True)], NOW) == ("often",)


def test_a_clock_that_was_set_back_makes_nothing_due_at_once() -> None:
    ahead = Schedule("ahead", HOUR, NOW + HOUR)
    assert due_sources([ahead], NOW) == ()
    assert ahead.next == NOW + 2 * HOUR
