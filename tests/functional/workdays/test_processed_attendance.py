"""Workdays over JSON: the contract's shape, filters, orders, pages, and who may read them."""

import pytest
from flask import Flask
from sqlalchemy import delete, select

from request_tracker_utils.accounts.models import User
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.workdays.models import Workday
from tests.services.asking import Ask
from tests.services.attendance import added
from tests.services.tables import check_all
from tests.services.workdays import person, stored, workday

ROWS = "/api/processed-attendance/"


@pytest.fixture(autouse=True)
def days(app: Flask) -> None:
    """Six workdays at two terminals; two are outliers, two are synced, one has failed."""
    with app.app_context():
        added(), added("Gym", "10.0.0.51")
        early = {"outlier_reason": "Clock-in at 05:00, more than 2 hours before 08:00"}
        stored(
            workday("0017", "2026-03-02", synced=True),
            workday("18", "2026-03-02", "05:00-17:00", **early),
            workday("0017", "2026-03-03", "08:00", sync_attempts=3),
            workday("18", "2026-03-03", terminal_id=2, synced=True, **early),
            workday("9", "2026-02-27", terminal_id=2),
            workday("0017", "2026-04-01", "22:00-06:00"),
        )


def test_a_row_has_the_fields_of_the_contract(ask: Ask) -> None:
    answer = ask("GET", f"{ROWS}?user_id=0017&end_date=2026-03-02").json
    (row,) = answer.pop("results")
    assert answer == {"count": 1, "next": None, "previous": None}
    assert row == {
        "id": 1,
        "device": 1,
        "device_name": "Main entrance",
        "user_id": "0017",
        "date": "2026-03-02",
        "clock_in": "2026-03-02T14:00:00+00:00",
        "clock_out": "2026-03-02T23:00:00+00:00",
        "is_outlier": False,
        "outlier_reason": "",
        "synced_to_crm": True,
        "sync_attempts": 0,
        "last_sync_attempt": None,
        "created_at": "2026-03-02T18:00:00+00:00",
        "updated_at": "2026-03-02T18:00:00+00:00",
        "is_incomplete": False,
        "is_late": False,
        "is_early": False,
        "is_half_day": False,
        "review_state": "none",
        "first_at": "2026-03-02T14:00:00+00:00",
        "last_at": "2026-03-02T23:00:00+00:00",
        "revision": 1,
        "worked_seconds": 32400,
        "timezone": "America/Chicago",
        "window_ends_at": "2026-03-03T10:00:00+00:00",
    }
    assert ask("GET", f"{ROWS}1/").json == row
    incomplete = ask("GET", f"{ROWS}3/").json
    assert (incomplete["clock_out"], incomplete["is_incomplete"], incomplete["review_state"]) == (None, True, "open")


@pytest.mark.both_databases
def test_filters_and_orders(ask: Ask) -> None:
    newest = [6, 4, 3, 2, 1, 5]
    cases = [
        ("", newest),
        ("ordering=date", newest[::-1]),
        ("ordering=-timestamp", newest),
        ("ordering=id", [1, 2, 3, 4, 5, 6]),
        ("ordering=-user_id", [5, 4, 2, 6, 3, 1]),
        ("device=2", [4, 5]),
        ("device=3", []),
        ("user_id=0017", [6, 3, 1]),
        ("user_id=17", []),
        ("is_outlier=true", [4, 2]),
        ("is_outlier=false", [6, 3, 1, 5]),
        ("is_outlier=true&device=2", [4]),
        ("synced_to_crm=true", [4, 1]),
        ("synced_to_crm=false", [6, 3, 2, 5]),
        ("synced_to_crm=false&is_outlier=true", [2]),
        ("synced_to_crm=true&is_outlier=false&start_date=2026-03-02&end_date=2026-03-02", [1]),
        ("start_date=2026-03-01&end_date=2026-03-31", [4, 3, 2, 1]),
        ("start_date=2026-03-03", [6, 4, 3]),
        ("start_date=2026-03-03&is_outlier=false", [6, 3]),
        ("end_date=2026-03-02", [2, 1, 5]),
        ("end_date=2026-03-02&synced_to_crm=true", [1]),
        ("start_date=2026-02-01&end_date=2026-04-30&device=1", [6, 3, 2, 1]),
        ("start_date=2026-02-27&end_date=2026-04-01", newest),
        ("start_date=2026-03-03&end_date=2026-03-02", []),
        ("start_date=0001-01-01&end_date=9999-12-31", newest),
        ("start_date=0001-01-02&end_date=9999-12-30", newest),
        ("start_date=9999-12-31", []),
        ("start_date=9999-12-02", []),
        ("end_date=0001-01-01", []),
    ]

    def check(query: str, expected: list[int]) -> None:
        answer = ask("GET", f"{ROWS}?{query}").json
        assert ([row["id"] for row in answer["results"]], answer["count"]) == (expected, len(expected))

    check_all(cases, check)


