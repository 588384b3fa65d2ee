"""The pages of optics in a browser without scripts: what is entered, what is refused and where, and who sees what."""

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory.models import MAX_QUANTITY
from request_tracker_utils.notifications.models import Notification
from request_tracker_utils.optics import demo, parts
from request_tracker_utils.optics.models import OpticsRequest
from tests.services.apps import user
from tests.services.people import Person, errors_in
from tests.services.tables import check_all

FORM, LIST, PARTS = "/optics", "/optics/requests", "/optics/parts"
LISTED = ["SFP-10G-SR", "SFP-10G-LR"]
SENT = {"selected_part": "SFP-10G-SR", "other_part": "", "quantity": "2", "requester_name": "Grace"}


@pytest.fixture(autouse=True)
def listed(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        parts.replace_parts(session, LISTED)


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.split("<main", 1)[1])).split())


def requests(app: Flask) -> list[OpticsRequest]:
    with app.app_context(), reading() as session:
        return list(session.scalars(select(OpticsRequest).order_by(OpticsRequest.id)))


def requested(app: Flask, person: Person, **form: str) -> int:
    answer = person.submit(FORM, **{**SENT, **form})
    assert answer.status_code == 303, errors_in(answer)
    return requests(app)[-1].id


def names(app: Flask) -> list[str]:
    with app.app_context(), reading() as session:
        return parts.part_names(session)


def part_ids(app: Flask) -> dict[str, int]:
    with app.app_context(), reading() as session:
        return {part.name: part.id for part in parts.list_parts(session)}


def test_a_request_is_sent_decided_and_archived(app: Flask, staff: Person, admin: Person) -> None:
    assert "What you request is listed here" in staff.read(FORM)
    request_id = requested(app, staff, selected_part="Other", other_part="<b>LR4</b> 🔌")
    page = staff.read(FORM)
    assert "Requested: 2 × <b>LR4</b> 🔌." in page
    assert "<b>LR4" not in staff.get(FORM).text
    assert "2 × <b>LR4</b> 🔌 Pending" in words(staff.get(FORM).text)
    assert "Approve request" not in staff.read(f"{LIST}/{request_id}")
    assert "Pending requests" in admin.read("/")
    assert "Approve request" in admin.read(f"{LIST}/{request_id}")
    answer = admin.submit(f"{LIST}/{request_id}/status", action="deny", admin_note="No port.\nTake an SR.", listed="pending")
    assert (answer.status_code, answer.location) == (303, f"{LIST}?status=pending")
    assert "The request of Grace was denied." in admin.read(answer.location)
    assert "Denied" in staff.read(FORM)
    assert "No port.\nTake an SR." in staff.read(f"{LIST}/{request_id}")
    archived = admin.submit(f"{LIST}/{request_id}/status", action="archive", admin_note="")
    assert archived.location == f"{LIST}/{request_id}"
    assert "Archived, denied" in admin.read(archived.location)
    assert "Archive request" not in admin.read(archived.location)
    with app.app_context(), reading() as session:
        sent = session.execute(select(Notification.event, Notification.about).order_by(Notification.id)).all()
    assert {tuple(each) for each in sent} == {
        ("optics-requested", f"optics request {request_id}"),
        ("optics-decided", f"optics request {request_id} denied"),
    }


def test_bad_forms_say_what_is_wrong_beside_the_field_and_keep_what_was_entered(app: Flask, staff: Person) -> None:
    def refuses(form: dict[str, str], *fields: str) -> None:
        answer = staff.submit(FORM, **{**SENT, **form})
        assert (answer.status_code, set(errors_in(answer))) == (400, set(fields))
        if form.get("other_part", "").isprintable():
            assert f'value="{form.get("other_part", "")[:50]}' in unescape(answer.text)

    rows: list[tuple[Any, ...]] = [
        *[({"selected_part": value}, "selected_part") for value in ("", "SFP-10G-XX", "x" * 500, "<script>", "\u200b")],
        *[({"selected_part": "Other", "other_part": value}, "other_part") for value in ("", "\u200b", "x" * 201, "a\x07b")],
        ({"other_part": "LR4"}, "other_part"),
        *[({"quantity": value}, "quantity") for value in ("", "0", "-1", "1.5", "two", str(MAX_QUANTITY + 1), "9" * 400, "1e3")],
        ({"requester_name": "x" * 101}, "requester_name"),
        ({"requester_name": "a\x07"}, "requester_name"),
        ({"selected_part": "", "quantity": "0", "requester_name": "x" * 101}, "selected_part", "quantity", "requester_name"),
    ]
    check_all(rows, refuses)
    assert requests(app) == []


