"""Numbers in their order: what comes next, and taking it.

Everything that changes a prefix's tags takes the row of its sequence first. So writers of one prefix stand in a line, on
both databases, and what a writer reads after that is true until it commits.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, String, bindparam, column, exists, select, text, update
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Instant, upsert_into
from request_tracker_utils.tags import trail
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import IS_RELEASED, Tag, TagSequence, TagState
from request_tracker_utils.tags.names import LARGEST_NUMBER, TagName


def ensure(session: Session, prefix: str, *, now: datetime) -> None:
    """Makes the sequence of the prefix if there is none."""
    session.execute(upsert_into(session)(TagSequence).values(prefix=prefix, next_number=1, created_at=now).on_conflict_do_nothing())


def hold(session: Session, prefix: str) -> TagSequence:
    """The sequence, locked until the transaction ends. Raises SequenceNotReady until the directory's names are adopted."""
    sequence = session.scalar(select(TagSequence).where(TagSequence.prefix == prefix).with_for_update())
    if sequence is None or sequence.adopted_at is None:
        raise not_ready(prefix)
    return sequence


def hold_all(session: Session) -> dict[str, TagSequence]:
    """Every sequence by its prefix, locked until the transaction ends, also those that give no tags yet."""
    rows = session.scalars(select(TagSequence).order_by(TagSequence.prefix).with_for_update())
    return {sequence.prefix: sequence for sequence in rows}


def prefixes(session: Session) -> list[str]:
    return list(session.scalars(select(TagSequence.prefix).order_by(TagSequence.prefix)))


def preview(session: Session | Connection, prefix: str) -> TagName:
    """The tag that would be given now; nothing is spent. Raises SequenceNotReady, SequenceExhausted."""
    found = session.execute(_PREVIEW, {"prefix": prefix}).first()
    if found is None:
        raise not_ready(prefix)
    next_number, freed, taken = found
    if freed is not None:
        return TagName(prefix, freed)
    return _possible(prefix, _free_from(session, prefix, next_number) if taken else next_number)


def allocate(
    session: Session,
    prefix: str,
    *,
    state: TagState,
    actor: Actor,
    now: datetime,
    due_at: datetime,
    asset_id: int | None = None,
    old_name: str | None = None,
) -> Tag:
    """Takes the next tag: the lowest released one between the floor and the next number, else the next that nobody took by hand.

    Returns a copy of the tag's row that belongs to no session. Raises SequenceNotReady, and SequenceExhausted past 999,999,999.
    An IntegrityError says that the asset got a tag meanwhile.
    """
    connection = session.connection()
    values = {"state": str(state), "asset_id": asset_id, "previous_name": old_name, "changed_at": now, "due_at": due_at}
    tag = _take_next(session, connection, prefix, values)
    trail.record(connection, tag, action=str(state), actor=actor, now=now, old_name=old_name)
    return tag


def advance_past(sequence: TagSequence, number: int) -> None:
    """A number taken by hand whose turn has come moves the sequence on; one that lies ahead does not."""
    if sequence.next_number == number:
        sequence.next_number = number + 1


def not_ready(prefix: str) -> SequenceNotReady:
    return SequenceNotReady(
        f"No {prefix} tag can be given yet: the tags that the directory holds already are being read. Try again in a minute; "
        "if this goes on, look at the job adopt-tags."
    )


def _take_next(session: Session, connection: Connection, prefix: str, values: dict[str, Any]) -> Tag:
    """One number forward, and the row for it: two statements where nothing was released and nothing taken by hand."""
    found = connection.execute(_STEP, {"prefix": prefix}).first()
    if found is None:
        raise not_ready(prefix)
    number, freed = found
    if freed is not None:
        # The freed number was read before the row's lock was ours, so it is read again now that nobody else can take it.
        again = session.scalar(_freed(prefix, number))
        if again is not None:
            _set_next(session, prefix, number)
            number = again
    tag = _claim(connection, _possible(prefix, number), values)
    if tag is not None:
        return tag
    number = _free_from(session, prefix, number)
    _set_next(session, prefix, number + 1)
    tag = _claim(connection, _possible(prefix, number), values)
    if tag is None:
        raise AssertionError("a free number was taken while its sequence was held")
    return tag


