"""The pages of cable tickets in a browser without scripts: asking, the list, one ticket, editing, kits."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.cable_tickets.models import Kit, Ticket, TicketItem
from request_tracker_utils.core.db import reading, transaction
from tests.services.apps import user
from tests.services.people import Person, text_of
from tests.services.stocking import delivered
from tests.services.tables import check_all

NEW = "/tickets/new"


@pytest.fixture
def ada(app: Flask) -> Person:
    """An administrator: the default approver."""
    return Person(app, user(app, "admin", "ada"))


@pytest.fixture
def tess(app: Flask, ada: Person) -> Person:
    """A teacher, who asks for cable."""
    return Person(app, user(app, "teacher", "tess"))


@pytest.fixture
def bob(app: Flask, ada: Person) -> Person:
    """Staff: fulfills."""
    return Person(app, user(app, "staff", "bob"))


def ask(person: Person, *rows: tuple[str, ...], **fields: object) -> TestResponse:
    """Sends the form. A row is cable, length, pieces, gauge."""
    columns = ("cable_type", "cable_length", "quantity", "cable_gauge")
    cells = {name: [row[number] if number < len(row) else "" for row in rows] for number, name in enumerate(columns)}
    return person.submit(NEW, **{"do": "send", "request_key": "form-1", **cells, **fields})


def asked(person: Person, *rows: tuple[str, ...], **fields: object) -> int:
    answer = ask(person, *(rows or [("Cat6", "100 ft")]), **{"request_key": f"key-{len(tickets(person))}", **fields})
    assert answer.status_code == 303, errors(answer)
    return int(re.findall(r"/tickets/(\d+)", answer.headers["Location"])[0])


def tickets(person: Person) -> list[Ticket]:
    with person.application.app_context(), reading() as session:
        return list(session.scalars(select(Ticket).order_by(Ticket.id)))


def ticket(person: Person, ticket_id: int) -> Ticket:
    with person.application.app_context(), reading() as session:
        return session.get_one(Ticket, ticket_id)


def items(person: Person, ticket_id: int) -> list[tuple[str, str, str, int]]:
    with person.application.app_context(), reading() as session:
        found = session.scalars(select(TicketItem).where(TicketItem.ticket_id == ticket_id).order_by(TicketItem.id))
        return [(each.cable_type, each.cable_length, each.cable_gauge, each.quantity) for each in found]


def user_id(person: Person, name: str) -> int:
    with person.application.app_context(), reading() as session:
        return accounts.user_named(session, name).id


def act(person: Person, ticket_id: int, action: str, **form: object) -> TestResponse:
    return person.submit(f"/tickets/{ticket_id}/{action}", **form)


def errors(answer: TestResponse) -> list[str]:
    page = text_of(answer)
    found = re.findall(r'<(?:p class="field-error|div class="note note-danger)[^>]*>(.*?)</', page, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", each).strip() for each in found]


def rows(page: str) -> list[list[str]]:
    """The values of the form's rows."""
    form = page.split('<ol class="items"')[1].split("<template", maxsplit=1)[0]
    return [
        [re.findall(rf'name="{name}" value="([^"]*)"', row)[0] for name in ("cable_type", "cable_length", "quantity", "cable_gauge")]
        for row in form.split("<li data-row>")[1:]
    ]


def listed(person: Person, query: str = "") -> list[int]:
    return [int(each) for each in re.findall(r'href="/tickets/(\d+)(?:\?[^"]*)?"', person.read(f"/tickets/list{query}"))]


def test_a_request_names_who_was_asked_and_is_created_once(ada: Person, tess: Person) -> None:
    first, again = (
        ask(tess, ("Cat6", "100ft", "2", "23 AWG"), location="Room 12", notes="for <b>Ms Lee</b> 🔌", priority="high") for _ in range(2)
    )
    assert (first.status_code, again.status_code, len(tickets(ada))) == (303, 303, 1)
    assert first.headers["Location"] == again.headers["Location"]
    page = tess.read(first.headers["Location"])
    assert "Ticket 1 was created." in page
    assert re.search(r"ada (was asked by|did not get a message)", page), "who was asked, and how"
    assert "for <b>Ms Lee</b> 🔌" in page, "unescaped here: text_of"
    assert "<b>Ms Lee" not in tess.get(first.headers["Location"]).get_data(as_text=True)
    stored = tickets(ada)[0]
    assert (stored.created_by, stored.location, stored.priority, stored.status) == ("tess", "Room 12", "high", "pending_approval")
    assert items(ada, 1) == [("Cat6", "100ft", "23 AWG", 2)]


