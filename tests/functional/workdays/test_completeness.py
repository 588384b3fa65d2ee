"""The proof of completeness up to the CRM, as a page and over JSON."""

from datetime import date

import pytest
from flask import Flask

from request_tracker_utils.attendance.completeness import count_days
from request_tracker_utils.attendance.models import Source
from request_tracker_utils.attendance.storing import Receipt
from request_tracker_utils.core.db import transaction
from tests.services.apps import signed_in
from tests.services.asking import Ask
from tests.services.attendance import added, record
from tests.services.forms import page
from tests.services.punched_days import NOW, process, punch
from tests.services.tables import check_all

PATH = "/api/workday-completeness/"


@pytest.fixture(autouse=True)
def stored(app: Flask) -> None:
    """A terminal with a punch that is not stored, and another one with a night shift."""
    with app.app_context():
        entrance, gym = added(), added("Gym <b>", "10.0.0.51")
        punch(entrance, "17", "2026-11-16 08:00", "2026-11-16 17:00")
        punch(gym, "18", "2026-11-16 18:00", "2026-11-17 01:00", "2026-11-17 01:01")
        log = [record("17", at) for at in ("2026-11-16 08:00", "2026-11-16 17:00", "2026-11-16 17:30")]
        with transaction() as session:
            count_days(session, Receipt.of(entrance, Source.POLL, NOW), {date(2026, 11, 16): 3}, log, whole=True)
        process()


def test_json_follows_punches_to_the_crm(ask: Ask) -> None:
    days = ask("GET", f"{PATH}?start_date=2026-11-14&end_date=2026-11-20").json
    shown = [(day["device_name"], day["date"], day["records"], day["stored"], day["missing"], day["state"]) for day in days]
    assert shown == [
        ("Gym <b>", "2026-11-17", None, 2, 0, "complete"),
        ("Gym <b>", "2026-11-16", None, 1, 0, "no_crm"),
        ("Main entrance", "2026-11-16", 3, 2, 1, "missing"),
    ]
    assert {name: value for name, value in days[0].items() if value and name not in ("device", "device_name", "date", "state")} == {
        "stored": 2,
        "other_day": 1,
        "repeated": 1,
    }
    assert (days[1]["workdays"], days[1]["waiting"], days[1]["accepted"]) == (1, 1, 0)
    only = ask("GET", f"{PATH}?device=1&start_date=2026-11-16&end_date=2026-11-16").json
    assert [day["device"] for day in only] == [1]


def test_impossible_days_are_rejected(ask: Ask) -> None:
    def rejected(first: str, last: str) -> None:
        answer = ask("GET", f"{PATH}?start_date={first}&end_date={last}")
        assert answer.status_code == 400, answer.text

    check_all([("2026-11-16", "2026-11-15"), ("2026-01-01", "2026-02-01"), ("soon", "2026-02-01"), ("", "2026-02-01")], rejected)
    for day in ("0001-01-01", "9999-12-31"):
        assert ask("GET", f"{PATH}?start_date={day}&end_date={day}").json == []


def test_the_page_says_where_punches_are(app: Flask) -> None:
    client = signed_in(app, "staff")
    shown = page(client, "/workdays/completeness?from=2026-11-14&to=2026-11-20")
    for text in ("Gym &lt;b&gt;", "Punches are missing", "other day 1", "repeated 1", "not counted", "No CRM"):
        assert text in shown, text
    assert shown.index('id="terminal-1"') < shown.index('id="terminal-2"'), "what is missing comes first"
    assert 'id="terminal-1"' not in page(client, "/workdays/completeness?from=2026-11-14&to=2026-11-20&terminal=2")
    for odd in ("from=x&to=y&terminal=z", "to=0001-01-01", "to=9999-12-31", "from=9999-12-31", "terminal=99999999999999999999"):
        page(client, f"/workdays/completeness?{odd}")
    assert "/workdays/completeness" in page(client, "/punches/completeness")