@pytest.mark.both_databases
@pytest.mark.parametrize("filters", ["", "&is_outlier=true", "&device=1&ordering=date", "&ordering=user_id"])
def test_pages_follow_each_other_by_key_and_by_number(ask: Ask, filters: str) -> None:
    expected = [row["id"] for row in ask("GET", f"{ROWS}?{filters}").json["results"]]
    for size in (1, 2, 4):
        address, found, number = f"{ROWS}?page_size={size}{filters}", [], 0
        while address:
            number += 1
            answer = ask("GET", address).json
            rows = [row["id"] for row in answer["results"]]
            by_number = ask("GET", f"{ROWS}?page_size={size}&page={number}{filters}").json["results"]
            assert rows == [row["id"] for row in by_number]
            found, address = [*found, *rows], answer["next"]
        assert found == expected


@pytest.mark.both_databases
def test_outliers_unsynced_and_stats(ask: Ask) -> None:
    outliers = ask("GET", f"{ROWS}outliers/?page_size=1").json
    assert ([row["id"] for row in outliers["results"]], outliers["count"], bool(outliers["next"])) == ([4], 2, True)
    assert [row["id"] for row in ask("GET", f"{ROWS}outliers/?synced_to_crm=false").json["results"]] == [2]
    assert [row["id"] for row in ask("GET", f"{ROWS}unsynced/").json] == [6, 3, 2, 5]
    assert [row["id"] for row in ask("GET", f"{ROWS}unsynced/?limit=2").json] == [6, 3]
    assert ask("GET", f"{ROWS}stats/").json == {"total": 6, "synced": 2, "unsynced": 4, "failed": 1, "sync_percentage": 33.33}


def test_stats_without_workdays(app: Flask, ask: Ask) -> None:
    with app.app_context(), transaction() as session:
        session.execute(delete(Workday))
    assert ask("GET", f"{ROWS}stats/").json == {"total": 0, "synced": 0, "unsynced": 0, "failed": 0, "sync_percentage": 0.0}


def test_a_person_sees_their_own_workdays_only(app: Flask, ask: Ask) -> None:
    refused = ask("GET", f"{ROWS}mine/", role="user")
    assert (refused.status_code, refused.json["code"]) == (404, "no_own_workdays")
    with app.app_context():
        with reading() as session:
            account_id = session.scalars(select(User.id).where(User.role == "user")).one()
        own = person("Ada", "30", account_id=account_id)
        stored(workday("30", "2026-03-05", person_id=own))
    answer = ask("GET", f"{ROWS}mine/", role="user").json
    assert ([row["user_id"] for row in answer["results"]], answer["count"]) == (["30"], 1)


def test_invalid_queries_are_refused(ask: Ask) -> None:
    queries = ["ordering=clock", "device=0", "start_date=yesterday", "page_size=1001", "after=x", "is_outlier=perhaps", "synced_to_crm=2"]
    assert {query: ask("GET", f"{ROWS}?{query}").status_code for query in queries} == dict.fromkeys(queries, 400)
    assert [ask("GET", f"{ROWS}{path}").status_code for path in ("unsynced/?limit=0", "99/", "99999999999/")] == [400, 404, 404]


def test_only_staff_and_administrators_read_them(ask: Ask) -> None:
    expected = {"admin": 200, "staff": 200, "teacher": 403, "user": 403, "student": 403}
    for path in ("", "1/", "outliers/", "unsynced/", "stats/"):
        assert {role: ask("GET", ROWS + path, role=role).status_code for role in expected} == expected