def test_a_form_from_the_back_button_creates_another_ticket_when_it_is_sent_again(ada: Person, tess: Person) -> None:
    assert ask(tess, ("Cat6", "100 ft")).status_code == 303

    def changed_and_sent_twice(length: str) -> int:
        answer = ask(tess, ("Cat6", length))
        assert "has already created a ticket" in errors(answer)[0]
        key = re.findall(r'name="request_key" value="([^"]+)"', text_of(answer))[0]
        assert rows(text_of(answer)) == [["Cat6", length, "", ""]]
        assert ask(tess, ("Cat6", length), request_key=key).status_code == 303
        return answer.status_code

    assert changed_and_sent_twice("50 ft") == 409, "another request with the key of the first"
    act(tess, 1, "archive")
    assert changed_and_sent_twice("100 ft") == 410, "the first one was archived"
    act(ada, 1, "purge")
    assert changed_and_sent_twice("100 ft") == 404, "and then purged"
    assert len(tickets(ada)) == 3


def test_bad_input_of_the_form_is_shown_beside_its_field(app: Flask, ada: Person, tess: Person) -> None:
    user(app, "student", "sam")
    table: list[tuple[Any, ...]] = [
        ([("", "")], {}, "Enter the cable that you need."),
        ([("Cat6", "")], {}, "Enter the length"),
        ([("", "100 ft")], {}, "Enter the cable type"),
        ([("Cat6", "-5 ft")], {}, "cannot be negative"),
        ([("Cat6", "0 ft")], {}, "cannot be zero"),
        ([("Cat6", "5 miles")], {}, "not a unit of length"),
        ([("Cat6", "100 ft", "0")], {}, "Enter a whole number"),
        ([("Cat6", "100 ft", "1.5")], {}, "Enter a whole number"),
        ([("Cat6", "100 ft", "99999999999999")], {}, "Enter a whole number"),
        ([("Cat6", "100 ft", "20000")], {}, "at most 10,000 pieces"),
        ([("Cat6", "100 ft", "1", "x" * 31)], {}, "at most 30 characters"),
        ([("Cat6", "100 ft")], {"location": "x" * 201}, "at most 200 characters"),
        ([("Cat6", "100 ft")], {"notes": "🔌" * 10_001}, "10,000"),
        ([("Cat6", "100 ft")], {"priority": "urgent"}, "Unknown priority"),
        ([("Cat6", "100 ft")], {"needed_by": "soon"}, "Enter a date"),
        ([("Cat6", "100 ft")], {"needed_by": "2001-01-01"}, "between today"),
        ([("Cat6", "100 ft")], {"assigned_to_id": "ada"}, "Choose an approver"),
        ([("Cat6", "100 ft")], {"assigned_to_id": "-1"}, "Choose an approver"),
        ([("Cat6", "100 ft")], {"assigned_to_id": "999999999"}, "hoose"),
        ([("Cat6", "100 ft")], {"assigned_to_id": "99999999999999999999"}, "Choose an approver"),
        ([("Cat6", "100 ft")], {"assigned_to_id": str(user_id(ada, "tess"))}, "Choose somebody else"),
        ([("Cat6", "100 ft")], {"assigned_to_id": str(user_id(ada, "sam"))}, "hoose"),
        ([("Cat6", f"{number} ft") for number in range(1, 53)], {}, "at most 50 items"),
    ]

    def check(entered: list[tuple[str, ...]], fields: dict[str, str], expected: str) -> None:
        answer = ask(tess, *entered, **fields)
        assert (answer.status_code, len(tickets(ada))) == (400, 0)
        assert any(expected in each for each in errors(answer)), errors(answer)
        kept = text_of(answer)
        assert all(cell in kept for row in entered[:3] for cell in row), "what was entered is still there"

    check_all(table, check)


