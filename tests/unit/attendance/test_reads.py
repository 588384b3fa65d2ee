"""Reads of several terminals that are stored in one transaction."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from request_tracker_utils.attendance import leases
from request_tracker_utils.attendance.completeness import proofs
from request_tracker_utils.attendance.errors import PollTakenOver, SerialNumberTaken, TerminalBusy, TerminalNotFound, TerminalReplaced
from request_tracker_utils.attendance.leases import Lease, Wanted
from request_tracker_utils.attendance.models import Outcome, Terminal, TerminalPoll, TerminalUserRow
from request_tracker_utils.attendance.reading import Reading, Record, Target, TerminalUser, Undecodable
from request_tracker_utils.attendance.reads import PollResult, Read, store_reads
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from tests.services.attendance import INFO, NOW, HandMade, added, punches, record, shown, terminal

pytestmark = [pytest.mark.usefixtures("inside"), pytest.mark.both_databases]


def read(lease: Lease, device: HandMade) -> Read:
    found: Reading = device.read(Target("10.0.0.1"), deadline=1, known=None, full=True, with_users=True)
    return Read(lease, found, full=True)


def device(serial: str, *log: Record, **values: object) -> HandMade:
    return HandMade(list(log), info=replace(INFO, serial_number=serial), **values)  # type: ignore[arg-type]


def begun(*wanted: int) -> list[Lease | AppError]:
    with transaction() as session:
        return leases.begin(session, [Wanted(each, True, "ada") for each in wanted], longest_read=timedelta(minutes=1), now=NOW)


def leased(*wanted: int) -> list[Lease]:
    return [each for each in begun(*wanted) if isinstance(each, Lease)]


def test_each_of_several_has_its_own_outcome() -> None:
    names = ("Known", "Entrance", "Gym", "Annex", "Late", "Replaced", "Unclear")
    ids = [added(name, f"10.0.0.{number}").id for number, name in enumerate(names, start=1)]
    with transaction() as session:
        session.get_one(Terminal, ids[0]).serial_number = "SN1"
        session.get_one(Terminal, ids[5]).serial_number = "SN6"
    held = leased(*ids[1:])
    with transaction() as session:
        late = session.get_one(Terminal, ids[4])
        late.lease_id = "another"
    log = [record("17", "2026-03-02 08:00"), record("17", "2026-03-02 08:00"), record("18", "2026-03-02 08:05")]
    damaged = {"undecodable": [Undecodable(b"\xff" * 40, "invalid_time", 1)], "complete": False, "known": None, "problem": "lost_tail"}
    devices = [
        device("SN2", *log, users=(TerminalUser(1, "17", "Ada"),)),
        device("SN2", *log),
        device("SN1", *log),
        device("SN5", *log),
        device("other", *log),
        device("SN7", record("17", "2026-03-02 08:00"), changes=damaged, users=(TerminalUser(9, "17", "Mary"),)),
    ]
    with transaction() as session:
        results = store_reads(session, [read(*each) for each in zip(held, devices, strict=True)], NOW)
    outcomes = [each.outcome if isinstance(each, PollResult) else type(each) for each in results]
    assert outcomes == [Outcome.STORED, SerialNumberTaken, SerialNumberTaken, PollTakenOver, TerminalReplaced, Outcome.INCOMPLETE]
    counts = [(each.new_punches, each.quarantined) for each in results if isinstance(each, PollResult)]
    assert counts == [(2, 0), (1, 1)]
    assert shown(punches(ids[1])) == [("17", "2026-03-02 08:00:00", 1), ("18", "2026-03-02 08:05:00", 1)]
    assert [shown(punches(each)) for each in ids[2:]] == [[], [], [], [], [("17", "2026-03-02 08:00:00", 1)]]
    assert [terminal(each).serial_number for each in ids] == ["SN1", "SN2", None, None, None, "SN6", "SN7"]
    assert (terminal(ids[5]).reported_serial_number, terminal(ids[6]).last_error_code) == ("other", "lost_tail")
    with reading() as session:
        users = session.execute(select(TerminalUserRow.terminal_id, TerminalUserRow.name).order_by(TerminalUserRow.terminal_id)).all()
        (day,) = proofs(session, ids[1], date(2026, 3, 1), date(2026, 3, 3))
        ended = session.scalars(select(TerminalPoll.outcome).order_by(TerminalPoll.terminal_id)).all()
    assert list(map(tuple, users)) == [(ids[1], "Ada"), (ids[6], "Mary")]
    assert (day.records, day.stored, day.missing) == (2, 2, 0)
    assert ended == ["stored", None, None, None, None, "incomplete"]


def test_what_is_stored_again_changes_nothing() -> None:
    ids = [added(name, f"10.0.0.{number}").id for number, name in enumerate(("Entrance", "Gym"), start=1)]
    log = [record("17", "2026-03-02 08:00"), record("18", "2026-03-02 08:05")]
    devices = [device("SN1", *log), device("SN2", *log)]
    for expected in (2, 0):
        reads = [read(*each) for each in zip(leased(*ids), devices, strict=True)]
        with transaction() as session:
            results = store_reads(session, reads, NOW)
        assert [each.new_punches for each in results if isinstance(each, PollResult)] == [expected] * 2
    assert len(punches()) == 4


def test_leases_that_begin_together() -> None:
    entrance = added().id
    first, again, unknown, impossible = begun(entrance, entrance, 999, 10**20)
    assert isinstance(first, Lease)
    assert [type(each) for each in (again, unknown, impossible)] == [TerminalBusy, TerminalNotFound, TerminalNotFound]