def test_a_form_that_is_sent_twice_is_one_request(app: Flask, staff: Person) -> None:
    key = {"request_key": "form-1"}
    first, second = (staff.submit(FORM, **SENT, **key) for _ in range(2))
    assert (first.status_code, second.status_code, len(requests(app))) == (303, 303, 1)
    assert "This request was already submitted: 2 × SFP-10G-SR." in staff.read(FORM)
    changed = staff.submit(FORM, **{**SENT, "quantity": "3"}, **key)
    assert (changed.status_code, len(requests(app))) == (409, 1)
    assert 'value="3"' in changed.text
    again = re.search(r'name="request_key" value="([^"]+)"', changed.text)
    assert again
    assert staff.submit(FORM, **{**SENT, "quantity": "3"}, request_key=again[1]).status_code == 303
    assert len(requests(app)) == 2


def test_a_second_decision_and_a_bad_one_are_refused_and_say_why(app: Flask, staff: Person, admin: Person) -> None:
    request_id = requested(app, staff)
    address = f"{LIST}/{request_id}/status"
    for form in ({}, {"action": ""}, {"action": "approved"}, {"action": "approve", "admin_note": "x" * 1_001}):
        refused = admin.submit(address, **form)
        assert refused.status_code == 400
        assert f'id="note-{request_id}-error"' in refused.text
    assert requests(app)[0].status == "pending"
    admin.submit(address, action="archive")
    assert "The request has not been decided yet. Approve or deny it first." in admin.read(f"{LIST}/{request_id}")
    admin.submit(address, action="approve")
    again = admin.submit(address, action="deny", listed="nonsense")
    assert again.location == f"{LIST}/{request_id}"
    assert "The request was already approved by ada. It can be archived." in admin.read(again.location)
    assert admin.submit(f"{LIST}/{request_id + 1}/status", action="approve").status_code == 404
    assert admin.get(f"{LIST}/99999999999999999999").status_code == 404


def test_others_see_neither_the_request_nor_the_lists(app: Flask, staff: Person, admin: Person) -> None:
    request_id = requested(app, staff)
    tom, kid = Person(app, user(app, "teacher", "tom")), Person(app, user(app, "student", "kid"))
    unknown, hidden = tom.get(f"{LIST}/{request_id + 1}"), tom.get(f"{LIST}/{request_id}")
    assert (unknown.status_code, hidden.status_code) == (404, 404)
    for answer, number in ((unknown, request_id + 1), (hidden, request_id)):
        assert f"No optics request has the number {number}." in answer.text, "both answers say the same"
    assert "SFP-10G-SR Pending" not in words(tom.get(FORM).text)
    assert "All requests" not in tom.read(FORM)
    for address in (LIST, PARTS):
        assert tom.get(address).status_code == 403
    assert tom.submit(f"{LIST}/{request_id}/status", action="approve").status_code == 403
    for address in (FORM, LIST, f"{LIST}/{request_id}", PARTS):
        assert kid.get(address).status_code == 403
    assert kid.submit(FORM, **SENT).status_code == 403
    assert "Optics" not in words(kid.get("/").text)
    assert admin.get(f"{LIST}/{request_id}").status_code == 200