def test_notes_of_ten_thousand_characters_are_stored(ada: Person, tess: Person) -> None:
    text = "<script>alert(1)</script> 🔌 " + "ä" * 9_970
    assert ticket(ada, asked(tess, notes=text)).notes == text


def test_chips_fill_the_form_without_scripts(app: Flask, ada: Person, tess: Person, bob: Person) -> None:
    with app.app_context(), transaction() as session:
        session.add(
            Kit(name="Classroom", position=0, items=[{"cable_type": "Cat6", "cable_length": "7 ft", "cable_gauge": "", "quantity": 2}])
        )
    for number in range(1, 8):
        asked(tess, ("Cat6", f"{number} ft"), location=f"Room {number}")
    asked(tess, ("cat6", "7ft"), location="room 7")  # like the last one
    asked(bob, ("Fiber", "3 m"))
    page = tess.read(NEW)
    chips = re.findall(r'name="fill" value="([^"]+)"', page)
    assert chips == ["ticket-8", "ticket-6", "ticket-5", "ticket-4", "ticket-3", "kit-1"], "five different ones, then the kits"
    filled = text_of(tess.submit(NEW, fill="ticket-5", cable_type="Fiber", cable_length="3 m", quantity="1", cable_gauge="", notes="soon"))
    assert rows(filled) == [["Fiber", "3 m", "1", ""], ["Cat6", "5 ft", "1", ""]]
    assert 'value="Room 5"' in filled
    assert "soon" in filled
    assert rows(text_of(tess.submit(NEW, fill="kit-1"))) == [["Cat6", "7 ft", "2", ""]]
    twice = tess.submit(NEW, fill="kit-1", cable_type="cat6", cable_length="7ft", quantity="5", cable_gauge="")
    assert rows(text_of(twice)) == [["cat6", "7ft", "5", ""]], "what is there already is not added again"
    assert rows(tess.read(f"{NEW}?again=3")) == [["Cat6", "3 ft", "1", ""]]
    assert rows(tess.read(f"{NEW}?kit=1&location=Library")) == [["Cat6", "7 ft", "2", ""]]
    for unknown in ("ticket-99", "kit-7", "kit-x", "ticket--1", "x", "ticket-99999999999999999999"):
        assert rows(text_of(tess.submit(NEW, fill=unknown))) == [["", "", "1", ""]]
    assert len(tickets(ada)) == 9


def test_rows_are_added_without_scripts(ada: Person, tess: Person) -> None:
    answer = tess.submit(NEW, do="add", cable_type="Cat6", cable_length="100 ft", quantity="2", cable_gauge="", notes="x", priority="high")
    page = text_of(answer)
    assert rows(page) == [["Cat6", "100 ft", "2", ""], ["", "", "1", ""]]
    assert re.search(r'value="high" checked', page)
    assert asked(tess, ("Cat6", "100 ft", "2"), ("", "", "1"), ("Fiber", "3 m", "")) == 1
    assert items(ada, 1) == [("Cat6", "100 ft", "", 2), ("Fiber", "3 m", "", 1)], "blank rows are left out"


def test_a_missing_approver_is_reported_before_a_ticket_is_created(app: Flask, tess: Person, ada: Person) -> None:
    with app.app_context(), transaction() as session:
        accounts.user_named(session, "ada").active = False
    answer = ask(tess, ("Cat6", "100 ft"))
    assert (answer.status_code, len(tickets(ada))) == (400, 0)
    assert errors(answer)


