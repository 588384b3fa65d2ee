"""The outbox: one row is sent by one process at a time, whatever dies, comes late or does not answer."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import String, delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from request_tracker_utils.core.db import Instant, db, reading, run_after_commit, transaction
from request_tracker_utils.core.errors import Invalid, Unavailable
from request_tracker_utils.core.outbox import LEASE, UNREACHABLE, Backoff, Claim, Outbox, Rejected, deliver, first_to_accept

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class OwnBase(DeclarativeBase):
    """Apart from the program's tables, which the migrations create."""


class Message(OwnBase):
    __tablename__ = "messages_of_a_test"

    id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(String(50), unique=True)
    text: Mapped[str] = mapped_column(String(50), default="")
    state: Mapped[str] = mapped_column(String(20), default="new")
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(String(40))


OUTBOX = Outbox(
    Message, due=Message.due_at, problem=Message.problem, attempts=Message.tries, key=Message.event, job="send", unchanged=(Message.text,)
)
STATES = replace(OUTBOX, resend_lost=True)
LONG_WORK = replace(OUTBOX, renewed=True)


@pytest.fixture
def jobs(app: Flask) -> Iterator[list[str]]:
    """The jobs that commits have asked for."""
    asked: list[str] = []
    with app.app_context():
        OwnBase.metadata.create_all(db.engine)
        run_after_commit(db.engine, lambda job, _after: asked.append(job))
        yield asked
        OwnBase.metadata.drop_all(db.engine)


def add(*events: str, outbox: Outbox[Message] = OUTBOX) -> None:
    with transaction() as session:
        for event in events:
            outbox.add(session, now=NOW, event=event, text="", state="new", tries=0)


def claim(outbox: Outbox[Message] = OUTBOX, *, now: datetime = NOW, limit: int = 100) -> list[Claim[Message]]:
    return outbox.claim_due(transaction, lambda: now, limit=limit)


def write(do: Callable[..., bool], *arguments: object, **values: object) -> bool:
    with transaction() as session:
        return do(session, *arguments, **values)


def row(event: str = "a") -> Message:
    with reading() as session:
        return session.scalars(select(Message).where(Message.event == event)).one()


def state(event: str = "a") -> tuple[datetime | None, int, str | None]:
    found = row(event)
    return found.due_at, found.tries, found.problem


@pytest.mark.usefixtures("jobs")
class TestRowsThatAreDue:
    def test_are_added_once_for_each_key_and_run_the_job_after_the_commit(self, jobs: list[str]) -> None:
        with transaction() as session:
            assert OUTBOX.add(session, now=NOW, event="a", text="first", state="new", tries=0) is not None
            assert OUTBOX.add(session, now=NOW, event="a", text="second", state="new", tries=0) is None
            assert jobs == []
        assert (jobs, row().text, state()) == (["send"], "first", (NOW, 0, None))

    def test_are_added_once_by_processes_that_race(self, app: Flask) -> None:
        added: list[bool] = []

        def race() -> None:
            with app.app_context(), transaction() as session:
                added.append(OUTBOX.add(session, now=NOW, event="a", text="", state="new", tries=0) is not None)

        _at_once(race, 6)
        assert sorted(added) == [False] * 5 + [True]

    def test_are_marked_alone_or_many_at_once_and_begin_anew(self, jobs: list[str]) -> None:
        add("a", "b", "c")
        for each in claim():
            write(OUTBOX.postpone, each, "No.", now=NOW)
        jobs.clear()
        later = NOW + SECOND
        with transaction() as session:
            OUTBOX.mark_due(session.scalars(select(Message).where(Message.event == "a")).one(), now=later)
        with transaction() as session:
            assert OUTBOX.mark_all_due(session, Message.event == "b", now=later) == 1
        assert (jobs, state("a"), state("b")) == (["send", "send"], (later, 0, None), (later, 0, None))
        assert state("c")[2] == "No."
        with pytest.raises(ValueError, match="session"):
            OUTBOX.mark_due(Message(event="d"), now=NOW)

    def test_run_no_job_when_the_transaction_fails(self, jobs: list[str]) -> None:
        def fail() -> None:
            with transaction() as session:
                OUTBOX.add(session, now=NOW, event="a", text="", state="new", tries=0)
                raise Invalid("No.")

        with pytest.raises(Invalid):
            fail()
        assert jobs == []


