"""The sample terminals, and what the home page and the status page say about them."""

from collections.abc import Iterator

import pytest
from flask import Flask

from request_tracker_utils.attendance import demo, status
from request_tracker_utils.attendance.completeness import proofs
from request_tracker_utils.core.db import reading, transaction
from tests.services.attendance import NOW, ZONE, punches, terminal


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.mark.both_databases
def test_sample_terminals_have_complete_days_and_several_states(inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "utc_now", lambda: NOW)
    assert demo.is_empty(reading)
    assert (status.card(), status.content().facts, status.content().problems) == (
        {"enabled": 0, "urgent": 0, "pending": 0},
        {"states": [], "alerts": []},
        [],
    )
    stored = demo.fill(transaction, timezone=ZONE, now=NOW)
    assert not demo.is_empty(reading)
    assert stored == len(punches()) > 500
    assert all(each.implausible is None and each.punched_at <= NOW for each in punches())
    with reading() as session:
        days = proofs(session, 1, NOW.date().replace(day=1), NOW.date())
    assert [(each.day, each.missing) for each in days] == [(NOW.date(), 0)]
    assert status.card() == {"enabled": 4, "urgent": 1, "pending": 0}
    shown = status.content()
    assert shown.facts["states"] == [("disabled", 1), ("silent", 1), ("nearly_full", 1), ("drifting", 1), ("working", 1)]
    assert shown.problems == ["1 terminal delivers no punches: Bus garage."]
    assert terminal(1).address is None, "the program never looks for it"