def test_a_ticket_is_decided_worked_on_and_closed_with_buttons(app: Flask, ada: Person, tess: Person, bob: Person) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 1))
    made = asked(tess, ("Cat6", "100 ft", "2"))
    page = tess.read(f"/tickets/{made}")
    assert "Waiting for ada." in page
    assert 'value="approved"' not in page, "nobody approves their own request"
    assert act(tess, made, "step", to="approved").status_code == 403
    assert listed(ada, "?tab=decide") == [made]
    assert act(ada, made, "step", to="approved").status_code == 303
    assert act(ada, made, "step", to="approved").status_code == 303, "pressed twice"
    page = bob.read(f"/tickets/{made}")
    assert re.search(r'data-label="Reserved">1<.*?data-label="Back-ordered"><span class="mark mark-warn">1<', page, re.DOTALL)
    assert (listed(ada, "?tab=decide"), listed(bob, "?tab=fulfill"), listed(tess, "?tab=fulfill")) == ([], [made], [])
    refused = act(bob, made, "step", to="rejected", reason="late")
    assert (refused.status_code, ticket(ada, made).status) == (409, "approved")
    assert act(bob, made, "step", to="in_progress").status_code == 303
    short = act(bob, made, "step", to="fulfilled")
    assert (short.status_code, ticket(ada, made).status) == (409, "in_progress")
    assert errors(short)
    with app.app_context():
        delivered(("Cat6", "100 ft", 1), packing_slip="2")
    assert act(bob, made, "step", to="fulfilled").status_code == 303
    assert act(tess, made, "step", to="closed").status_code == 303
    history = tess.read(f"/tickets/{made}").split('id="history"')[1]
    for said in ("closed the ticket", "fulfilled the ticket", "started work", "approved the request", "requested cable"):
        assert said in history


def test_a_rejection_and_closing_short_need_a_reason(ada: Person, tess: Person, bob: Person) -> None:
    made = asked(tess)
    refused = act(ada, made, "step", to="rejected")
    assert (refused.status_code, ticket(ada, made).status) == (400, "pending_approval")
    assert "Enter a reason." in errors(refused)
    assert '<details class="step" open>' in text_of(refused)
    assert act(ada, made, "step", to="rejected", reason="Not <b>needed</b>").status_code == 303
    page = tess.get(f"/tickets/{made}").get_data(as_text=True)
    assert "Not &lt;b&gt;needed&lt;/b&gt;" in page
    assert act(tess, made, "step", to="pending_approval").status_code == 303
    assert act(ada, made, "step", to="approved").status_code == 303
    assert act(bob, made, "step", to="closed").status_code == 400
    assert act(bob, made, "step", to="closed", reason="Bought elsewhere").status_code == 303
    assert ticket(ada, made).close_reason == "Bought elsewhere"


def test_bad_steps_change_nothing(ada: Person, tess: Person) -> None:
    made = asked(tess)
    table = [
        (made, {"to": "nonsense"}, 400),
        (made, {}, 400),
        (made, {"to": "fulfilled"}, 409),
        (made, {"to": "deleted"}, 409),
        (made, {"to": "rejected", "reason": "x" * 1_001}, 400),
        (99, {"to": "approved"}, 404),
        (2**31, {"to": "approved"}, 404),
        (10**30, {"to": "approved"}, 404),
    ]

    def check(ticket_id: int, form: dict[str, str], status: int) -> None:
        assert act(ada, ticket_id, "step", **form).status_code == status
        assert ticket(ada, made).status == "pending_approval"

    check_all(table, check)
    for address in ("/tickets/99", f"/tickets/{2**31}", f"/tickets/{10**30}", "/tickets/-1", "/tickets/x"):
        assert ada.get(address).status_code == 404, address


def test_comments_are_shown_as_they_were_written(ada: Person, tess: Person) -> None:
    made = asked(tess)
    assert act(ada, made, "comments", body="").status_code == 400
    assert act(ada, made, "comments", body="x" * 10_001).status_code == 400
    assert act(ada, made, "comments", body="<i>Which</i> room? 🤔\nThanks").status_code == 303
    page = tess.get(f"/tickets/{made}").get_data(as_text=True)
    assert "&lt;i&gt;Which&lt;/i&gt; room? 🤔\nThanks" in page


