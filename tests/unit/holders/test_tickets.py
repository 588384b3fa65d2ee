"""Repair tickets: exactly one for each return that requested one, regardless of failures."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import (
    AssetStoreBroken,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreUnreachable,
    NewTicket,
    Ticket,
)
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.outbox import LEASE, UNREACHABLE, Backoff
from request_tracker_utils.holders.tickets import APPEARS_WITHIN, RepairTicketSender, mark
from request_tracker_utils.students import devices
from request_tracker_utils.students.models import REPAIR_TICKETS, DeviceLog, RepairTicket
from tests.services.asset_stores import silence
from tests.services.school import ADA, School
from tests.unit.holders.desk import Desk, Do

BEGUN = utc_now()


class Killed(BaseException):
    """Stands for the end of a killed process."""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def sender(desk: Desk | EmbeddedAssetStore, after: timedelta = timedelta(0)) -> RepairTicketSender:
    return RepairTicketSender(transaction, desk, rule="student{student_id}", queue="Device Repair", clock=lambda: BEGUN + after)


def broken(school: School, tag: str = "W12-0001", *, now: datetime = BEGUN) -> DeviceLog:
    """A damaged device was returned, and a ticket requested."""
    if tag == "W12-0001":
        school.student("1001")
    school.device(tag)
    school.assign(tag, "1001")
    log = school.return_device(tag, condition="damaged")
    with school.writing() as session:
        device = devices.get(session, tag)
        devices.request_repair_ticket(session, log, device, subject="Broken screen", body="It fell.", actor=ADA, now=now)
    return log


def row(tag: str = "W12-0001") -> RepairTicket:
    with reading() as session:
        return session.scalars(select(RepairTicket).where(RepairTicket.asset_tag == tag)).one()


def test_a_ticket_is_created_with_its_asset_requestor_and_mark(school: School, desk: Desk) -> None:
    asset_id, desk.users["student1001"] = desk.add("W12-0001"), 37
    broken(school)
    assert sender(desk).send_due() == 1
    new = desk.tickets[501]
    assert (new.queue, new.subject, new.requestor, new.asset_ids) == ("Device Repair", f"Broken screen {mark(row())}", 37, (asset_id,))
    assert new.body == "It fell.\n\nDevice: W12-0001\nStudent: 1001\nRequested by ada."
    assert (row().state, row().ticket_id, row().due_at, row().problem) == ("made", 501, None, None)
    assert sender(desk, timedelta(days=1)).send_due() == 0


def test_a_ticket_is_created_even_without_an_identified_asset_or_a_user(school: School, desk: Desk) -> None:
    broken(school)
    assert sender(desk).send_due() == 1
    assert (desk.tickets[501].requestor, desk.tickets[501].asset_ids) == (None, ())
    assert row().problem == "The ticket is not linked to an asset, because W12-0001 could not be identified."


def test_a_failed_link_is_reported(school: School, desk: Desk) -> None:
    broken(school)
    with transaction() as session:
        devices.change(session, devices.get(session, "W12-0001"), {"asset_id": 4711}, now=BEGUN)
    assert sender(desk).send_due() == 1
    assert (row().state, row().problem) == ("made", "Ticket #501 could not be linked to asset #4711.")


def test_after_a_lost_answer_the_ticket_is_searched_for_and_not_created_again(school: School, desk: Desk) -> None:
    asset_id = desk.add("W12-0001")
    broken(school)

    def made_and_silent(_new: NewTicket, do: Do) -> Ticket:
        do()
        raise silence()

    desk.on_ticket = made_and_silent
    with pytest.raises(AssetStoreUnreachable):
        sender(desk).send_due()
    assert (row().state, row().problem) == ("sent", None)
    assert sender(desk, UNREACHABLE).send_due() == 1
    assert (len(desk.tickets), row().ticket_id, desk.links[501]) == (1, 501, {asset_id})


def test_a_request_that_may_still_succeed_is_not_repeated(school: School, desk: Desk) -> None:
    """The request reaches Request Tracker after the first search."""
    broken(school)
    sent: list[NewTicket] = []

    def slow(new: NewTicket, _do: Do) -> Ticket:
        sent.append(new)
        raise silence()

    desk.on_ticket = slow
    with pytest.raises(AssetStoreUnreachable):
        sender(desk).send_due()
    assert sender(desk, UNREACHABLE).send_due() == 0
    assert "search for the ticket will be repeated" in str(row().problem)
    desk.make(sent[0])
    assert sender(desk, UNREACHABLE + APPEARS_WITHIN).send_due() == 1
    assert (len(desk.tickets), len(sent)) == (1, 1)


def test_a_request_that_never_arrived_is_sent_again(school: School, desk: Desk) -> None:
    broken(school)
    desk.on_ticket = lambda _new, _do: (_ for _ in ()).throw(silence())
    with pytest.raises(AssetStoreUnreachable):
        sender(desk).send_due()
    desk.on_ticket = lambda _new, do: do()
    assert sender(desk, UNREACHABLE).send_due() == 0
    assert sender(desk, UNREACHABLE + APPEARS_WITHIN).send_due() == 1
    assert len(desk.tickets) == 1


def test_a_request_waits_once_more_when_the_clock_is_set_back(school: School, desk: Desk) -> None:
    """Nobody knows how long ago it was sent, so that the time begins anew."""
    broken(school)
    desk.on_ticket = lambda _new, _do: (_ for _ in ()).throw(silence())
    with pytest.raises(AssetStoreUnreachable):
        sender(desk).send_due()
    desk.on_ticket = lambda _new, do: do()
    back = timedelta(hours=-3)
    assert [sender(desk, back).send_due(), sender(desk, back + APPEARS_WITHIN / 2).send_due()] == [0, 0]
    assert sender(desk, back + APPEARS_WITHIN).send_due() == 1
    assert len(desk.tickets) == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_is_killed_while_it_sends_leaves_one_ticket(school: School, desk: Desk, after: bool) -> None:
    broken(school)

    def kill(_new: NewTicket, do: Do) -> Ticket:
        if after:
            do()
        raise Killed

    desk.on_ticket = kill
    with pytest.raises(Killed):
        sender(desk).send_due()
    desk.on_ticket = lambda _new, do: do()
    assert sender(desk, LEASE - timedelta(seconds=1)).send_due() == 0
    assert sender(desk, LEASE).send_due() == 1
    assert (len(desk.tickets), row().ticket_id) == (1, 501)


def test_a_process_that_is_killed_before_it_sends_leaves_nothing_behind(school: School, desk: Desk) -> None:
    broken(school)

    def kill() -> None:
        raise Killed

    desk.on_search = kill
    with pytest.raises(Killed):
        sender(desk).send_due()
    assert row().state == "due"
    desk.on_search = lambda: None
    assert sender(desk, LEASE).send_due() == 1


@pytest.mark.parametrize("error", [AssetStoreRefused("No such queue."), AssetStoreInvalid("No.")])
def test_a_refusal_is_recorded_and_retried_with_back_off(school: School, desk: Desk, error: Exception) -> None:
    broken(school)
    broken(school, "W12-0002")

    def refuse_the_first(new: NewTicket, do: Do) -> Ticket:
        if "W12-0001" in new.body:
            raise error
        return do()

    desk.on_ticket = refuse_the_first
    after = timedelta(0)
    for attempt in range(1, 10):
        assert sender(desk, after).send_due() == (attempt == 1)
        pause = Backoff().pause(attempt)
        assert (row().state, row().problem, row().due_at) == ("due", str(error), BEGUN + after + pause)
        after += pause
    assert pause == timedelta(hours=1)
    with reading() as session:
        assert REPAIR_TICKETS.counts(session) == {"pending": 1, "failing": 1, "failed": 0}
        assert [each.asset_tag for each in REPAIR_TICKETS.failing(session, limit=5)] == ["W12-0001"]
    with transaction() as session:
        assert REPAIR_TICKETS.retry(session, now=BEGUN) == 1
    desk.on_ticket = lambda _new, do: do()
    assert sender(desk).send_due() == 1


def test_after_an_invalid_answer_the_ticket_may_exist(school: School, desk: Desk) -> None:
    broken(school)

    def made_and_broken(_new: NewTicket, do: Do) -> Ticket:
        do()
        raise AssetStoreBroken("Failed inside (500).")

    desk.on_ticket = made_and_broken
    assert sender(desk).send_due() == 0
    assert row().state == "sent"
    assert sender(desk, timedelta(minutes=1)).send_due() == 1
    assert len(desk.tickets) == 1


def test_no_ticket_is_created_for_a_return_that_was_undone(school: School, desk: Desk) -> None:
    log = broken(school)

    def undo() -> None:
        desk.on_search = lambda: None
        school.undo(log)

    desk.on_search = undo  # during the search for the asset
    assert sender(desk).send_due() == 0
    assert desk.tickets == {}


def test_two_processes_create_one_ticket(school: School, desk: Desk) -> None:
    broken(school)
    others: list[int] = []

    def another(_new: NewTicket, do: Do) -> Ticket:
        others.append(sender(desk).send_due())
        return do()

    desk.on_ticket = another
    assert sender(desk).send_due() == 1
    assert (others, len(desk.tickets)) == ([0], 1)


def test_marks_differ_between_installations(school: School) -> None:
    broken(school)
    broken(school, "W12-0002", now=BEGUN + timedelta(microseconds=1))
    one, other = row(), row("W12-0002")
    other.id = one.id
    assert mark(one) != mark(other)
    assert len(f"{'x' * devices.MAX_SUBJECT_LENGTH} {mark(one)}") <= 200


def test_without_a_request_tracker_the_row_says_what_is_missing(school: School, asset_store: EmbeddedAssetStore) -> None:
    broken(school)
    assert sender(asset_store).send_due() == 0
    assert "Set RT_URL and RT_TOKEN" in str(row().problem)
    assert row().state == "due"