@pytest.mark.usefixtures("jobs")
class TestClaiming:
    def test_takes_what_is_due_longest_sets_values_and_leaves_the_rest(self) -> None:
        add("a", "b", "c")
        with transaction() as session:
            session.execute(delete(Message).where(Message.event == "b"))
            OUTBOX.add(session, now=NOW + SECOND, event="later", text="", state="new", tries=0)
            OUTBOX.add(session, now=NOW - SECOND, event="first", text="", state="other", tries=0)
        with transaction() as session:
            claims = OUTBOX.claim(session, Message.text == "", now=NOW, limit=2, state="sending")
        assert [each.row.event for each in claims] == ["first", "a"]
        assert {(each.attempts, each.leased_until, each.row.tries, each.row.state) for each in claims} == {(1, NOW + LEASE, 1, "sending")}
        assert (state("a"), row("a").state) == ((NOW + LEASE, 1, None), "sending")
        only = replace(OUTBOX, only=Message.state == "sending")
        assert claim(only) == []
        assert [each.row.event for each in claim()] == ["c"]

    def test_gives_each_row_to_one_of_many_at_once(self, app: Flask, database_url: str) -> None:
        add(*(f"event {number}" for number in range(30)))
        taken: list[str] = []
        if database_url.startswith("postgresql"):  # SQLite has one writer at a time
            with transaction() as session:
                taken.extend(each.row.event for each in OUTBOX.claim(session, now=NOW, limit=1))
                taken.extend(each.row.event for each in claim(limit=1))  # neither waits for the other nor takes the same

        def work() -> None:
            with app.app_context():
                while claims := claim(limit=4):
                    taken.extend(each.row.event for each in claims)

        _at_once(work, 4)
        assert len(taken) == len(set(taken)) == 30

    def test_takes_over_from_a_process_that_died_once_its_lease_has_ended(self) -> None:
        add("a")
        claim()
        assert claim(now=NOW + LEASE - SECOND) == []
        (again,) = claim(now=NOW + LEASE)
        assert again.attempts == 2


@pytest.mark.usefixtures("jobs")
class TestEndingAClaim:
    def test_settled_postponed_put_back_failed(self) -> None:
        add("a", "b", "c", "d")
        a, b, c, d = claim()
        assert write(OUTBOX.settle, a, state="sent")
        assert write(OUTBOX.postpone, b, "No. " * 40, now=NOW)
        assert write(OUTBOX.put_back, c, now=NOW)
        assert write(OUTBOX.fail, d, "Never.")
        assert (state("a"), row("a").state) == ((None, 0, None), "sent")
        assert state("b") == (NOW + Backoff().first, 1, ("No. " * 10))
        assert state("c") == (NOW + UNREACHABLE, 0, None)
        assert state("d") == (None, 1, "Never.")
        with reading() as session:
            assert OUTBOX.counts(session) == {"pending": 2, "failing": 1, "failed": 1}
            assert [each.event for each in OUTBOX.failing(session, limit=5)] == ["b"]

    def test_pauses_grow_to_the_longest_and_end_after_the_last_attempt(self) -> None:
        add("a")
        outbox = replace(OUTBOX, max_attempts=9)
        now, pauses = NOW, []
        while claims := claim(outbox, now=now):
            write(outbox.postpone, claims[0], "No.", now=now)
            due, _, problem = state()
            pauses.append(int((due - now).total_seconds()) if due else None)
            now = due or now
        assert pauses == [5, 15, 45, 135, 405, 1215, 3600, 3600, None]
        assert (state(), problem) == ((None, 9, "No."), "No.")
        assert Backoff(timedelta(minutes=1), 2).pause(10_000) == timedelta(hours=1)

    def test_an_error_is_recorded_by_what_it_means_for_what_is_not_settled(self) -> None:
        add("a", "b")
        errors = {Unavailable("Away."): (NOW + UNREACHABLE, 0, None), Rejected("Never."): (None, 1, "Never.")}
        for error, becomes in {**errors, Invalid("Not now."): (NOW + Backoff().first, 1, "Not now.")}.items():
            with transaction() as session:
                OUTBOX.mark_all_due(session, now=NOW)
            with pytest.raises(type(error)):
                self.settle_the_first(claim(), error)
            assert (state("a"), state("b")) == ((None, 0, None), becomes)

    @staticmethod
    def settle_the_first(claims: list[Claim[Message]], error: Exception) -> None:
        with OUTBOX.recording(transaction, claims, lambda: NOW):
            write(OUTBOX.settle, claims[0])
            raise error

    def test_an_attempt_ends_with_its_error_unless_the_destination_is_unreachable(self) -> None:
        add("a", "b")
        a, b = claim()
        with OUTBOX.attempt(transaction, a, lambda: NOW):
            raise Rejected("Never.")
        with pytest.raises(Unavailable), OUTBOX.attempt(transaction, b, lambda: NOW):
            raise Unavailable("Away.")
        assert (state("a"), state("b")) == ((None, 1, "Never."), (NOW + UNREACHABLE, 0, None))

    def test_a_retry_takes_what_has_a_problem_also_for_good(self, jobs: list[str]) -> None:
        add("a", "b", "c")
        a, b, _ = claim()
        write(OUTBOX.fail, a, "Never.")
        write(OUTBOX.postpone, b, "No.", now=NOW)
        jobs.clear()
        later = NOW + SECOND
        with transaction() as session:
            assert OUTBOX.retry(session, Message.event != "z", now=later) == 2
        assert (state("a"), state("b"), jobs) == ((later, 0, "Never."), (later, 0, "No."), ["send"])
        assert [each.row.event for each in claim(now=later)] == ["a", "b"]