def test_a_request_is_sent_to_somebody_else(app: Flask, ada: Person, tess: Person, bob: Person) -> None:
    made = asked(tess)
    assert act(bob, made, "assign", assigned_to_id=str(user_id(ada, "bob"))).status_code == 403, "only who asked or was asked"
    assert act(tess, made, "assign", assigned_to_id=str(user_id(ada, "tess"))).status_code == 400
    assert act(tess, made, "assign", assigned_to_id="x").status_code == 400
    assert act(ada, made, "assign", assigned_to_id=str(user_id(ada, "bob"))).status_code == 303
    page = bob.read(f"/tickets/{made}")
    assert "sent the request to bob" in page
    assert 'value="approved"' in page
    assert (listed(bob, "?tab=decide"), listed(ada, "?tab=decide")) == ([made], [])
    assert act(bob, made, "step", to="approved").status_code == 303


def test_an_archived_ticket_answers_410_and_is_restored_or_purged(app: Flask, ada: Person, tess: Person, bob: Person) -> None:
    made = asked(tess)
    assert act(bob, made, "archive").status_code == 403
    assert act(tess, made, "archive").status_code == 303
    assert (tess.get(f"/tickets/{made}").status_code, tess.get(f"/tickets/{made}?include_deleted=true").status_code) == (410, 200)
    for action, form in (("step", {"to": "approved"}), ("comments", {"body": "x"}), ("assign", {}), ("archive", {}), ("edit", {})):
        assert act(ada, made, action, **form).status_code == 410, action
    assert (listed(tess, "?tab=mine"), listed(tess, "?tab=mine&status=deleted")) == ([], [made])
    assert "Delete for good" not in text_of(tess.get(f"/tickets/{made}"))
    assert act(tess, made, "purge").status_code == 403
    assert act(tess, made, "restore").status_code == 303
    assert act(tess, made, "restore").status_code == 409, "it is not archived"
    assert act(ada, made, "purge").status_code == 409, "only archived ones"
    assert act(tess, made, "archive").status_code == 303
    assert act(ada, made, "purge").status_code == 303
    assert (ada.get(f"/tickets/{made}").status_code, tickets(ada)) == (404, [])


def test_editing_says_before_what_it_means(app: Flask, ada: Person, tess: Person, bob: Person) -> None:
    with app.app_context():
        delivered(("Cat6", "100 ft", 5))
    made = asked(tess, ("Cat6", "100 ft", "2"))
    edit = f"/tickets/{made}/edit"
    assert bob.get(edit).status_code == 403
    assert "new links go to ada" in tess.read(edit)
    act(ada, made, "step", to="approved")
    page = tess.read(edit)
    assert "needs approval again" in page
    assert rows(page) == [["Cat6", "100 ft", "2", ""]]

    def save(**changes: object) -> TestResponse:
        form = tess.read(edit)
        sent = {
            "do": "send",
            "revision": re.findall(r'name="revision" value="(\d+)"', form)[0],
            "item_id": re.findall(r'name="item_id" value="(\d+)"', form),
            **dict(zip(("cable_type", "cable_length", "quantity", "cable_gauge"), map(list, zip(*rows(form), strict=True)), strict=True)),
            "priority": "medium",
        }
        return tess.submit(edit, **{**sent, **changes})

    assert save(location="Room 9").status_code == 303
    assert (ticket(ada, made).location, ticket(ada, made).status) == ("Room 9", "approved"), "only other cable needs another approval"
    assert save(location="Room 9", revision="1", quantity="3").status_code == 409, "changed since the form was opened"
    assert save(quantity="-3").status_code == 400
    answer = save(quantity="3", location="Room 9")
    assert (answer.status_code, ticket(ada, made).status, items(ada, made)) == (303, "pending_approval", [("Cat6", "100 ft", "", 3)])
    page = tess.read(answer.headers["Location"])
    assert "It needs approval again." in page
    assert "2 × Cat6 100 ft → 3 × Cat6 100 ft" in page
    act(ada, made, "step", to="approved")
    act(bob, made, "step", to="in_progress")
    act(bob, made, "step", to="fulfilled")
    assert tess.get(edit).status_code == 409


