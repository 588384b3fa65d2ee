"""Numbers in their order."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.tags import sequence, service
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import Tag, TagEvent, TagSequence, TagState
from tests.functional.accounts.test_queries import plans

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Actor("ada")


def reserve(session: Session) -> str:
    return service.reserve(session, "W12-", actor=ADA, now=NOW).tag


def take_by_hand(session: Session, number: int, state: TagState = TagState.RESERVED) -> None:
    session.add(Tag(tag=f"W12-{number:04d}", prefix="W12-", number=number, state=state, changed_at=NOW))


def release(session: Session, text: str) -> None:
    tag = session.scalars(select(Tag).where(Tag.tag == text)).one()
    service.release(session, tag, actor=ADA, now=NOW, reason="test")


def preview() -> str:
    with reading() as session:
        return str(sequence.preview(session, "W12-"))


def test_a_preview_spends_nothing(inside: Flask) -> None:
    assert [preview(), preview()] == ["W12-0001", "W12-0001"]
    with transaction() as session:
        assert reserve(session) == "W12-0001"
    assert preview() == "W12-0002"


def test_a_transaction_that_fails_spends_nothing(inside: Flask) -> None:
    def reserve_and_fail() -> None:
        with transaction() as session:
            reserve(session)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        reserve_and_fail()
    assert preview() == "W12-0001"


def test_a_released_tag_is_given_again_first(inside: Flask) -> None:
    with transaction() as session:
        assert [reserve(session) for _ in range(3)] == ["W12-0001", "W12-0002", "W12-0003"]
        release(session, "W12-0002")
        release(session, "W12-0001")
    assert preview() == "W12-0001"
    with transaction() as session:
        assert [reserve(session) for _ in range(3)] == ["W12-0001", "W12-0002", "W12-0004"]


def test_tags_taken_by_hand_are_skipped_when_their_turn_comes(inside: Flask) -> None:
    with transaction() as session:
        for number in (2, 3, 5):
            take_by_hand(session, number)
    with transaction() as session:
        assert [reserve(session) for _ in range(3)] == ["W12-0001", "W12-0004", "W12-0006"]


def test_the_preview_skips_what_is_taken_and_says_what_will_be_given(inside: Flask) -> None:
    with transaction() as session:
        for number in (1, 2, 3):
            take_by_hand(session, number)
    assert preview() == "W12-0004"
    with transaction() as session:
        assert reserve(session) == "W12-0004"


def test_a_number_that_is_given_back_while_the_preview_looks_is_previewed(inside: Flask) -> None:
    with transaction() as session:
        take_by_hand(session, 1)

    looked: list[bool] = []

    def give_back_between(*_: object) -> None:
        looked.append(True)
        if len(looked) == 1:
            with transaction() as session:
                release(session, "W12-0001")

    event.listen(db.engine, "after_cursor_execute", give_back_between)
    assert preview() == "W12-0001"


def test_a_tag_released_ahead_of_the_sequence_waits_for_its_turn(inside: Flask) -> None:
    with transaction() as session:
        take_by_hand(session, 2, TagState.RELEASED)
    with transaction() as session:
        assert [reserve(session) for _ in range(3)] == ["W12-0001", "W12-0002", "W12-0003"]


def test_no_tag_is_given_before_the_directory_was_read(inside: Flask) -> None:
    with transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    with pytest.raises(SequenceNotReady), transaction() as session:
        reserve(session)
    with pytest.raises(SequenceNotReady):
        preview()


def test_a_sequence_ends_instead_of_overflowing(inside: Flask) -> None:
    with transaction() as session:
        session.execute(update(TagSequence).values(next_number=999_999_999))
    with transaction() as session:
        assert reserve(session) == "W12-999999999"
    with pytest.raises(SequenceExhausted), transaction() as session:
        reserve(session)


def test_a_sequence_that_ends_in_tags_taken_by_hand_ends_too(inside: Flask) -> None:
    with transaction() as session:
        session.execute(update(TagSequence).values(next_number=999_999_999))
        take_by_hand(session, 999_999_999)
    with pytest.raises(SequenceExhausted), transaction() as session:
        reserve(session)
    with pytest.raises(SequenceExhausted):
        preview()


def test_twenty_threads_get_two_hundred_tags_without_gap_or_twin(inside: Flask) -> None:
    def ten(_: int) -> list[str]:
        given = []
        with inside.app_context():
            for _attempt in range(10):
                with transaction() as session:
                    given.append(reserve(session))
        return given

    with ThreadPoolExecutor(20) as pool:
        tags = [tag for batch in pool.map(ten, range(20)) for tag in batch]
    assert sorted(tags) == [f"W12-{number:04d}" for number in range(1, 201)]


def test_threads_that_reserve_and_release_leave_no_gap(inside: Flask) -> None:
    def work(turn: int) -> None:
        with inside.app_context():
            for step in range(8):
                with transaction() as session:
                    tag = service.reserve(session, "W12-", actor=ADA, now=NOW)
                if (turn + step) % 2:
                    with transaction() as session:
                        service.release(session, session.get_one(Tag, tag.id), actor=ADA, now=NOW, reason="test")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    with transaction() as session:
        held = set(session.scalars(select(Tag.number).where(Tag.state == TagState.RESERVED)))
        freed = set(session.scalars(select(Tag.number).where(Tag.state == TagState.RELEASED)))
        assert len(held) == 32
        assert held | freed == set(range(1, len(held | freed) + 1))
        filled = {service.reserve(session, "W12-", actor=ADA, now=NOW).number for _ in freed}
        assert filled == freed


@pytest.mark.parametrize("statement", ["UPDATE tag_events SET actor = 'eve'", "DELETE FROM tag_events"])
def test_the_audit_trail_only_grows(inside: Flask, statement: str) -> None:
    with transaction() as session:
        reserve(session)
    with pytest.raises(DBAPIError, match="only grows"), transaction() as session:
        session.execute(text(statement))
    with reading() as session:
        assert [(event.actor, event.action, event.tag) for event in session.scalars(select(TagEvent))] == [("ada", "reserved", "W12-0001")]


def test_the_lowest_released_number_is_found_by_its_index_however_many_tags_there_are(inside: Flask) -> None:
    row = {"prefix": "W12-", "state": "reserved", "changed_at": NOW, "attempts": 0, "absences": 0}
    released = {number: {"state": "released"} for number in range(100, 5_000, 100)}
    with transaction() as session:
        rows = [{"tag": f"W12-{number:04d}", "number": number, **row, **released.get(number, {})} for number in range(1, 5_001)]
        session.execute(insert(Tag), rows)
        session.execute(update(TagSequence).values(next_number=5_001, floor=2_050))
    with db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    seen: list[tuple[str, object]] = []
    with transaction() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda _c, _k, statement, given, *_: seen.append((statement, given)))
        assert [reserve(session), reserve(session)] == ["W12-2100", "W12-2200"]
        sequence.preview(session, "W12-")
    looks = [(statement, given) for statement, given in seen if "released'" in statement and "INSERT" not in statement]
    assert len(looks) == 5
    with reading() as session:
        for plan in plans(session.connection(), looks):
            assert "ix_asset_tags_released" in plan, plan
            assert "Seq Scan on asset_tags" not in plan, plan
            assert "SCAN asset_tags" not in plan, plan