@pytest.mark.usefixtures("jobs")
class TestAClaimThatWasLost:
    LATE: tuple[Callable[[Claim[Message]], bool], ...] = (
        lambda late: write(OUTBOX.settle, late),
        lambda late: write(OUTBOX.postpone, late, "Late.", now=NOW),
        lambda late: write(OUTBOX.put_back, late, now=NOW),
        lambda late: write(OUTBOX.fail, late, "Late."),
        lambda late: write(OUTBOX.update, late, state="late"),
        lambda late: write(OUTBOX.renew, late, now=NOW),
        lambda late: write(lambda session, lost: OUTBOX.locked(session, lost) is not None, late),
    )

    def test_writes_nothing_whatever_became_of_the_row_since(self) -> None:
        def settled(_mine: Claim[Message]) -> None:
            write(OUTBOX.settle, claim(now=NOW + LEASE)[0])

        def claimed(_mine: Claim[Message]) -> None:
            claim(now=NOW + LEASE)

        def put_back_and_claimed(_mine: Claim[Message]) -> None:
            write(OUTBOX.put_back, claim(now=NOW + LEASE)[0], now=NOW + LEASE)
            claim(now=NOW + 2 * LEASE)

        def new_work(_mine: Claim[Message]) -> None:
            with transaction() as session:
                OUTBOX.mark_all_due(session, now=NOW + SECOND)

        def changed(_mine: Claim[Message]) -> None:
            with transaction() as session:
                session.scalars(select(Message)).one().text = "changed"

        def deleted(_mine: Claim[Message]) -> None:
            with transaction() as session:
                session.execute(delete(Message))

        for meanwhile in (settled, claimed, put_back_and_claimed, new_work, changed, deleted):
            for late in self.LATE:
                with transaction() as session:
                    session.execute(delete(Message))
                add("a")
                (mine,) = claim()
                meanwhile(mine)
                before = _everything()
                assert not late(mine)
                assert _everything() == before, meanwhile.__name__

    def test_holds_until_then(self) -> None:
        add("a")
        (mine,) = claim()
        with transaction() as session:
            locked = OUTBOX.locked(session, mine)
            assert locked is not None
            locked.state = "sending"
        assert write(OUTBOX.update, mine, text="")
        assert write(OUTBOX.settle, mine)

    def test_of_a_state_has_the_state_sent_once_more(self, jobs: list[str]) -> None:
        add("a", outbox=STATES)
        (late,) = claim(STATES)
        write(STATES.settle, claim(STATES, now=NOW + LEASE)[0])
        jobs.clear()
        assert not write(STATES.settle, late)
        assert (state(), jobs) == ((NOW, 0, None), ["send"])

    def test_whose_lease_is_renewed_holds_by_its_attempt_alone(self) -> None:
        add("a")
        (first,) = claim(LONG_WORK)
        assert write(LONG_WORK.renew, first, now=NOW + LEASE)
        assert claim(LONG_WORK, now=NOW + LEASE) == []
        (second,) = claim(LONG_WORK, now=NOW + 2 * LEASE)
        assert not write(LONG_WORK.renew, first, now=NOW + 2 * LEASE)
        assert write(LONG_WORK.put_back, second, now=NOW + 2 * LEASE, problem="Busy.")
        assert state() == (NOW + 2 * LEASE + UNREACHABLE, 2, "Busy.")
        (third,) = claim(LONG_WORK, now=NOW + 3 * LEASE)
        assert (write(LONG_WORK.settle, second), write(LONG_WORK.settle, third), state()) == (False, True, (None, 3, None))


