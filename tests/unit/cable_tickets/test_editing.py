"""Edits, passing on, archiving and restoring: who has to approve again, and what the shelf has."""

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from request_tracker_utils.cable_tickets import archiving, editing
from request_tracker_utils.cable_tickets.editing import Edit
from request_tracker_utils.cable_tickets.errors import EditConflict, NotEditable, StepNotOpen
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.models import Ticket, TicketEvent
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.cable_tickets.steps import move
from request_tracker_utils.core.db import reading, transaction
from tests.services.approving import absent, asked, changed, changing, events, requested, ticket
from tests.services.apps import user
from tests.services.stocking import check_books, delivered, row_of

pytestmark = pytest.mark.usefixtures("inside")
TWO = Item("Cat6", "100 ft", "", 2)


@pytest.fixture(autouse=True)
def people(app: Flask) -> None:
    for name, role in (("ada", "user"), ("grace", "teacher"), ("linus", "staff"), ("root", "admin")):
        user(app, role, name)


def moved(number: int, by: str, *steps: str, reason: str = "No.") -> None:
    for to in steps:
        with changing(by) as change:
            move(change, change.locked(number), TicketStatus(to), reason=reason)


def edited(number: int, by: str = "ada", **fields: object) -> list[str]:
    with changing(by) as change:
        return editing.edit(change, change.locked(number), Edit(**fields))  # type: ignore[arg-type]


def item_of(number: int) -> int:
    with reading() as session:
        return session.get_one(Ticket, number).items[0].id


def shelf(length: str = "100 ft") -> tuple[int, int]:
    row = row_of("Cat6", length)
    return row.reserved, row.backordered


def test_other_items_of_an_approved_ticket_are_approved_again(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 5))
    for steps in (["approved"], ["approved", "in_progress"]):
        number = requested("ada", "grace", TWO)
        moved(number, "grace", *steps)
        assert shelf() == (2, 0)
        before = ticket(number)
        assert edited(number, items=[Item("Cat6", "50 ft", "", 3)]) == ["items"]
        after = ticket(number)
        assert (after.status, after.decided_by, after.decided_at) == ("pending_approval", None, None)
        assert after.revision > before.revision
        assert (shelf(), shelf("50 ft"), asked(number)) == ((0, 0), (0, 0), {"grace": ""})
        moved(number, "grace", "approved")
        assert shelf("50 ft") == (3, 0)
        moved(number, "linus", "closed")
        assert shelf("50 ft") == (0, 0), "closing releases"
    check_books()


