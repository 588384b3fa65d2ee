"""Raw punches over JSON: the contract's shape, filters, orders, pages, and who may read them."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from tests.services.asking import Ask
from tests.services.attendance import added, record
from tests.services.punching import store
from tests.services.tables import check_all

RAW = "/api/raw-attendance/"


@pytest.fixture(autouse=True)
def stored(app: Flask) -> None:
    """Five punches at two terminals; one hour is repeated."""
    with app.app_context():
        entrance, gym = added(), added("Gym", "10.0.0.51")
        late = datetime(2026, 11, 2, tzinfo=UTC)
        log = [record("0017", "2026-10-31 08:00:01", status=15, punch=4), record("18", "2026-10-31 23:59:59")]
        log += [record("18", "2026-11-01 01:30"), record("0017", "2026-11-01 01:10")]
        store(entrance, log, received_at=late)
        store(gym, [record("18", "2026-10-31 12:00"), record("9", "2026-11-01 01:20")], received_at=late)


def ids(ask: Ask, query: str = "") -> list[int]:
    return [row["id"] for row in ask("GET", f"{RAW}?{query}").json["results"]]


def test_a_row_has_the_fields_of_the_contract(ask: Ask) -> None:
    answer = ask("GET", f"{RAW}?user_id=0017&end_date=2026-10-31").json
    (row,) = answer.pop("results")
    assert answer == {"count": 1, "next": None, "previous": None}
    assert row == {
        "id": 1,
        "device": 1,
        "device_name": "Main entrance",
        "user_id": "0017",
        "timestamp": "2026-10-31T13:00:01+00:00",
        "status": 15,
        "punch_state": 4,
        "verify_type": 15,
        "created_at": "2026-11-02T00:00:00+00:00",
        "implausible": None,
        "terminal_time": "2026-10-31T08:00:01",
        "timezone": "America/Chicago",
        "effective_at": "2026-10-31T13:00:01+00:00",
    }


@pytest.mark.both_databases
def test_filters_and_orders(ask: Ask) -> None:
    newest = [4, 3, 6, 2, 5, 1]  # the second pass of the repeated hour comes after the first
    cases = [
        ("", newest),
        ("ordering=timestamp", newest[::-1]),
        ("ordering=id", [1, 2, 3, 4, 5, 6]),
        ("ordering=-id", [6, 5, 4, 3, 2, 1]),
        ("ordering=user_id", [1, 4, 5, 2, 3, 6]),
        ("device=1", [4, 3, 2, 1]),
        ("device=1&ordering=timestamp", [1, 2, 3, 4]),
        ("device=2&user_id=18", [5]),
        ("device=3", []),
        ("user_id=17", []),
        ("start_date=2026-11-01", [4, 3, 6]),
        ("end_date=2026-10-31", [2, 5, 1]),
        ("start_date=2026-10-31&end_date=2026-10-31&device=1", [2, 1]),
        ("start_date=0001-01-01&end_date=9999-12-31", newest),
        ("start_date=9999-12-31", []),
        ("end_date=0001-01-01", []),
    ]

    def check(query: str, expected: list[int]) -> None:
        answer = ask("GET", f"{RAW}?{query}").json
        assert ([row["id"] for row in answer["results"]], answer["count"]) == (expected, len(expected))

    check_all(cases, check)


@pytest.mark.both_databases
@pytest.mark.parametrize("filters", ["", "&device=1", "&device=1&ordering=timestamp", "&ordering=user_id"])
def test_pages_follow_each_other_by_key_and_by_number(ask: Ask, filters: str) -> None:
    expected = ids(ask, filters)
    for size in (1, 2, 4):
        address, found, number = f"{RAW}?page_size={size}{filters}", [], 0
        while address:
            number += 1
            answer = ask("GET", address).json
            rows = [row["id"] for row in answer["results"]]
            assert rows == ids(ask, f"page_size={size}&page={number}{filters}")
            found, address = [*found, *rows], answer["next"]
        assert found == expected


def test_new_punches_are_counted_at_once(app: Flask, ask: Ask) -> None:
    assert ask("GET", RAW).json["count"] == 6
    with app.app_context():
        store(added("Depot", "10.0.0.52"), [record("17", "2026-11-02 08:00")], received_at=datetime(2026, 11, 2, 15, tzinfo=UTC))
    assert [ask("GET", f"{RAW}?{query}").json["count"] for query in ("", "device=1", "device=3", "device=4")] == [7, 4, 1, 0]


def test_invalid_queries_are_refused(ask: Ask) -> None:
    queries = ["ordering=uid", "ordering=user_id;", "device=0", "device=x", "start_date=yesterday", "page_size=1001", "after=x", "since=1"]
    assert {query: ask("GET", f"{RAW}?{query}").status_code for query in queries} == dict.fromkeys(queries, 400)


def test_only_staff_and_administrators_read_them(ask: Ask) -> None:
    expected = {"admin": 200, "staff": 200, "teacher": 403, "user": 403, "student": 403}
    assert {role: ask("GET", RAW, role=role).status_code for role in expected} == expected
