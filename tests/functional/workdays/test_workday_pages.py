"""The pages of workdays: today, the list, a day, one workday, the year of a person, and one's own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.accounts.models import User
from request_tracker_utils.attendance.reading import TerminalUser
from request_tracker_utils.attendance.storing import store_users
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays.models import Decision, DecisionEnd, WorkdayDecision
from tests.services.apps import signed_in
from tests.services.attendance import NOW, added
from tests.services.forms import page
from tests.services.workdays import person, scheduled, stored, workday

TODAY = date(2026, 3, 10)
EARLY = "Clock-in at 05:00 is more than 2 hours before the start at 08:00."


@pytest.fixture(autouse=True)
def days(app: Flask) -> None:
    """A person with an outlier and an incomplete day, and a user without a person."""
    with app.app_context():
        terminal = added()
        with transaction() as session:
            store_users(session, terminal.id, [TerminalUser(1, "18", "Grace <b>")], now=NOW)
        ada = person("Ada Lovelace", "17")
        stored(
            workday("17", "2026-03-02", "05:00-17:00", person_id=ada, outlier_reason=EARLY, is_late=False, synced=True),
            workday("17", "2026-03-03", "08:00", person_id=ada),
            workday("18", "2026-03-03", "22:00-06:30", is_late=True),
        )


def test_the_list_shows_names_local_times_flags_and_filters(app: Flask) -> None:
    client = signed_in(app, "staff")
    shown = page(client, "/workdays?from=2026-03-01&to=2026-03-31")
    assert all(
        text in shown for text in ("Ada Lovelace", "Grace &lt;b&gt;", ">05:00<", ">17:00<", "+1 day", "Outlier", "Incomplete", "Late")
    )
    for query, names in {
        "user_id=18": {"Grace"},
        "show=outliers": {"Ada"},
        "show=review": {"Ada"},
        "show=unsynced&to=2026-03-02": set[str](),
        "show=unsynced": {"Ada", "Grace"},
        "terminal=9": set(),
        "person=1": {"Ada"},
        "from=x&to=y&show=z&terminal=q&page=-1&after=-": {"Ada", "Grace"},
    }.items():
        shown = page(client, f"/workdays?{query}")
        rows = shown.split("Workdays, newest first", 1)[-1] if "Workdays, newest first" in shown else ""
        assert {name for name in ("Ada", "Grace") if name in rows} == names, query
    assert page(client, "/workdays?person=99", 404)


@pytest.fixture
def noon() -> Iterator[None]:
    """On 2026-03-10."""
    with time_machine.travel(datetime(2026, 3, 10, 12, tzinfo=UTC), tick=False):
        yield


@pytest.mark.usefixtures("noon")
def test_flags_are_shown_when_the_day_is_over(app: Flask) -> None:
    """Except that somebody was late, which is certain at once."""
    with app.app_context():
        stored(workday("9", TODAY, "08:00", is_late=True, outlier_reason=EARLY))
    shown = page(signed_in(app, "staff"), "/workdays?user_id=9")
    assert ("In progress" in shown, "Late" in shown) == (True, True)
    rows = shown.split("<tbody>", 1)[1]
    assert ("Outlier" in rows, "Incomplete" in rows) == (False, False)


@pytest.mark.usefixtures("noon")
def test_today_at_a_glance_counts_and_names(app: Flask) -> None:
    client = signed_in(app, "staff")
    with app.app_context():
        people = [person(name, str(50 + number)) for number, name in enumerate(("Emmy Noether", "Lise Meitner", "Mary Jackson"))]
        stored(workday("1", TODAY, "08:00"), workday("52", TODAY, "09:30-10:00", is_late=True, person_id=people[2]))
        with transaction() as session:
            scheduled(session, "Office", people, {TODAY.weekday(): (time(8), time(16))})
            scheduled(session, "Evening", people[1:2], {TODAY.weekday(): (time(18), time(22))})
    glance = page(client, "/workdays").split("today-heading", 1)[1].split("<form", 1)[0]
    figures = [part.split("</dd>")[0] for part in glance.split("<dd>")[1:]]
    assert figures == ["1", "1", "1", "1"]
    texts = ("Mary Jackson", "09:30", "Emmy Noether", "expected at 08:00", "1 person is expected later", "Last change")
    assert [text for text in texts if text not in glance] == []
    assert "Lise Meitner" not in glance
    assert "today-heading" not in page(client, "/workdays?user_id=1"), "with filters, only the list"
    card = page(client, "/")
    assert ("Here today" in card, "To review" in card) == (True, True)


def test_a_day_is_shown_on_a_time_line(app: Flask) -> None:
    client = signed_in(app, "staff")
    shown = page(client, "/workdays/days/2026-03-03")
    assert (shown.count('class="worked'), "2 workdays" in shown, "2026-03-02" in shown) == (2, True, True)
    for which, count in {"late": 1, "incomplete": 1, "outlier": 0, "early": 0, "half_day": 0, "x": 2}.items():
        assert page(client, f"/workdays/days/2026-03-03?show={which}").count('class="worked') == count, which
    assert "No workdays" in page(client, "/workdays/days/2026-03-04")
    assert [client.get(f"/workdays/days/{day}").status_code for day in ("x", "0001-01-01", "9999-12-31")] == [404, 200, 200]


def test_a_workday_shows_its_corrections_decisions_and_what_the_crm_knows(app: Flask) -> None:
    client = signed_in(app, "staff")
    times = {"clock_in": datetime(2026, 3, 5, 14, tzinfo=UTC), "clock_out": datetime(2026, 3, 5, 23, tzinfo=UTC)}
    with app.app_context():
        (day,) = stored(workday("17", "2026-03-05", "08:00", review_state="corrected", clock_out=times["clock_out"]))
    with app.app_context(), transaction() as session:
        shared = {"workday_id": day, "decided_by": "grace", "decided_at": NOW, "first_at": times["clock_in"]}
        session.add(WorkdayDecision(decision=Decision.ACCEPTED, reason="Fine", ended_at=NOW, end_reason=DecisionEnd.REPLACED, **shared))
        session.add(WorkdayDecision(decision=Decision.CORRECTED, reason="Forgot <b>", **times, **shared))
    shown = page(client, f"/workdays/{day}")
    assert all(text in shown for text in ("As punched", "Corrected", "Forgot &lt;b&gt;", "replaced", "No CRM", "17:00"))
    shown = page(client, "/workdays/1")
    assert all(text in shown for text in (EARLY, "Accepted by the CRM", "Main entrance"))
    assert "As punched" not in shown
    page(client, "/workdays/99", 404)


def test_a_year_is_a_calendar_with_sums_and_days_of_a_month(app: Flask) -> None:
    client = signed_in(app, "staff")
    shown = page(client, "/workdays/people/1")
    assert (shown.count('<table class="month'), "is-outlier" in shown, "is-incomplete" in shown) == (12, True, True)
    assert ("Days of 2026-03" in shown, ">12:00<" in shown, "2026-03-02: 12:00, outlier" in shown) == (True, True, True)
    assert ("No workdays in this month" in page(client, "/workdays/people/1?year=2026&month=4")) is True
    assert "No workdays" in page(client, "/workdays/people/1?year=2024&month=13")
    shown = page(client, "/workdays/users/1/18")
    assert ("Grace &lt;b&gt;" in shown, "Main entrance" in shown, "2026-03-03: 8:30, late" in shown) == (True, True, True)
    assert [client.get(path).status_code for path in ("/workdays/people/9", "/workdays/users/9/18", "/workdays/users/1/zz")] == [
        404,
        404,
        200,
    ]
    assert [client.get(f"/workdays/people/1?year={year}").status_code for year in ("1", "9999", "0", "x", "10000")] == [200] * 5


def test_a_person_sees_their_own_year_and_no_other_pages(app: Flask) -> None:
    client = signed_in(app, "user", "augusta")
    assert "Your account is not linked to a person" in page(client, "/workdays/mine")
    with app.app_context():
        with reading() as session:
            account_id = session.scalars(select(User.id).where(User.name == "augusta")).one()
        own = person("Augusta", "30", account_id=account_id)
        stored(workday("30", date(2026, 3, 2), "08:00-12:00", person_id=own))
    shown = page(client, "/workdays/mine")
    assert ("Days of 2026-03" in shown, "4:00" in shown, "Ada" in shown, 'href="/workdays/1' in shown) == (True, True, False, False)
    paths = ("", "/1", "/days/2026-03-02", "/people/1", "/users/1/18", "/reports", "/workdays.csv", "/export.xlsx", "/reports/export.xlsx")
    assert {client.get(f"/workdays{path}").status_code for path in paths} == {403}
