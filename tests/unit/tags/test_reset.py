"""Setting a sequence to a number."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.tags import overview, sequence, service
from request_tracker_utils.tags.errors import PrefixNotFound, SequenceExhausted, SequenceMoved, SequenceNotReady
from request_tracker_utils.tags.models import Tag, TagEvent, TagSequence, TagState
from request_tracker_utils.tags.reset import Reset, reset
from tests.unit.tags.conftest import ADA, NOW


def reserve(session: Session) -> str:
    return service.reserve(session, "W12-", actor=ADA, now=NOW).tag


def give(count: int) -> list[str]:
    with transaction() as session:
        return [reserve(session) for _ in range(count)]


def release(*texts: str) -> None:
    with transaction() as session:
        for text in texts:
            tag = session.scalars(select(Tag).where(Tag.tag == text)).one()
            service.release(session, tag, actor=ADA, now=NOW, reason="test")


def set_to(number: int, *, actor: Actor = ADA, seen: int | None = None, prefix: str = "W12-") -> Reset:
    with transaction() as session:
        return reset(session, prefix, number=number, reason="a new roll", actor=actor, now=NOW, seen=seen)


def events() -> list[TagEvent]:
    with reading() as session:
        return list(session.scalars(select(TagEvent).where(TagEvent.action == "reset").order_by(TagEvent.id)))


def test_the_sequence_goes_on_with_the_number(inside: Flask) -> None:
    give(3)
    assert set_to(100).message == "The next tag is W12-0100."
    assert give(2) == ["W12-0100", "W12-0101"]


def test_numbers_in_use_are_skipped_and_named(inside: Flask) -> None:
    give(50)
    set_to(200)
    assert set_to(1).message == "1 to 50 are in use and are skipped; the next tag is W12-0051."
    assert give(2) == ["W12-0051", "W12-0052"]
    assert set_to(52).message == "52 is in use and is skipped; the next tag is W12-0053."


def test_released_numbers_below_it_are_not_given_again_and_those_above_are(inside: Flask) -> None:
    give(12)
    release("W12-0003", "W12-0008")
    set_to(5)
    with reading() as session:
        assert str(sequence.preview(session, "W12-")) == "W12-0008", "three lies below, eight ahead"
    set_to(8)
    assert give(2) == ["W12-0008", "W12-0013"]
    release("W12-0010")
    assert give(2) == ["W12-0010", "W12-0014"]
    set_to(1)
    assert give(2) == ["W12-0003", "W12-0015"], "the floor went down with the reset"


def test_it_is_written_down_with_the_next_tags_before_and_after(inside: Flask) -> None:
    give(4)
    set_to(2)
    (event,) = events()
    assert (event.tag, event.old_name, event.new_name, event.asset_id) == ("W12-0005", "W12-0005", "W12-0005", None)
    assert (event.actor, event.reason) == ("ada", "a new roll")


@pytest.mark.parametrize("number", [0, -1, 10**9, 10**12])
def test_a_number_that_no_tag_can_have_is_refused(inside: Flask, number: int) -> None:
    with pytest.raises(Invalid, match="between 1 and 999,999,999"):
        set_to(number)
    assert (give(1), events()) == (["W12-0001"], [])


def test_a_prefix_that_is_unknown_or_not_open_is_refused(inside: Flask) -> None:
    with pytest.raises(PrefixNotFound):
        set_to(5, prefix="X-")
    with transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    with pytest.raises(SequenceNotReady):
        set_to(5)


def test_a_reset_to_where_nothing_is_free_is_refused_and_one_away_from_there_helps(inside: Flask) -> None:
    set_to(999_999_999)
    assert give(1) == ["W12-999999999"]
    with pytest.raises(SequenceExhausted):
        set_to(999_999_999)
    assert set_to(7).message == "The next tag is W12-0007."
    assert events()[-1].old_name == "W12-999999999"


def test_of_two_people_who_set_it_at_once_the_second_is_told_what_the_first_did(inside: Flask) -> None:
    give(3)
    together = Barrier(2)

    def press(name: str, number: int) -> Reset | AppError:
        with inside.app_context():
            together.wait()
            try:
                return set_to(number, actor=Actor(name), seen=4)
            except AppError as error:
                return error

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(press, ("ada", "bob"), (100, 200)))
    (done,) = (answer for answer in answers if isinstance(answer, Reset))
    (told,) = (answer for answer in answers if isinstance(answer, SequenceMoved))
    first = "ada" if done.next_tag.number == 100 else "bob"
    assert told.message == (
        f"Meanwhile {first} set the next tag from W12-0004 to {done.next_tag} (a new roll). "
        f"The next tag is {done.next_tag} now, and nothing was changed: decide anew."
    )
    assert told.status == 409
    assert len(events()) == 1


def test_whoever_saw_an_older_number_is_told_that_tags_were_given(inside: Flask) -> None:
    give(1)
    with pytest.raises(SequenceMoved, match=r"Meanwhile tags were given\. The next tag is W12-0002 now"):
        set_to(100, seen=1)


def test_the_overview_counts_what_each_sequence_gave(inside: Flask) -> None:
    give(5)
    release("W12-0002")
    with transaction() as session:
        sequence.ensure(session, "LAB-", now=NOW)
        session.add(Tag(tag="W12-0900", prefix="W12-", number=900, state=TagState.RELEASED, changed_at=NOW))
        session.execute(update(Tag).where(Tag.number == 1).values(due_at=None))
    with reading() as session:
        lab, main = overview.sequences(session)
    assert (lab.prefix, lab.is_open, lab.next_tag, lab.given) == ("LAB-", False, "", 0)
    assert (main.next_tag, main.next_number, main.given, main.released, main.unconfirmed) == ("W12-0002", 6, 4, 2, 3)


def test_at_its_end_the_overview_has_no_next_tag(inside: Flask) -> None:
    set_to(999_999_999)
    give(1)
    with reading() as session:
        assert overview.sequence_of(session, "W12-").next_tag == ""
