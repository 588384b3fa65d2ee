"""Calendars and holidays over JSON."""

from tests.services.asking import Ask

CALENDARS, HOLIDAYS, CHANGES = "/api/calendars/", "/api/holidays/", "/api/calendar-changes/"
LABOR_DAY = {"name": "Labor Day", "first_day": "2026-09-07"}


def test_a_calendar_is_added_renamed_made_the_default_and_deleted(ask: Ask) -> None:
    school = {"id": 1, "name": "School calendar", "is_default": True}
    assert ask("GET", CALENDARS, role="teacher").json == {"count": 1, "next": None, "previous": None, "results": [school]}
    answer = ask("POST", CALENDARS, role="admin", json={"name": "Bus drivers"})
    assert (answer.status_code, answer.json) == (201, {"id": 2, "name": "Bus drivers", "is_default": False})
    path = f"{CALENDARS}2"
    assert ask("PATCH", path, role="admin", json={"name": "Drivers", "is_default": True}).json["is_default"] is True
    assert ask("GET", path).json == {"id": 2, "name": "Drivers", "is_default": True}
    for body, status, code in (
        ({"name": "school CALENDAR"}, 409, "calendar_exists"),
        ({"name": " "}, 400, "invalid_calendar_field"),
        ({"is_default": False}, 400, "invalid_calendar_field"),
        ({"is_default": "yes"}, 400, "invalid"),
        ({"other": 1}, 400, "invalid"),
    ):
        answer = ask("PATCH", path, role="admin", json=body)
        assert (answer.status_code, answer.json["code"]) == (status, code), body
    assert ask("DELETE", path, role="admin").json["code"] == "default_calendar"
    ask("PATCH", f"{CALENDARS}1", role="admin", json={"is_default": True})
    assert ask("DELETE", path, role="admin").status_code == 200
    assert [ask(method, path, role="admin", json={}).json["code"] for method in ("GET", "PATCH", "DELETE")] == ["calendar_not_found"] * 3


def test_a_holiday_is_added_changed_listed_deleted_and_restored(ask: Ask) -> None:
    ask("POST", CALENDARS, role="admin", json={"name": "Bus drivers"})
    answer = ask("POST", HOLIDAYS, role="admin", json=LABOR_DAY)
    holiday = {"id": 1, "calendar": 1, **LABOR_DAY, "last_day": "2026-09-07"}
    assert (answer.status_code, answer.json) == (201, holiday)
    ask("POST", HOLIDAYS, role="admin", json={**LABOR_DAY, "calendar": 2, "first_day": "2026-09-04", "last_day": "2026-09-07"})
    assert [each["id"] for each in ask("GET", HOLIDAYS).json["results"]] == [2, 1]
    for query, ids in (
        ("calendar=1", [1]),
        ("end_date=2026-09-06", [2]),
        ("start_date=2026-09-07", [2, 1]),
        ("start_date=2026-09-08", []),
        ("page_size=1&page=2", [1]),
    ):
        assert [each["id"] for each in ask("GET", f"{HOLIDAYS}?{query}").json["results"]] == ids, query
    page = ask("GET", f"{HOLIDAYS}?page_size=1").json
    assert (page["count"], [each["id"] for each in ask("GET", page["next"]).json["results"]]) == (2, [1])
    path = f"{HOLIDAYS}1"
    assert ask("PATCH", path, role="admin", json={"last_day": "2026-09-08"}).json == {**holiday, "last_day": "2026-09-08"}
    for body, status in (
        ({**LABOR_DAY, "first_day": "2026-09-08"}, 409),
        ({**LABOR_DAY, "calendar": 9}, 404),
        ({**LABOR_DAY, "last_day": "2026-09-01"}, 400),
        ({**LABOR_DAY, "first_day": 20260907}, 400),
        ({**LABOR_DAY, "first_day": "2026-02-30"}, 400),
        ({"name": "Labor Day"}, 400),
    ):
        assert ask("POST", HOLIDAYS, role="admin", json=body).status_code == status, body
    assert ask("POST", HOLIDAYS, json=LABOR_DAY).status_code == 403
    assert ask("DELETE", path, role="admin").json == {"message": "The holiday Labor Day was deleted."}
    assert [ask(method, path, role="admin", json={}).json["code"] for method in ("GET", "PATCH", "DELETE")] == ["holiday_not_found"] * 3
    last = ask("GET", f"{CHANGES}?limit=1")
    assert [(each["kind"], each["subject"], each["undone_by"]) for each in last.json] == [
        ("holiday_deleted", "Labor Day (School calendar)", None)
    ]
    assert "before_id=" in last.headers["Link"]
    undo = f"{CHANGES}{last.json[0]['id']}/undo"
    assert ask("POST", undo, role="admin", json={}).json["undone_by"]
    assert ask("GET", path).json["last_day"] == "2026-09-08"
    assert ask("POST", undo, role="admin", json={}).json["code"] == "calendar_changed_since"
    assert ask("POST", f"{CHANGES}99/undo", role="admin", json={}).json["code"] == "calendar_change_not_found"