def test_other_edits_of_an_approved_ticket_leave_it_approved(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    number = requested("ada", "grace", TWO)
    moved(number, "grace", "approved")
    same = Item("Cat6", "100 ft", "", "2", item_of(number))
    assert edited(number, items=[same], notes="Blue", priority="high", location="Gym") == ["location", "notes", "priority"]
    assert (ticket(number).status, shelf()) == ("approved", (2, 0))
    assert edited(number, notes="Blue") == [], "nothing has changed, so nothing is recorded"
    assert [event for event, _who in events(number)] == ["created", "approved", "edited"]


def test_each_edit_of_an_undecided_ticket_ends_the_links(app: Flask) -> None:
    number = requested("ada", "grace", TWO)
    for fields in ({"notes": "Blue"}, {"priority": "high"}, {"items": [Item("Cat6", "1 ft")]}, {"location": "Gym"}):
        before = ticket(number).revision
        edited(number, **fields)
        assert (ticket(number).revision > before, asked(number), ticket(number).status) == (True, {"grace": ""}, "pending_approval")


def test_items_are_changed_added_and_removed(app: Flask) -> None:
    number = requested("ada", "grace", TWO, Item("Fiber", "10 m"))
    kept = item_of(number)
    edited(number, items=[Item("Cat6", "100 ft", "23AWG", 4, kept), Item("Coax", "5 m")])
    with reading() as session:
        rows = [(each.id == kept, each.cable_type, each.cable_gauge, each.quantity) for each in session.get_one(Ticket, number).items]
        last = session.scalars(select(TicketEvent).order_by(TicketEvent.id.desc())).first()
    assert rows == [(True, "Cat6", "23AWG", 4), (False, "Coax", "", 1)]
    assert last is not None
    assert last.detail["changed"]["items"] == {
        "from": ["2 × Cat6 100 ft", "1 × Fiber 10 m"],
        "to": ["4 × Cat6 100 ft (23AWG)", "1 × Coax 5 m"],
    }


def test_what_is_fulfilled_or_closed_is_not_edited(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    number = requested("ada", "grace", TWO)
    moved(number, "grace", "approved", "in_progress")
    with transaction() as session:
        session.get_one(Ticket, number).items[0].fulfilled = 1
    with pytest.raises(NotEditable, match="Part of ticket"):
        edited(number, items=[Item("Cat6", "1 ft")])
    assert edited(number, notes="Blue") == ["notes"]
    moved(number, "linus", "fulfilled")
    assert row_of("Cat6", "100 ft").on_hand == 4, "only what was left is taken"
    with pytest.raises(NotEditable, match="can no longer be edited"):
        edited(number, notes="Red")
    with pytest.raises(NotEditable), changing("root") as change:
        editing.reassign(change, change.locked(number), None)
    check_books()


def test_an_edit_of_a_former_revision_is_refused(app: Flask) -> None:
    number = requested("ada", "grace", TWO)
    seen = ticket(number).revision
    edited(number, notes="Blue", revision=seen)
    with pytest.raises(EditConflict) as error:
        edited(number, "root", notes="Red", revision=seen)
    assert error.value.fields == {"revision_now": ticket(number).revision}


def test_an_approver_passes_a_ticket_on(app: Flask) -> None:
    number = requested("ada", "grace", TWO)
    with changing("grace") as change:
        editing.reassign(change, change.locked(number), None)
    assert (asked(number), ticket(number).assigned_to_id) == ({"root": ""}, None)
    with pytest.raises(Exception, match="Ask one of its approvers, or an administrator"):
        moved(number, "grace", "approved")


def test_what_was_restored_is_as_it_was(app: Flask) -> None:
    delivered(("Cat6", "100 ft", 5))
    ways = {
        "pending_approval": [],
        "approved": ["approved"],
        "in_progress": ["approved", "in_progress"],
        "rejected": ["rejected"],
        "closed": ["rejected", "closed"],
    }
    for status, steps in ways.items():
        number = requested("ada", "grace", TWO)
        moved(number, "root", *steps)
        reserved, revision = shelf(), ticket(number).revision
        with changing("ada") as change:
            archiving.archive(change, change.locked(number))
        assert (shelf(), ticket(number).status, ticket(number).waiting_since) == ((0, 0), "deleted", None), status
        with changing("ada") as change:
            archiving.restore(change, change.locked(number, archived=True))
        assert (shelf(), ticket(number).status, ticket(number).status_before) == (reserved, status, None), status
        assert ticket(number).revision > revision, "links of before are dead"
        assert asked(number) == {"grace": ""}
        with pytest.raises(StepNotOpen), changing("ada") as change:
            archiving.restore(change, change.locked(number, archived=True))
        with changing("root") as change:
            archiving.archive(change, change.locked(number))
    check_books()


def test_a_restored_ticket_asks_others_if_its_approver_is_gone(app: Flask) -> None:
    number = requested("ada", "grace", TWO)
    with changing("ada") as change:
        archiving.archive(change, change.locked(number))
    changed("grace", active=False)
    with changing("ada") as change:
        archiving.restore(change, change.locked(number, archived=True))
    assert asked(number) == {"root": ""}


def test_a_substitute_decides_for_the_absent(app: Flask) -> None:
    absent("grace", "linus")
    number = requested("ada", "grace", TWO)
    moved(number, "linus", "approved")
    assert (ticket(number).decided_by, events(number)[-1]) == ("linus for grace", ("approved", "linus for grace"))


def test_the_history_only_grows(app: Flask) -> None:
    requested("ada", "grace", TWO)
    for statement in ("UPDATE ticket_events SET actor = 'eve'", "DELETE FROM ticket_events"):
        with pytest.raises(DatabaseError), transaction() as session:
            session.execute(text(statement))