def test_the_list_has_tabs_filters_a_search_and_pages(app: Flask, ada: Person, tess: Person, bob: Person) -> None:
    for number in range(1, 5):
        asked(tess, ("Cat6", f"{number} ft"), location=f"Room {number}", priority="high" if number == 2 else "low")
    asked(bob, ("Fiber LC", "3 m"), location="Library", notes="Überraschung")
    act(ada, 1, "step", to="approved")
    table = [
        (ada, "?tab=decide", [5, 4, 3, 2]),
        (ada, "", [5, 4, 3, 2]),
        (tess, "", [4, 3, 2, 1]),
        (bob, "", [1]),
        (ada, "?tab=mine", []),
        (tess, "?tab=mine&status=approved", [1]),
        (tess, "?tab=all", [5, 4, 3, 2, 1]),
        (tess, "?tab=all&priority=high", [2]),
        (tess, "?q=fiber", [5]),
        (tess, "?q=uberraschung+library", [5]),
        (tess, "?q=bob", [5]),
        (tess, "?tab=mine&q=fiber", []),
        (tess, "?tab=all&q=fiber+cat6", []),
        (ada, "?tab=decide&q=room+cat6", [4, 3, 2]),
        (bob, "?tab=fulfill&q=cat6", [1]),
        (tess, "?tab=all&q=%00%27%22*+-", None),
        (tess, "?tab=all&before=3", [2, 1]),
        (tess, "?tab=all&before=x", [5, 4, 3, 2, 1]),
        (tess, "?tab=nonsense&status=nonsense&priority=nonsense", [4, 3, 2, 1]),
    ]

    def check(person: Person, query: str, expected: list[int] | None) -> None:
        found = listed(person, query)
        assert expected is None or found == expected

    check_all(table, check)
    page = ada.read("/tickets/list?tab=all")
    assert "Waiting for approval</span>" in page
    assert "High priority</span>" in page
    assert re.search(r"To approve <span[^>]*>4<", page)


