"""Tasks while they run: by one process at a time, through crashes, cancellations and outages."""

import errno
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid, Unavailable
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tasks import jobs, running, service
from request_tracker_utils.tasks.kinds import TaskKind, TaskKinds
from request_tracker_utils.tasks.models import ItemState, Task, TaskItem, TaskState
from request_tracker_utils.tasks.running import ItemResult, RunningTask, TaskStopped
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import registry
from tests.services.local_server import wait_until

ADA = Actor("ada")
Work = Callable[[RunningTask], str]


@pytest.fixture(autouse=True)
def every_step_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PROGRESS_SECONDS", 0.0)


def started(work: Work, *, items: int = 0, name: str = "count") -> int:
    """A task of a kind that does this work. Returns its number."""

    registry().get(TaskKinds).add(TaskKind(name, TagPermission.ASSIGN, work))
    with transaction() as session:
        things = [NewItem(f"thing {number}", {"number": number}) for number in range(items)]
        return service.start(session, name, title="Count things", actor=ADA, now=utc_now(), items=things).id


def task(task_id: int) -> Task:
    with reading() as session:
        return session.get_one(Task, task_id)


def states(task_id: int) -> dict[str, int]:
    with reading() as session:
        return service.count_items(session, task_id)


def time_passes(task_id: int) -> None:
    with transaction() as session:
        session.execute(update(Task).where(Task.id == task_id).values(due_at=utc_now() - timedelta(seconds=1)))


def doing(do: Callable[[TaskItem], ItemResult], workers: int = 3) -> Work:
    def work(running_task: RunningTask) -> str:
        running_task.each(do, workers=workers)
        return f"{running_task.done} done."

    return work


class TestItems:
    def test_are_each_processed_once_and_store_their_results(self, inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running, "CHUNK", 20)
        seen: list[int] = []

        def do(item: TaskItem) -> ItemResult:
            seen.append(item.data["number"])
            return ItemResult({"square": item.data["number"] ** 2}, "squared")

        task_id = started(doing(do), items=45)
        assert jobs.run_tasks() == 1
        assert sorted(seen) == list(range(45))
        done = task(task_id)
        assert (done.state, done.done, done.failed, done.total, done.summary) == ("done", 45, 0, 45, "45 done.")
        with reading() as session:
            last = service.items(session, task_id, ItemState.DONE)[-1]
        assert (last.label, last.result, last.note) == ("thing 44", {"square": 44**2}, "squared")

    def test_are_counted_while_another_takes_long(self, inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running, "PROGRESS_SECONDS", 0.1)

        def do(item: TaskItem) -> ItemResult:
            if item.data["number"] == 1:
                wait_until(lambda: task(item.task_id).done == 1)
            return ItemResult()

        task_id = started(doing(do), items=2)
        jobs.run_tasks()
        assert (task(task_id).state, task(task_id).done) == ("done", 2)

    def test_that_fail_say_why_affect_no_others_and_are_retried_alone(self, inside: Flask) -> None:
        broken, seen = {3, 4}, list[int]()

        def do(item: TaskItem) -> ItemResult:
            seen.append(item.data["number"])
            if item.data["number"] in broken:
                raise Invalid("This one does not fit.")
            return ItemResult()

        task_id = started(doing(do), items=8)
        jobs.run_tasks()
        assert (task(task_id).done, task(task_id).failed, task(task_id).state) == (6, 2, "done")
        with reading() as session:
            assert [item.note for item in service.items(session, task_id, ItemState.FAILED)] == ["This one does not fit."] * 2
        broken.clear()
        seen.clear()
        with transaction() as session:
            service.resume(session, task_id, now=utc_now())
        jobs.run_tasks()
        assert sorted(seen) == [3, 4]
        assert (task(task_id).done, task(task_id).failed) == (8, 0)

    def test_stay_pending_while_another_system_is_unreachable_and_the_task_continues_later(self, inside: Flask) -> None:
        unreachable = True

        def do(item: TaskItem) -> ItemResult:
            if unreachable and item.data["number"] >= 5:
                raise Unavailable("Request Tracker did not answer.")
            return ItemResult()

        task_id = started(doing(do), items=40)
        jobs.run_tasks()
        postponed = task(task_id)
        assert (postponed.state, postponed.error) == ("waiting", "Request Tracker did not answer.")
        assert postponed.due_at is not None
        assert postponed.due_at > utc_now() + timedelta(seconds=25)
        assert states(task_id) == {"done": 5, "waiting": 35}
        unreachable = False
        jobs.run_tasks()
        assert task(task_id).state == "waiting", "it was not due yet"
        time_passes(task_id)
        jobs.run_tasks()
        assert (task(task_id).state, task(task_id).done, task(task_id).error) == ("done", 40, None)

    def test_stay_pending_while_the_disk_is_full_and_the_task_continues_later(self, inside: Flask) -> None:
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL
        errors: list[Exception] = [OperationalError("UPDATE", None, full), OSError(errno.ENOSPC, "No space left on device")]

        def do(_item: TaskItem) -> ItemResult:
            if errors:
                raise errors.pop()
            return ItemResult()

        task_id = started(doing(do), items=1)
        for _ in range(2):
            jobs.run_tasks()
            assert (task(task_id).state, states(task_id)) == ("waiting", {"waiting": 1})
            assert "disk is full" in str(task(task_id).error)
            time_passes(task_id)
        jobs.run_tasks()
        assert (task(task_id).state, task(task_id).error) == ("done", None)

    def test_that_met_one_outage_are_left_for_another_run(self, inside: Flask) -> None:
        met = set[int]()

        def do(item: TaskItem) -> ItemResult:
            if item.data["number"] == 7 and not met:
                met.add(7)
                raise Unavailable("Away for a moment.")
            return ItemResult()

        task_id = started(doing(do), items=20)
        jobs.run_tasks()
        assert (task(task_id).state, states(task_id)) == ("waiting", {"done": 19, "waiting": 1})
        time_passes(task_id)
        jobs.run_tasks()
        assert task(task_id).state == "done"

    def test_may_be_found_by_the_work_itself_and_are_found_again_after_an_interruption(self, inside: Flask) -> None:
        interrupted = True

        def work(running_task: RunningTask) -> str:
            if not running_task.arguments.get("found"):
                running_task.remove_items()
                running_task.add([NewItem("one"), NewItem("two")])
                if interrupted:
                    raise Unavailable("Not now.")
                running_task.add([NewItem("three")])
                running_task.save_arguments(found=True)
            running_task.each(lambda item: ItemResult(), workers=2)
            return "all"

        task_id = started(work)
        jobs.run_tasks()
        assert (task(task_id).total, states(task_id)) == (2, {"waiting": 2})
        interrupted = False
        time_passes(task_id)
        jobs.run_tasks()
        assert (task(task_id).state, task(task_id).total, states(task_id)) == ("done", 3, {"done": 3})


