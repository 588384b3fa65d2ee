"""Rounds: many terminals at once, each alone."""

from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from request_tracker_utils.attendance import jobs, rounds, tasks
from request_tracker_utils.attendance.current import poll_all
from request_tracker_utils.attendance.models import Punch, Terminal, TerminalPoll
from request_tracker_utils.attendance.reading import TerminalReader
from request_tracker_utils.attendance.rounds import Status
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tasks.jobs import in_context_of_app, run_tasks
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.web.registry import registry_of
from tests.services.attendance import NOW, HandMade, added, punches, terminal
from tests.services.attendance_fleet import LOG, Fleet, released
from tests.services.tables import check_all


def fleet_of(number: int) -> list[rounds.RoundTerminal]:
    for each in range(number):
        added(f"T{each:03}", f"10.0.{each // 200}.{each % 200 + 1}")
    with reading() as session:
        return rounds.polled(session)


@pytest.mark.both_databases
def test_terminals_that_hang_keep_no_other_waiting(inside: Flask) -> None:
    terminals = fleet_of(12)
    fleet = Fleet(hanging={"10.0.0.1", "10.0.0.2"}, failing={"10.0.0.3"}, together=Barrier(9))
    with released(fleet):
        ending = rounds.poll_all(fleet.poller(), terminals, in_context=in_context_of_app())
        outcomes = {each.name: each for each in (next(ending) for _terminal in range(10))}
        assert {"T000", "T001"}.isdisjoint(outcomes)
        assert (outcomes["T002"].status, outcomes["T002"].error) == (Status.FAILED, "It did not answer.")
        assert [each.result.new_punches for each in outcomes.values() if each.result] == [2] * 9
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(Punch)) == 18
        late = rounds.poll_all(fleet.poller(), terminals[:1], in_context=in_context_of_app(), within=0)
        assert [each.status for each in late] == [Status.POLLING]
        again = rounds.poll_all(fleet.poller(), terminals[:1], in_context=in_context_of_app())
        assert [(each.status, each.code) for each in again] == [(Status.POLLING, "terminal_busy")]


def test_a_round_ends_when_the_process_stops(inside: Flask) -> None:
    terminals, fleet, stopping = fleet_of(3), Fleet(hanging={"10.0.0.1"}), Event()
    with released(fleet):
        outcomes = rounds.poll_all(fleet.poller(), terminals, in_context=in_context_of_app(), stopping=stopping.is_set)
        first = [next(outcomes), next(outcomes)]
        stopping.set()
        assert [each.status for each in first] == [Status.SUCCESS] * 2
        assert [(each.name, each.status) for each in outcomes] == [("T000", Status.POLLING)]


def test_when_a_terminal_is_due() -> None:
    def expects(minutes: int | None, failures: int, is_due: bool) -> None:
        polled_at = None if minutes is None else NOW - timedelta(minutes=minutes)
        found = rounds.is_due(Terminal(last_polled_at=polled_at, failures=failures), interval=timedelta(minutes=15), now=NOW)
        assert found is is_due

    check_all(
        [
            (None, 0, True),
            (14, 0, False),
            (15, 0, True),
            (15, 2, True),
            (29, 3, False),
            (30, 3, True),
            (119, 1000, False),
            (120, 1000, True),
            (-60, 0, True),
        ],
        expects,
    )
    assert rounds.pause(9, timedelta(hours=5)) == timedelta(hours=5)


def test_the_job_polls_what_is_due_in_whichever_process_it_was_polled(app: Flask, inside: Flask) -> None:
    device = HandMade([*LOG])
    registry_of(app).provide(TerminalReader, device)  # type: ignore[type-abstract,arg-type]
    entrance = added()
    assert (jobs.poll_terminals(), jobs.poll_terminals(), len(device.asked)) == (1, 0, 1)
    with transaction() as session:
        session.get_one(Terminal, entrance.id).last_polled_at = utc_now() - timedelta(minutes=15)
    assert (jobs.poll_terminals(), len(device.asked)) == (1, 2)
    assert [each.status for each in poll_all(started_by="ada", within=60)] == [Status.SUCCESS]


def test_old_history_is_deleted(app: Flask, inside: Flask) -> None:
    entrance = added()
    with transaction() as session:
        for days in (89, 91):
            session.add(TerminalPoll(terminal_id=entrance.id, started_at=utc_now() - timedelta(days=days)))
    assert jobs.delete_terminal_history() == 1
    with reading() as session:
        (kept,) = session.scalars(select(TerminalPoll)).all()
    assert utc_now() - kept.started_at < timedelta(days=90)


def test_a_poll_whose_row_is_deleted_meanwhile_stores_everything(inside: Flask) -> None:
    (entrance,), fleet = fleet_of(1), Fleet(hanging={"10.0.0.1"}, answers_late=True)
    polling = Thread(target=in_context_of_app()(lambda: fleet.poller().poll(entrance.id)))
    polling.start()
    try:
        assert fleet.is_hanging.wait(30)
        with transaction() as session:
            session.execute(delete(TerminalPoll))
    finally:
        fleet.released.set()
        polling.join()
    assert len(punches(entrance.id)) == 2
    assert terminal(entrance.id).last_sync_at == NOW


def test_a_task_polls_each_terminal_and_says_what_failed(app: Flask, inside: Flask) -> None:
    terminals, fleet = fleet_of(3), Fleet(failing={"10.0.0.2"})
    registry_of(app).provide(TerminalReader, fleet)  # type: ignore[type-abstract,arg-type]
    with transaction() as session:
        tasks.start_polling(session, terminals, full=False, actor=Actor("ada"), now=utc_now())
    run_tasks()
    with reading() as session:
        task = session.scalars(select(Task)).one()
        items = session.scalars(select(TaskItem).order_by(TaskItem.position)).all()
    assert (task.state, task.done, task.failed) == ("done", 2, 1)
    assert [each.note for each in items] == ["2 records, 2 new.", "It did not answer.", "2 records, 2 new."]
    assert terminal(terminals[0].id).last_error is None
