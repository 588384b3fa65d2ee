"""Repair tickets that are requested for devices."""

import pytest
from sqlalchemy import func, select

from request_tracker_utils.students import devices
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.models import RepairTicket, TicketState
from tests.services.school import ADA, School


def test_a_return_requests_one_pending_ticket(school: School) -> None:
    school.student("1001")
    school.device("W12-0001")
    school.assign("W12-0001", "1001")
    log = school.return_device("W12-0001", condition="damaged")
    now = school.now()
    for _ in range(2):
        with school.writing() as session:
            device, subject = devices.get(session, "W12-0001"), " Broken \n screen " + "x" * 300
            ticket = devices.request_repair_ticket(session, log, device, subject=subject, body=" It fell. ", actor=ADA, now=now)
    assert (ticket.asset_tag, ticket.student_id, ticket.log_id, ticket.state) == ("W12-0001", "1001", log.id, TicketState.PENDING)
    assert (ticket.subject[:16], len(ticket.subject), ticket.body) == ("Broken screen xx", devices.MAX_SUBJECT_LENGTH, "It fell.")
    assert (ticket.due_at, ticket.created_by, ticket.attempts) == (now, "ada", 0)
    with school.looking() as session:
        assert session.scalar(select(func.count()).select_from(RepairTicket)) == 1


def test_a_ticket_needs_a_subject(school: School) -> None:
    school.device("W12-0001")
    with school.writing() as session, pytest.raises(InvalidField, match="Enter a subject"):
        devices.request_repair_ticket(session, None, devices.get(session, "W12-0001"), subject=" \n", body="x", actor=ADA, now=school.now())
