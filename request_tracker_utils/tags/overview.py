"""How each sequence stands."""

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.tags import sequence
from request_tracker_utils.tags.errors import PrefixNotFound, SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import IS_RELEASED, Tag, TagSequence


@dataclass(frozen=True)
class SequenceState:
    """`next_tag` is empty until tags can be given (`is_open`), and when all are given. `unconfirmed` counts the tags that the directory
    is not known to hold yet."""

    prefix: str
    next_number: int
    next_tag: str
    is_open: bool
    given: int
    released: int
    unconfirmed: int


def sequences(session: Session) -> list[SequenceState]:
    """Every sequence, by prefix."""
    count = select(Tag.prefix, func.count()).group_by(Tag.prefix)
    every = _counts(session, count)
    released = _counts(session, count.where(IS_RELEASED))
    unconfirmed = _counts(session, count.where(Tag.due_at.is_not(None)))
    return [
        SequenceState(
            prefix=row.prefix,
            next_number=row.next_number,
            next_tag=_next_tag(session, row.prefix),
            is_open=row.adopted_at is not None,
            given=every.get(row.prefix, 0) - released.get(row.prefix, 0),
            released=released.get(row.prefix, 0),
            unconfirmed=unconfirmed.get(row.prefix, 0),
        )
        for row in session.scalars(select(TagSequence).order_by(TagSequence.prefix))
    ]


def sequence_of(session: Session, prefix: str) -> SequenceState:
    """Raises PrefixNotFound."""
    state = next((state for state in sequences(session) if state.prefix == prefix), None)
    if state is None:
        raise PrefixNotFound(f"There is no prefix {prefix[:16]}. Those that exist stand under Asset tags.")
    return state


def _counts(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}


def _next_tag(session: Session, prefix: str) -> str:
    try:
        return str(sequence.preview(session, prefix))
    except (SequenceNotReady, SequenceExhausted):
        return ""