class TestATask:
    def test_that_fails_says_so_and_can_be_resumed(self, inside: Flask) -> None:
        broken = True

        def do(item: TaskItem) -> ItemResult:
            if broken and item.data["number"] == 2:
                raise ZeroDivisionError
            return ItemResult()

        task_id = started(doing(do, workers=1), items=4)
        with pytest.raises(ZeroDivisionError):
            jobs.run_tasks()
        assert task(task_id).state == "failed"
        assert "log" in str(task(task_id).error)
        broken = False
        with transaction() as session:
            service.resume(session, task_id, now=utc_now())
        jobs.run_tasks()
        assert (task(task_id).state, states(task_id)) == ("done", {"done": 4})

    def test_ends_when_it_is_cancelled_and_keeps_what_was_done(self, inside: Flask) -> None:
        numbers: list[int] = []

        def do(item: TaskItem) -> ItemResult:
            numbers.append(task_id)
            if len(numbers) == 3:
                with transaction() as session:
                    service.cancel(session, task_id, now=utc_now())
            return ItemResult()

        task_id = started(doing(do, workers=1), items=50)
        jobs.run_tasks()
        assert task(task_id).state == "cancelled"
        assert states(task_id)["done"] == len(numbers)
        assert len(numbers) < 6

    def test_of_a_process_that_died_is_claimed_by_another_and_no_item_is_lost(self, inside: Flask) -> None:
        task_id = started(doing(lambda item: ItemResult()), items=10)
        with transaction() as session:
            dead = running.claim(session, now=utc_now())
            assert dead is not None
        assert jobs.run_tasks() == 0, "another process has it"
        time_passes(task_id)
        assert jobs.run_tasks() == 1
        assert (task(task_id).state, task(task_id).done, task(task_id).attempts) == ("done", 10, 2)

    def test_that_was_claimed_by_another_process_is_left_to_it(self, inside: Flask) -> None:
        task_id = started(lambda running_task: "never", items=3)
        with transaction() as session:
            first = running.claim(session, now=utc_now())
            assert first is not None
        late = RunningTask(transaction, reading, first, clock=utc_now, stopping=lambda: False, in_context=jobs.in_context_of_app())
        time_passes(task_id)
        with transaction() as session:
            second = running.claim(session, now=utc_now())
            assert second is not None
        owner = RunningTask(transaction, reading, second, clock=utc_now, stopping=lambda: False, in_context=jobs.in_context_of_app())

        def meanwhile(item: TaskItem) -> ItemResult:
            if item.position == 0:
                owner.each(lambda item: ItemResult(note="the owner"), workers=1)
            return ItemResult(note="late")

        with pytest.raises(TaskStopped):
            late.each(meanwhile, workers=1)
        late.end(TaskState.DONE, summary="Late.")
        late.postpone("Late.")
        late.put_back()
        with pytest.raises(TaskStopped):
            late.add([NewItem("late")])
        assert (task(task_id).state, task(task_id).summary, task(task_id).error) == ("running", None, None)
        assert task(task_id).done == 3, "the late process has processed fewer"
        with reading() as session:
            assert [item.note for item in service.items(session, task_id, ItemState.DONE)] == ["the owner"] * 3

    def test_that_was_resumed_after_a_cancellation_leaves_the_process_that_ran_it_before(self, inside: Flask) -> None:
        def do(item: TaskItem) -> ItemResult:
            with transaction() as session:
                service.cancel(session, task_id, now=utc_now())
                service.resume(session, task_id, now=utc_now())
            runs.append(item.position)
            return ItemResult()

        def once(running_task: RunningTask) -> str:
            running_task.each(do if not runs else lambda _item: ItemResult(), workers=1)
            return "all"

        runs: list[int] = []
        task_id = started(once, items=9)
        assert jobs.run_tasks() == 2
        assert len(runs) < 4
        assert (task(task_id).state, task(task_id).attempts, states(task_id)) == ("done", 2, {"done": 9})

    def test_is_claimed_by_one_of_many_at_once(self, inside: Flask) -> None:
        started(lambda running_task: "", items=1)
        claimed: list[int | None] = []

        def claim() -> None:
            with inside.app_context(), transaction() as session:
                taken = running.claim(session, now=utc_now())
                claimed.append(taken.id if taken else None)

        threads = [threading.Thread(target=claim) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(claimed, key=str) == [1, *[None] * 5]

    def test_is_put_back_when_the_process_shuts_down(self, inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        ends = threading.Event()
        monkeypatch.setattr(type(registry()), "stopping", lambda _: ends.is_set())

        def do(item: TaskItem) -> ItemResult:
            ends.set()
            return ItemResult()

        task_id = started(doing(do, workers=1), items=30)
        jobs.run_tasks()
        assert (task(task_id).state, task(task_id).error) == ("waiting", None)
        assert states(task_id)["waiting"] > 20
        ends.clear()
        monkeypatch.setattr(type(registry()), "stopping", lambda _: False)
        jobs.run_tasks()
        assert (task(task_id).state, states(task_id)) == ("done", {"done": 30})

    def test_keeps_its_lease_while_one_step_takes_long(self, inside: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running, "HEARTBEAT_SECONDS", 0.05)
        leases: list[object] = []

        def work(running_task: RunningTask) -> str:
            for _ in range(2):
                leases.append(task(running_task.id).due_at)
                time.sleep(0.4)
            return ""

        started(work)
        jobs.run_tasks()
        assert leases[1] > leases[0]  # type: ignore[operator]

    def test_of_an_unknown_kind_fails(self, inside: Flask) -> None:
        with transaction() as session:
            task_id = service.start(session, "of-old", title="Old", actor=ADA, now=utc_now()).id
        jobs.run_tasks()
        assert task(task_id).state == "failed"

    def test_that_ended_long_ago_is_deleted_with_its_items(self, inside: Flask) -> None:
        task_id = started(doing(lambda item: ItemResult()), items=3)
        jobs.run_tasks()
        assert jobs.delete_old_tasks() == 0
        with transaction() as session:
            assert service.delete_old(session, now=utc_now() + service.RETENTION + timedelta(minutes=1)) == 1
        with reading() as session:
            assert session.scalars(select(TaskItem)).all() == []
        assert states(task_id) == {}


def test_two_kinds_with_one_name_are_rejected(inside: Flask) -> None:
    started(lambda _: "")
    with pytest.raises(ValueError, match="count"):
        started(lambda _: "")