def test_requests_are_filtered_by_status_and_paged(app: Flask, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("request_tracker_utils.optics.views.requests.PAGE_SIZE", 2)
    ids = [requested(app, admin, requester_name=f"Person {number}") for number in range(5)]
    admin.submit(f"{LIST}/{ids[0]}/status", action="approve")

    def shows(query: str, *expected: int) -> None:
        found = re.findall(rf'class="first"><a href="{LIST}/(\d+)"', admin.get(f"{LIST}?{query}").text)
        assert [int(each) for each in found] == list(expected)

    rows: list[tuple[object, ...]] = [
        ("", ids[4], ids[3]),
        (f"before={ids[3]}", ids[2], ids[1]),
        (f"before={ids[1]}",),
        ("status=approved", ids[0]),
        ("status=denied",),
        ("status=all", ids[4], ids[3]),
        (f"status=all&before={ids[1]}", ids[0]),
        ("status=nonsense&before=x", ids[4], ids[3]),
        (f"before={10**30}", ids[4], ids[3]),
    ]
    check_all(rows, shows)
    assert f"before={ids[3]}" in admin.get(LIST).text
    mine = admin.get(f"{FORM}?before={ids[1]}").text
    assert f"{LIST}/{ids[0]}" in mine
    assert f"{LIST}/{ids[4]}" not in mine


def test_administrators_edit_and_sort_the_list_and_other_stays_last(app: Flask, admin: Person) -> None:
    def act(part: str, do: str, name: str = "") -> TestResponse:
        return admin.submit(f"{PARTS}/{part_ids(app)[part]}", do=do, name=name or part)

    assert admin.submit(PARTS, name="  QSFP\u200b  40G ").status_code == 303
    assert names(app) == [*LISTED, "QSFP 40G", "Other"]
    steps = [
        ("QSFP 40G", "up", "", ["SFP-10G-SR", "QSFP 40G", "SFP-10G-LR", "Other"]),
        ("SFP-10G-SR", "up", "", ["SFP-10G-SR", "QSFP 40G", "SFP-10G-LR", "Other"]),
        ("SFP-10G-LR", "down", "", ["SFP-10G-SR", "QSFP 40G", "SFP-10G-LR", "Other"]),
        ("SFP-10G-SR", "down", "", ["QSFP 40G", "SFP-10G-SR", "SFP-10G-LR", "Other"]),
        ("QSFP 40G", "rename", "qsfp 40g", ["qsfp 40g", "SFP-10G-SR", "SFP-10G-LR", "Other"]),
        ("SFP-10G-LR", "remove", "", ["qsfp 40g", "SFP-10G-SR", "Other"]),
    ]
    for part, do, name, expected in steps:
        assert act(part, do, name).status_code == 303
        assert names(app) == expected
    options = re.findall(r"<option value=\"([^\"]+)\"", admin.get(FORM).text)
    assert options == ["qsfp 40g", "SFP-10G-SR", "Other"]
    gone = max(part_ids(app).values()) + 1
    for do in ("rename", "up", "remove"):
        answer = admin.submit(f"{PARTS}/{gone}", do=do, name="x")
        assert answer.status_code == 303
        assert "This part is no longer on the list." in admin.read(PARTS)


def test_bad_names_of_parts_are_refused(app: Flask, admin: Person) -> None:
    def refuses(name: str, status: int) -> None:
        address = f"{PARTS}/{part_ids(app)['SFP-10G-SR']}"
        for answer in (admin.submit(PARTS, name=name), admin.submit(address, do="rename", name=name)):
            assert answer.status_code == status
            assert "field-error" in answer.text

    rows = [
        ("", 400),
        ("  ", 400),
        ("\u200b\u00ad", 400),
        ("x" * 101, 400),
        ("a\x07b", 400),
        ("Other", 409),
        (" OTHER ", 409),
        ("ｏther", 409),
    ]
    check_all([*rows, ("sfp‑10g‑lr", 409), ("SFP-10G-LR\u200d", 409)], refuses)
    assert admin.submit(f"{PARTS}/{part_ids(app)['SFP-10G-SR']}", do="sort", name="x").status_code == 400
    assert names(app) == [*LISTED, "Other"]


def test_requests_keep_the_name_of_a_part_that_is_renamed_or_removed(app: Flask, staff: Person, admin: Person) -> None:
    request_id = requested(app, staff)
    admin.submit(f"{PARTS}/{part_ids(app)['SFP-10G-SR']}", do="remove", name="")
    assert "2 × SFP-10G-SR" in staff.read(f"{LIST}/{request_id}")
    late = staff.submit(FORM, **SENT)
    assert set(errors_in(late)) == {"selected_part"}
    assert "The list has no part SFP-10G-SR. Choose one of: SFP-10G-LR, Other." in errors_in(late)["selected_part"]


def test_without_parts_other_is_chosen(app: Flask, staff: Person) -> None:
    with app.app_context(), transaction() as session:
        parts.replace_parts(session, [])
    assert re.search(r'<option value="Other" selected', staff.get(FORM).text)


def test_sample_requests_are_added_once(app: Flask) -> None:
    with app.app_context():
        assert not demo.is_empty(reading)
        with transaction() as session:
            parts.replace_parts(session, [])
        assert demo.is_empty(reading)
        assert demo.fill(transaction, now=utc_now()) == 5
        assert not demo.is_empty(reading)
    assert {each.status for each in requests(app)} == {"pending", "approved", "denied", "archived"}
