"""Asking for a ticket with a return."""

import pytest
from sqlalchemy import func, select

from request_tracker_utils.students import devices, repairs
from request_tracker_utils.students.errors import FieldUnfit
from request_tracker_utils.students.models import RepairTicket, TicketState
from tests.services.school import ADA, School


def test_a_ticket_is_due_at_once_and_names_device_and_student(school: School) -> None:
    school.student("1001")
    device = school.device("W12-0001")
    school.assign("W12-0001", "1001")
    log = school.take_back("W12-0001", condition="damaged")
    with school.writing() as session:
        device = devices.get(session, "W12-0001")
        ticket = repairs.ask_ticket(
            session, log, device, subject=" Broken \n screen " + "x" * 300, body=" It fell. ", actor=ADA, now=(now := school.now())
        )
    assert (ticket.asset_tag, ticket.student_id, ticket.log_id, ticket.state) == ("W12-0001", "1001", log.id, TicketState.DUE)
    assert (ticket.subject[:16], len(ticket.subject), ticket.body) == ("Broken screen xx", repairs.LONGEST_SUBJECT, "It fell.")
    assert (ticket.due_at, ticket.created_by, ticket.attempts) == (now, "ada", 0)
    with school.looking() as session:
        assert [each.id for each in repairs.of_device(session, "W12-0001")] == [ticket.id]


def test_a_return_has_one_ticket_however_often_it_is_asked_for(school: School) -> None:
    school.student("1001")
    school.device("W12-0001")
    school.assign("W12-0001", "1001")
    log = school.take_back("W12-0001", condition="damaged")
    for _ in range(2):
        with school.writing() as session:
            device = devices.get(session, "W12-0001")
            repairs.ask_ticket(session, log, device, subject="Broken", body="", actor=ADA, now=school.now())
    with school.looking() as session:
        assert session.scalar(select(func.count()).select_from(RepairTicket)) == 1


def test_a_ticket_without_a_subject_is_refused(school: School) -> None:
    school.device("W12-0001")
    with school.writing() as session, pytest.raises(FieldUnfit, match="what the ticket is about"):
        repairs.ask_ticket(session, None, devices.get(session, "W12-0001"), subject=" \n", body="x", actor=ADA, now=school.now())