@pytest.mark.usefixtures("jobs")
def test_a_table_without_a_count_of_attempts_is_claimed_by_its_lease() -> None:
    outbox: Outbox[Message] = Outbox(Message, due=Message.due_at, problem=Message.problem, lease=SECOND)
    add("a")
    (late,) = claim(outbox)
    (mine,) = claim(outbox, now=NOW + SECOND)
    assert (write(outbox.settle, late), write(outbox.postpone, mine, "No.", now=NOW)) == (False, True)
    assert state() == (NOW + Backoff().first, 0, "No.")
    with transaction() as session, pytest.raises(ValueError, match="key"):
        outbox.add(session, now=NOW, event="b")


class TestDelivery:
    def test_each_item_is_worked_on_once_and_its_error_is_returned(self) -> None:
        done: list[int] = []

        def work(item: int) -> None:
            done.append(item)
            if item % 5 == 0:
                raise Invalid(f"{item} does not fit.")

        deliveries = deliver(range(20), work, workers=3)
        assert sorted(done) == list(range(20))
        assert [each.item for each in deliveries] == list(range(20))
        assert [each.item for each in deliveries if each.error] == [0, 5, 10, 15]
        assert all(each.tried for each in deliveries)
        assert deliver([], work, workers=3) == []

    def test_an_unreachable_destination_is_left_alone_and_others_are_served(self) -> None:
        done: list[tuple[str, int]] = []

        def work(item: tuple[str, int]) -> None:
            done.append(item)
            if item[0] == "mail":
                raise Unavailable("The mail server does not answer.")

        items = [(place, number) for number in range(10) for place in ("mail", "chat")]
        deliveries = deliver(items, work, workers=4, destination=lambda item: item[0], per_destination=1)
        assert [item for item in done if item[0] == "mail"] == [("mail", 0)]
        assert [item for item in done if item[0] == "chat"] == [("chat", number) for number in range(10)]
        assert [each.item for each in deliveries if not each.tried] == [("mail", number) for number in range(1, 10)]

    def test_no_destination_has_more_at_once_than_it_may(self) -> None:
        lock, busy, most = threading.Lock(), {"slow": 0, "quick": 0}, {"slow": 0, "quick": 0}
        quick_is_done = threading.Semaphore(0)

        def work(item: tuple[str, int]) -> None:
            place = item[0]
            with lock:
                busy[place] += 1
                most[place] = max(most[place], busy[place])
            if place == "quick":
                quick_is_done.release()
            else:
                assert quick_is_done.acquire(timeout=20), "a slow destination kept the other one waiting"
            with lock:
                busy[place] -= 1

        items = [("slow", number) for number in range(12)] + [("quick", number) for number in range(12)]
        deliver(items, work, workers=4, destination=lambda item: item[0], per_destination=2)
        assert max(most.values()) <= 2

    def test_a_process_that_ends_begins_nothing_more_and_a_fault_of_ours_is_raised(self) -> None:
        done: list[int] = []
        deliveries = deliver(range(9), done.append, workers=1, stopping=lambda: len(done) == 3)
        assert (done, [each.tried for each in deliveries]) == ([0, 1, 2], [True] * 3 + [False] * 6)

        def fault(_item: int) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            deliver([1], fault, workers=1)


class TestProviders:
    @staticmethod
    def provider(name: str, error: Exception | None = None) -> Callable[[str], str]:
        def send(message: str) -> str:
            if error is not None:
                raise error
            return f"{name} took {message}"

        return send

    def test_the_next_is_tried_while_a_failure_is_passing(self) -> None:
        away, refusing = self.provider("a", Unavailable("Away.")), self.provider("b", Invalid("No credit."))
        assert first_to_accept([away, refusing, self.provider("c"), self.provider("d")], "hello") == "c took hello"
        with pytest.raises(Unavailable, match="Away"):
            first_to_accept([away, refusing], "hello")

    def test_none_is_tried_after_one_that_rejects_the_message(self) -> None:
        with pytest.raises(Rejected):
            first_to_accept([self.provider("a", Rejected("No such number.")), self.provider("b")], "hello")
        with pytest.raises(ValueError, match="provider"):
            first_to_accept([], "hello")


def _everything() -> list[tuple[object, ...]]:
    with reading() as session:
        return [tuple(each) for each in session.execute(select(Message.__table__))]


def _at_once(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
