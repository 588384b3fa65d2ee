"""The pages of calendars: a school year, holidays, an import, and changes."""

import io
import re

from flask import Flask
from flask.testing import FlaskClient

from tests.services.apps import csrf_token, signed_in
from tests.services.forms import page, send

YEAR = "/calendars/1?year=2026"
EVENT = "BEGIN:VEVENT\r\nSUMMARY:{}\r\nDTSTART;VALUE=DATE:{}\r\nDTEND;VALUE=DATE:{}\r\nEND:VEVENT\r\n"


def upload(client: FlaskClient, data: bytes, status: int = 200) -> str:
    form = {"file": (io.BytesIO(data), "school.ics"), "csrf_token": csrf_token(client, "/me")}
    answer = client.post("/calendars/1/import", data=form)
    assert answer.status_code == status, answer.text
    return answer.text


def test_a_holiday_is_added_shown_changed_and_deleted(app: Flask) -> None:
    client = signed_in(app, "admin")
    assert "No holidays in this school year" in page(client, YEAR)
    form = {"name": "Winter <b>reak", "first_day": "2026-12-21", "last_day": "2027-01-03"}
    send(client, "/calendars/1/holidays", **form)
    shown = page(client, YEAR)
    assert shown.count('class="holiday"') == 14
    assert ("December 2026" in shown, "Winter &lt;b&gt;reak" in shown, '<span class="days">21–31</span>' in shown) == (True, True, True)
    assert "Winter" not in page(client, "/calendars/1?year=2025")
    for sent, problem, status in (
        ({**form, "first_day": "x"}, "Enter a day", 400),
        ({**form, "last_day": "2026-12-01"}, "before the first day", 400),
        ({**form, "name": ""}, "Enter a name", 400),
        (form, "already a holiday from", 409),
    ):
        assert problem in send(client, "/calendars/1/holidays?year=2026", status, **sent), problem
    assert 'value="2026-12-21"' in page(client, "/calendars/holidays/1")
    assert "before the first day" in send(client, "/calendars/holidays/1", 400, **{**form, "last_day": "2026-12-01"})
    send(client, "/calendars/holidays/1", name="Break", first_day="2026-12-24", last_day="")
    assert page(client, YEAR).count('class="holiday"') == 1
    send(client, "/calendars/holidays/1", do="delete")
    page(client, "/calendars/holidays/1", 404)
    changes = page(client, "/calendars/changes")
    assert ("Holiday deleted" in changes, "Break (School calendar)" in changes) == (True, True)
    send(client, "/calendars/changes/3/undo")
    send(client, "/calendars/changes/3/undo")
    assert page(client, "/calendars/changes").count("Undone") == 1
    assert "Break" in page(client, YEAR)
    send(client, "/calendars/changes/99/undo", 404)


def test_calendars_are_added_renamed_made_the_default_and_deleted(app: Flask) -> None:
    client = signed_in(app, "admin")
    send(client, "/calendars", name="Bus drivers")
    send(client, "/calendars", name="bus DRIVERS")
    assert "Another calendar has this name" in page(client, "/calendars")
    send(client, "/calendars/2", do="rename", name="Drivers")
    send(client, "/calendars/2", do="default")
    shown = page(client, "/calendars")
    assert ("<title>Drivers" in shown, "Default" in shown, 'href="/calendars/1' in shown) == (True, True, True)
    send(client, "/calendars/2", do="delete")
    assert "cannot be deleted" in page(client, "/calendars/2")
    send(client, "/calendars/1", do="default")
    send(client, "/calendars/2", do="delete")
    page(client, "/calendars/2", 404)
    for path in ("/calendars/1?year=1", "/calendars/1?year=9999999999999", "/calendars/1?year=x"):
        page(client, path)


def test_a_file_is_previewed_and_what_is_selected_added(app: Flask) -> None:
    client = signed_in(app, "admin")
    send(client, "/calendars/1/holidays", name="Labor Day", first_day="2026-09-07")
    events = (("Labor Day", "20260907", "20260908"), ("Winter & break", "20261221", "20270104"), ("Fall break", "20261012", "20261013"))
    timed = "BEGIN:VEVENT\r\nSUMMARY:Meeting\r\nDTSTART:20260907T080000Z\r\nEND:VEVENT\r\n"
    data = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{''.join(EVENT.format(*each) for each in events)}{timed}END:VCALENDAR\r\n".encode()
    assert "Preview holidays" in page(client, "/calendars/1/import")
    shown = upload(client, data)
    assert ("Already there" in shown, "2 new holidays" in shown, "Meeting" in shown, "time of day" in shown) == (True, True, True, True)
    assert "Fall break" not in page(client, YEAR)
    values = re.findall(r'name="holiday" value="([^"]+)"', shown)
    assert values == ["2026-10-12 2026-10-12 Fall break", "2026-12-21 2027-01-03 Winter &amp; break"]
    send(client, "/calendars/1/import/add", holiday=["2026-12-21 2027-01-03 Winter & break"])
    shown = page(client, YEAR)
    assert ("Winter &amp; break" in shown, "Fall break" in shown) == (True, False)
    assert "1 new holiday" in upload(client, data)
    for holiday in ("x", "2026-12-22 2026-12-22 Winter & break", "2026-12-22 x y"):
        send(client, "/calendars/1/import/add", holiday=[holiday])
        assert "note-danger" in page(client, "/calendars/1/import"), holiday
    send(client, "/calendars/1/import/add")
    assert "not an iCalendar file" in upload(client, b"hello", 400)
    assert "Choose a file" in send(client, "/calendars/1/import", 400)
    send(client, "/calendars/9/import/add", 404, holiday=values[:1])


def test_colleagues_read_without_forms(app: Flask) -> None:
    send(signed_in(app, "admin", "root"), "/calendars/1/holidays", name="Labor Day", first_day="2026-09-07")
    client = signed_in(app, "teacher", "lee")
    shown = page(client, YEAR) + page(client, "/calendars") + page(client, "/calendars/changes")
    assert [each in shown for each in ("Labor Day", "Add holiday", "Import holidays", "Undo", "Delete calendar")] == [True, *[False] * 4]
    page(client, "/calendars/holidays/1", 403)