def _possible(prefix: str, number: int) -> TagName:
    if number > LARGEST_NUMBER:
        raise SequenceExhausted(f"The sequence {prefix} has given all its numbers. Make a new prefix under Asset tags.")
    return TagName(prefix, number)


def _claim(connection: Connection, name: TagName, values: dict[str, Any]) -> Tag | None:
    """The row of the tag with these values, made or taken over from a released one; None when somebody has it."""
    row = {"tag": str(name), "prefix": name.prefix, "number": name.number, **values}
    claimed = connection.execute(_CLAIM, row).scalar_one_or_none()
    return None if claimed is None else Tag(id=claimed, attempts=0, absences=0, **row)


def _set_next(session: Session, prefix: str, number: int) -> None:
    session.execute(update(TagSequence).where(TagSequence.prefix == prefix).values(next_number=number))


def _free_from(session: Session | Connection, prefix: str, number: int) -> int:
    """The first number from `number` on that nobody has: behind the end of the run that holds it."""
    following = aliased(Tag)
    continued = exists().where(following.prefix == prefix, following.number == Tag.number + 1, following.state != TagState.RELEASED)
    ends = select(Tag.number).where(Tag.prefix == prefix, Tag.number >= number, Tag.state != TagState.RELEASED, ~continued)
    end = session.execute(ends.order_by(Tag.number).limit(1)).scalar_one_or_none()
    return number if end is None else end + 1  # none: it was given back since we asked


def _freed(prefix: Any, below: Any) -> Any:
    """The lowest released number under the sequence and not under its floor. Released ones above it come when it is their turn."""
    floor = select(TagSequence.floor).where(TagSequence.prefix == prefix).scalar_subquery()
    released = select(Tag.number).where(Tag.prefix == prefix, IS_RELEASED, Tag.number < below, Tag.number >= floor)
    return released.order_by(Tag.number).limit(1)


_FREED = """(SELECT number FROM asset_tags WHERE asset_tags.prefix = :prefix AND state = 'released'
     AND number >= tag_sequences.floor AND number < tag_sequences.next_number ORDER BY number LIMIT 1)"""

# As text these run in half the time: of a statement built from objects every one is gone through each time it runs.
_STEP = text(f"""
    UPDATE tag_sequences SET next_number = next_number + 1 WHERE prefix = :prefix AND adopted_at IS NOT NULL
    RETURNING next_number - 1, {_FREED}""")  # noqa: S608
_PREVIEW_TEXT = text(f"""
    SELECT next_number, {_FREED} AS freed, EXISTS (SELECT 1 FROM asset_tags WHERE asset_tags.prefix = :prefix
        AND number = tag_sequences.next_number AND state <> 'released') AS taken
    FROM tag_sequences WHERE prefix = :prefix AND adopted_at IS NOT NULL""")  # noqa: S608
_PREVIEW = _PREVIEW_TEXT.columns(column("next_number", BigInteger), column("freed", BigInteger), column("taken", Boolean))
# Makes a tag's row, or takes a released one over; gives its id, or nothing when somebody has the tag.
_CLAIM = text("""
    INSERT INTO asset_tags (tag, prefix, number, state, asset_id, previous_name, changed_at, due_at, attempts, absences)
    VALUES (:tag, :prefix, :number, :state, :asset_id, :previous_name, :changed_at, :due_at, 0, 0)
    ON CONFLICT (prefix, number) DO UPDATE SET state = excluded.state, asset_id = excluded.asset_id,
        previous_name = excluded.previous_name, changed_at = excluded.changed_at, due_at = excluded.due_at,
        confirmed_at = NULL, attempts = 0, absences = 0, problem = NULL
    WHERE asset_tags.state = 'released' RETURNING id""").bindparams(
    bindparam("changed_at", type_=Instant),
    bindparam("due_at", type_=Instant),
    bindparam("asset_id", type_=BigInteger),
    bindparam("previous_name", type_=String),
)