def test_a_long_list_is_paged(app: Flask, ada: Person, tess: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("request_tracker_utils.cable_tickets.views.tickets.PAGE_SIZE", 2)
    for number in range(1, 6):
        asked(tess, ("Cat6", f"{number} ft"), priority="high")
    first = tess.read("/tickets/list?tab=mine&priority=high")
    following = re.findall(r'rel="next" href="([^"]+)"', first)[0]
    assert listed(tess, "?tab=mine&priority=high") == [5, 4]
    assert listed(tess, following.removeprefix("/tickets/list")) == [3, 2]
    assert "Newest" in tess.read(following)


def test_students_see_nothing_and_others_only_what_they_may(app: Flask, ada: Person, tess: Person) -> None:
    made = asked(tess)
    sam = Person(app, user(app, "student", "sam"))
    for address in ("/tickets/list", NEW, f"/tickets/{made}", f"/tickets/{made}/edit", "/tickets/kits"):
        assert sam.get(address).status_code == 403, address
    assert tess.get("/tickets/kits").status_code == 403
    assert "Cable tickets" in tess.read("/")
    assert "Cable tickets" not in sam.read("/")


def test_kits_are_added_changed_moved_and_deleted(ada: Person, tess: Person) -> None:
    row: dict[str, Any] = {"do": "save", "cable_type": ["Cat6"], "cable_length": ["7 ft"], "quantity": ["2"], "cable_gauge": [""]}
    assert "No kits yet" in ada.read("/tickets/kits")
    for name in ("Classroom", "Office"):
        assert ada.submit("/tickets/kits/new", name=name, **row).status_code == 303
    table = [
        ({"name": ""}, "Enter a name"),
        ({"name": "x" * 41}, "Enter a name"),
        ({"name": " CLASSROOM "}, "There is already a kit named"),
        ({"name": "New", "cable_type": [""], "cable_length": [""]}, "Enter the cable"),
        ({"name": "New", "quantity": ["0"]}, "Enter a whole number"),
    ]

    def check(form: dict[str, Any], expected: str) -> None:
        answer = ada.submit("/tickets/kits/new", **{**row, **form})
        assert answer.status_code == 400
        assert any(expected in each for each in errors(answer)), errors(answer)

    check_all(table, check)
    assert ada.submit("/tickets/kits/2/move", to="up").status_code == 303
    assert re.findall(r'value="kit-(\d)"', tess.read(NEW)) == ["2", "1"]
    assert ada.submit("/tickets/kits/2/move", to="up").status_code == 303, "it is the first already"
    assert ada.submit("/tickets/kits/1", name="Lab", **{**row, "cable_length": ["5 m"]}).status_code == 303
    assert rows(tess.read(f"{NEW}?kit=1")) == [["Cat6", "5 m", "2", ""]]
    assert ada.submit("/tickets/kits/1/delete").status_code == 303
    for path in ("/tickets/kits/1", "/tickets/kits/99999999999"):
        assert ada.get(path).status_code == 404
        assert ada.submit(f"{path}/delete").status_code == 404
    assert re.findall(r'value="kit-(\d)"', tess.read(NEW)) == ["2"]


def test_a_ticket_is_sent_to_somebody_else_or_handed_over(app: Flask, ada: Person, tess: Person, bob: Person) -> None:
    """What is not true of the ticket is not on its page: before the approval nothing is reserved, and who has it already is no choice."""
    number = asked(tess)

    def choices() -> list[str]:
        page = text_of(tess.get(f"/tickets/{number}"))
        return re.findall(r"<option value=\"([^\"]*)\"", page.partition('id="assigned_to_id"')[2].partition("</select>")[0])

    ids = {name: str(user_id(tess, name)) for name in ("ada", "bob")}
    page = text_of(tess.get(f"/tickets/{number}"))
    assert "Send to somebody else" in page
    assert "Back-ordered" not in page
    assert sorted(choices()) == sorted(["", *ids.values()])
    for wrong in ("", "default", "x", "9" * 5_000):
        assert act(tess, number, "assign", assigned_to_id=wrong).status_code == 400, wrong[:9]
    assert act(tess, number, "assign", assigned_to_id=ids["bob"]).status_code == 303
    assert sorted(choices()) == sorted(["", "default", ids["ada"]])
    assert act(tess, number, "assign", assigned_to_id=ids["bob"]).status_code == 400
    assert act(tess, number, "assign", assigned_to_id="default").status_code == 303
    assert act(ada, number, "step", to="approved").status_code == 303
    page = text_of(tess.get(f"/tickets/{number}"))
    assert "Send to somebody else" not in page
    assert "Assign to somebody else" in page
    assert "Back-ordered" in page
    assert act(tess, number, "assign", assigned_to_id=ids["bob"]).status_code == 303
    assert ticket(tess, number).assigned_to_id == int(ids["bob"])
    assert act(bob, number, "step", to="closed", reason="No longer needed").status_code == 303
    assert "Assign to somebody else" not in text_of(tess.get(f"/tickets/{number}"))


def test_refusals_are_shown_even_if_the_button_is_gone(app: Flask, ada: Person, tess: Person, bob: Person) -> None:
    """Two people decide the same ticket: the page of the second one says why nothing has happened."""
    number = asked(tess)
    assert act(ada, number, "step", to="approved").status_code == 303

    def is_said(person: Person, action: str, status: int, words: str, **form: object) -> None:
        answer = act(person, number, action, **form)
        assert answer.status_code == status
        assert words in text_of(answer).partition("<main")[2], errors(answer)

    is_said(ada, "step", 409, "which cannot change to “Rejected”", to="rejected", reason="Not needed")
    assert act(bob, number, "step", to="closed", reason="No longer needed").status_code == 303
    is_said(ada, "step", 409, "which cannot change to “Rejected”", to="rejected", reason="Not needed")
    is_said(bob, "step", 409, "which cannot change to “In progress”", to="in_progress")
    is_said(tess, "assign", 409, "can no longer be reassigned", assigned_to_id=user_id(tess, "bob"))
