"""The state machine, and who may take which step: role × step × relation."""

from itertools import product

from request_tracker_utils.accounts.models import Role
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover
from request_tracker_utils.cable_tickets.permissions import GRANTS, TicketPermission
from request_tracker_utils.cable_tickets.rules import Relation, relation_of
from request_tracker_utils.cable_tickets.states import STEPS, TicketStatus, open_steps
from request_tracker_utils.core.actor import Actor
from tests.services.tables import check_all

MACHINE = """
pending_approval → approved, rejected
approved → in_progress, closed
rejected → closed, pending_approval
in_progress → fulfilled, closed
fulfilled → closed
closed →
deleted →
"""

ME, SOMEBODY, ABSENT = 1, 2, 3
CREATOR, ASSIGNEE, SUBSTITUTE, ASKED, OTHER = "creator", "assignee", "substitute", "asked default approver", "other"
RELATIONS = {
    CREATOR: (Ticket(created_by_id=ME, assigned_to_id=SOMEBODY), [(SOMEBODY, None)]),
    ASSIGNEE: (Ticket(created_by_id=SOMEBODY, assigned_to_id=ME), [(ME, None)]),
    SUBSTITUTE: (Ticket(created_by_id=SOMEBODY, assigned_to_id=ABSENT), [(ABSENT, None), (ME, ABSENT)]),
    ASKED: (Ticket(created_by_id=SOMEBODY, assigned_to_id=None), [(ME, None), (ABSENT, None)]),
    OTHER: (Ticket(created_by_id=SOMEBODY, assigned_to_id=None), [(ABSENT, None)]),
    "creator who was asked": (Ticket(created_by_id=ME, assigned_to_id=None), [(ME, None), (ABSENT, None)]),
}
DECIDE = {ASSIGNEE, SUBSTITUTE, ASKED}
WORK = {ASSIGNEE, SUBSTITUTE}
CREATE = {CREATOR, "creator who was asked"}
STAFF = {"staff"}
# Step → the relations whose people may take it, and the roles that may without any. Administrators may take each, students none.
MAY = {
    "pending_approval → approved": (DECIDE, set()),
    "pending_approval → rejected": (DECIDE, set()),
    "approved → in_progress": (WORK, STAFF),
    "approved → closed": (WORK, STAFF),
    "rejected → closed": (CREATE | DECIDE, STAFF),
    "rejected → pending_approval": (CREATE | DECIDE, set()),
    "in_progress → fulfilled": (WORK, STAFF),
    "in_progress → closed": (WORK, STAFF),
    "fulfilled → closed": (CREATE | WORK, STAFF),
    "edit": (CREATE, set()),
    "reassign": (CREATE | DECIDE, set()),
    "archive and restore": (CREATE, set()),
    "purge": (set(), set()),
}


def test_the_steps_are_those_of_the_machine() -> None:
    written = "\n".join(f"{status} → {', '.join(open_steps(status))}".rstrip() for status in TicketStatus)
    assert sorted(written.splitlines()) == sorted(MACHINE.split("\n")[1:-1])


def test_who_may_do_what() -> None:
    def check(role: str, what: str, relation: str) -> None:
        relations, roles = MAY[what]
        expected = role != "student" and (role == "admin" or relation in relations or role in roles)
        assert may(role, what, relation) is expected

    assert set(MAY) >= {f"{former} → {to}" for former, to in STEPS}
    check_all(product(map(str, Role), MAY, RELATIONS), check)


def test_every_role_but_student_creates_and_reads() -> None:
    assert {role for role in map(str, Role) if {TicketPermission.READ, TicketPermission.CREATE} <= GRANTS.get(role, frozenset())} == set(
        map(str, Role)
    ) - {"student"}
    assert "student" not in GRANTS


def may(role: str, what: str, name: str) -> bool:
    """A route refuses those who may not even read."""
    ticket, approvers = RELATIONS[name]
    actor = Actor("me", GRANTS.get(role, frozenset()), ME, role)
    if not actor.may(TicketPermission.READ):
        return False
    asked = [TicketApprover(user_id=user_id, for_user_id=for_user_id) for user_id, for_user_id in approvers]
    found = relation_of(ticket, asked, actor)
    return bool(_others(found)[what] if what in _others(found) else found.may_take(_step(what)))


def _others(found: Relation) -> dict[str, bool]:
    return {
        "edit": found.may_edit,
        "reassign": found.may_reassign,
        "archive and restore": found.may_archive,
        "purge": found.may_purge,
    }


def _step(what: str):  # type: ignore[no-untyped-def]
    former, to = what.split(" → ")
    return STEPS[TicketStatus(former), TicketStatus(to)]
