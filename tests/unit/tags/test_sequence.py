"""The sequence of a prefix: previewing, allocating, and resetting its next number."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.tags import prefixes, sequence, service
from request_tracker_utils.tags.allocation import CheckedNames, NameUnchecked, with_checked_names
from request_tracker_utils.tags.comparison import DISCREPANCIES
from request_tracker_utils.tags.errors import PrefixNotFound, SequenceChanged, SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import DiscrepancyKind, Tag, TagDiscrepancy, TagEvent, TagSequence, TagState
from request_tracker_utils.tags.sequence import Reset, reset
from request_tracker_utils.tags.tag_format import TagName
from tests.functional.accounts.test_queries import plans
from tests.services.asset_stores import FailingAssetStore
from tests.services.tables import check_all
from tests.unit.tags.conftest import ADA, NOW, preview, tag


def reserve(session: Session) -> str:
    return service.reserve(session, "W12-", actor=ADA, now=NOW).tag


def reserve_many(count: int) -> list[str]:
    with transaction() as session:
        return [reserve(session) for _ in range(count)]


def take_manually(*numbers: int, state: TagState = TagState.RESERVED) -> None:
    with transaction() as session:
        for number in numbers:
            session.add(Tag(tag=f"W12-{number:04d}", prefix="W12-", number=number, state=state, changed_at=NOW))


def release(*texts: str) -> None:
    with transaction() as session:
        for tag in session.scalars(select(Tag).where(Tag.tag.in_(texts))):
            service.release(session, tag, actor=ADA, now=NOW, reason="test")


def reset_to(number: int, *, actor: Actor = ADA, expected: int | None = None, prefix: str = "W12-") -> Reset:
    with transaction() as session:
        return reset(session, prefix, number=number, reason="a new roll", actor=actor, now=NOW, expected=expected)


def resets() -> list[TagEvent]:
    with reading() as session:
        return list(session.scalars(select(TagEvent).where(TagEvent.action == "reset").order_by(TagEvent.id)))


class TestAllocation:
    def test_a_preview_uses_no_number_and_neither_does_a_transaction_that_fails(self, inside: Flask) -> None:
        assert [preview(), preview()] == ["W12-0001", "W12-0001"]

        def reserve_and_fail() -> None:
            with transaction() as session:
                reserve(session)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            reserve_and_fail()
        assert reserve_many(1) == ["W12-0001"]
        assert preview() == "W12-0002"

    def test_released_tags_are_assigned_first(self, inside: Flask) -> None:
        assert reserve_many(3) == ["W12-0001", "W12-0002", "W12-0003"]
        release("W12-0002", "W12-0001")
        assert preview() == "W12-0001"
        assert reserve_many(3) == ["W12-0001", "W12-0002", "W12-0004"]

    def test_manually_assigned_tags_are_skipped(self, inside: Flask) -> None:
        take_manually(2, 3, 5)
        assert reserve_many(3) == ["W12-0001", "W12-0004", "W12-0006"]

    def test_the_preview_skips_the_same_tags_as_the_allocation(self, inside: Flask) -> None:
        take_manually(1, 2, 3)
        assert preview() == "W12-0004"
        assert reserve_many(1) == ["W12-0004"]

    def test_a_number_released_during_the_preview_is_previewed(self, inside: Flask) -> None:
        take_manually(1)
        statements: list[bool] = []

        def release_after_the_first(*_: object) -> None:
            statements.append(True)
            if len(statements) == 1:
                release("W12-0001")

        event.listen(db.engine, "after_cursor_execute", release_after_the_first)
        assert preview() == "W12-0001"

    def test_a_tag_released_ahead_of_the_sequence_is_assigned_when_the_sequence_reaches_it(self, inside: Flask) -> None:
        take_manually(2, state=TagState.RELEASED)
        assert reserve_many(3) == ["W12-0001", "W12-0002", "W12-0003"]

    def test_no_tag_is_assigned_before_the_adoption(self, inside: Flask) -> None:
        with transaction() as session:
            session.execute(update(TagSequence).values(adopted_at=None))
        for act in (lambda: reserve_many(1), preview):
            with pytest.raises(SequenceNotReady):
                act()

    def test_a_sequence_ends_instead_of_overflowing(self, inside: Flask) -> None:
        with transaction() as session:
            session.execute(update(TagSequence).values(next_number=999_999_999))
        assert reserve_many(1) == ["W12-999999999"]
        with pytest.raises(SequenceExhausted):
            reserve_many(1)

    def test_a_sequence_with_a_manually_assigned_last_number_ends_too(self, inside: Flask) -> None:
        with transaction() as session:
            session.execute(update(TagSequence).values(next_number=999_999_999))
        take_manually(999_999_999)
        for act in (lambda: reserve_many(1), preview):
            with pytest.raises(SequenceExhausted):
                act()

    def test_twenty_threads_get_two_hundred_tags_without_gaps_or_duplicates(self, inside: Flask) -> None:
        def ten(_: int) -> list[str]:
            with inside.app_context():
                return [reserve_many(1)[0] for _attempt in range(10)]

        with ThreadPoolExecutor(20) as pool:
            tags = [tag for batch in pool.map(ten, range(20)) for tag in batch]
        assert sorted(tags) == [f"W12-{number:04d}" for number in range(1, 201)]

    def test_threads_that_reserve_and_release_leave_no_gap(self, inside: Flask) -> None:
        def work(turn: int) -> None:
            with inside.app_context():
                for step in range(8):
                    (text,) = reserve_many(1)
                    if (turn + step) % 2:
                        release(text)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        with transaction() as session:
            reserved = set(session.scalars(select(Tag.number).where(Tag.state == TagState.RESERVED)))
            released = set(session.scalars(select(Tag.number).where(Tag.state == TagState.RELEASED)))
            assert len(reserved) == 32
            assert reserved | released == set(range(1, len(reserved | released) + 1))
            assert {service.reserve(session, "W12-", actor=ADA, now=NOW).number for _ in released} == released

    def test_the_lowest_released_number_is_found_by_an_index(self, inside: Flask) -> None:
        row = {"prefix": "W12-", "state": "reserved", "changed_at": NOW, "attempts": 0, "absences": 0}
        released = {number: {"state": "released"} for number in range(100, 5_000, 100)}
        with transaction() as session:
            rows = [{"tag": f"W12-{number:04d}", "number": number, **row, **released.get(number, {})} for number in range(1, 5_001)]
            session.execute(insert(Tag), rows)
            session.execute(update(TagSequence).values(next_number=5_001, floor=2_050))
        with db.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
        statements: list[tuple[str, object]] = []
        with transaction() as session:
            event.listen(
                session.connection(), "before_cursor_execute", lambda _c, _k, statement, given, *_: statements.append((statement, given))
            )
            assert [reserve(session), reserve(session)] == ["W12-2100", "W12-2200"]
            sequence.preview(session, "W12-")
        queries = [
            (statement, given) for statement, given in statements if "released'" in statement and not statement.strip().startswith("INSERT")
        ]
        assert len(queries) == 6
        with reading() as session:
            for plan in plans(session.connection(), queries):
                assert "ix_asset_tags_released" in plan, plan
                assert "Seq Scan on asset_tags" not in plan, plan
                assert "SCAN asset_tags" not in plan, plan


def test_the_audit_log_is_append_only(inside: Flask) -> None:
    reserve_many(1)
    for statement in ("UPDATE tag_events SET actor = 'eve'", "DELETE FROM tag_events"):
        with pytest.raises(DBAPIError, match="only grows"), transaction() as session:
            session.execute(text(statement))
    with reading() as session:
        assert [(event.actor, event.action, event.tag) for event in session.scalars(select(TagEvent))] == [("ada", "reserved", "W12-0001")]


class TestReset:
    def test_the_sequence_continues_at_the_number_and_skips_numbers_in_use(self, inside: Flask) -> None:
        reserve_many(50)
        assert reset_to(100).message == "The next tag is W12-0100."
        assert reserve_many(2) == ["W12-0100", "W12-0101"]
        assert reset_to(1).message == "1 to 50 are in use and were skipped. The next tag is W12-0051."
        assert reserve_many(2) == ["W12-0051", "W12-0052"]
        assert reset_to(52).message == "52 is in use and was skipped. The next tag is W12-0053."

    def test_released_numbers_below_it_are_not_assigned_again_and_those_above_are(self, inside: Flask) -> None:
        reserve_many(12)
        release("W12-0003", "W12-0008")
        reset_to(5)
        assert preview() == "W12-0008", "three is below the floor, eight is ahead"
        reset_to(8)
        assert reserve_many(2) == ["W12-0008", "W12-0013"]
        release("W12-0010")
        assert reserve_many(2) == ["W12-0010", "W12-0014"]
        reset_to(1)
        assert reserve_many(2) == ["W12-0003", "W12-0015"], "the reset lowered the floor"

    def test_it_is_recorded_with_the_next_tags_before_and_after(self, inside: Flask) -> None:
        reserve_many(4)
        reset_to(2)
        (entry,) = resets()
        assert (entry.tag, entry.old_name, entry.new_name, entry.asset_id) == ("W12-0005", "W12-0005", "W12-0005", None)
        assert (entry.actor, entry.reason) == ("ada", "a new roll")

    def test_invalid_numbers_and_prefixes_are_refused(self, inside: Flask) -> None:
        def check(number: int) -> None:
            with pytest.raises(Invalid, match="between 1 and 999,999,999"):
                reset_to(number)

        check_all([0, -1, 10**9, 10**12], check)
        with pytest.raises(PrefixNotFound):
            reset_to(5, prefix="X-")
        assert (reserve_many(1), resets()) == (["W12-0001"], [])
        with transaction() as session:
            session.execute(update(TagSequence).values(adopted_at=None))
        with pytest.raises(SequenceNotReady):
            reset_to(5)

    def test_a_reset_to_an_exhausted_end_is_refused_and_one_away_from_it_works(self, inside: Flask) -> None:
        reset_to(999_999_999)
        assert reserve_many(1) == ["W12-999999999"]
        with pytest.raises(SequenceExhausted):
            reset_to(999_999_999)
        with reading() as session:
            assert prefixes.summary(session, "W12-").next_tag == ""
        assert reset_to(7).message == "The next tag is W12-0007."
        assert resets()[-1].old_name == "W12-999999999"

    def test_the_second_of_two_concurrent_resets_is_refused_and_explains_the_first(self, inside: Flask) -> None:
        reserve_many(3)
        together = Barrier(2)

        def press(name: str, number: int) -> Reset | AppError:
            with inside.app_context():
                together.wait()
                try:
                    return reset_to(number, actor=Actor(name), expected=4)
                except AppError as error:
                    return error

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(press, ("ada", "bob"), (100, 200)))
        (done,) = (answer for answer in answers if isinstance(answer, Reset))
        (refusal,) = (answer for answer in answers if isinstance(answer, SequenceChanged))
        first = "ada" if done.next_tag.number == 100 else "bob"
        assert refusal.message == (
            f"{first} changed the next tag from W12-0004 to {done.next_tag} (a new roll). "
            f"The next tag is now {done.next_tag}. Nothing was changed: check the number."
        )
        assert refusal.status == 409
        assert len(resets()) == 1

    def test_it_is_refused_if_tags_were_assigned_in_the_meantime(self, inside: Flask) -> None:
        reserve_many(1)
        with pytest.raises(SequenceChanged, match=r"Tags were assigned in the meantime\. The next tag is now W12-0002\."):
            reset_to(100, expected=1)


class TestNamesOfAssets:
    """A name that an asset has in the asset store is skipped and recorded as used."""

    def open_difference(self, name: str, *, asset_id: int = 7, kind: DiscrepancyKind = DiscrepancyKind.UNKNOWN) -> None:
        with transaction() as session:
            DISCREPANCIES.write(session, [TagDiscrepancy(kind=str(kind), tag=name, asset_id=asset_id, name=name)], since=NOW, now=NOW)

    def test_a_name_that_is_open_under_differences_is_skipped_until_it_is_resolved(self, inside: Flask) -> None:
        self.open_difference("W12-0001")
        self.open_difference("W12-0002", asset_id=8, kind=DiscrepancyKind.MISSING)  # deleted: its name is free
        self.open_difference("W12-0003", asset_id=9)
        with transaction() as session:
            session.execute(update(TagDiscrepancy).where(TagDiscrepancy.asset_id == 9).values(settled_at=NOW))
        assert preview() == "W12-0002"
        assert reserve_many(3) == ["W12-0002", "W12-0003", "W12-0004"]
        skipped = tag("W12-0001")
        assert (skipped.state, skipped.asset_id, skipped.is_retired) == (TagState.RESERVED, None, True)
        with reading() as session:
            (entry,) = session.scalars(select(TagEvent).where(TagEvent.tag == "W12-0001"))
            assert (entry.action, entry.actor, entry.old_name) == ("skipped", "ada", "W12-0001")
            assert "asset 7 has this name" in str(entry.reason)

    def test_a_released_number_is_skipped_too(self, inside: Flask) -> None:
        reserve_many(3)
        release("W12-0001", "W12-0002")
        self.open_difference("W12-0001")
        assert preview() == "W12-0002"
        assert reserve_many(2) == ["W12-0002", "W12-0004"]

    def test_a_name_that_a_search_found_is_skipped_and_open_under_differences(self, inside: Flask) -> None:
        names = CheckedNames(frozenset(TagName("W12-", number) for number in range(1, 6)), {TagName("W12-", 1): 7, TagName("W12-", 3): 8})
        with transaction() as session:
            tags = [service.reserve(session, "W12-", actor=ADA, now=NOW, names=names).tag for _ in range(3)]
        assert tags == ["W12-0002", "W12-0004", "W12-0005"]
        with reading() as session:
            rows = session.scalars(select(TagDiscrepancy).order_by(TagDiscrepancy.id))
            assert [(row.kind, row.tag, row.asset_id) for row in rows] == [("unknown", "W12-0001", 7), ("unknown", "W12-0003", 8)]

    def test_a_name_that_was_not_searched_for_is_not_assigned(self, inside: Flask) -> None:
        names = CheckedNames(frozenset({TagName("W12-", 1)}))
        with transaction() as session:
            assert service.reserve(session, "W12-", actor=ADA, now=NOW, names=names).tag == "W12-0001"
        with pytest.raises(NameUnchecked, match="W12-0002"), transaction() as session:
            service.reserve(session, "W12-", actor=ADA, now=NOW, names=names)
        assert preview() == "W12-0002"

    def test_names_are_searched_for_until_all_are_known(self, asset_store: FailingAssetStore) -> None:
        for number in range(1, 31):
            asset_store.asset(f"W12-{number:04d}")

        def reserve_checked(names: CheckedNames) -> str:
            with transaction() as session:
                return service.reserve(session, "W12-", actor=ADA, now=NOW, names=names).tag

        assert with_checked_names(asset_store, reserve_checked) == "W12-0031"
