"""The sequence of each prefix: previewing, allocating, and resetting its next number.

Every change to a prefix's tags locks the row of its sequence first. Writers of one prefix therefore run one after another, on both
databases, and what a writer reads stays valid until it commits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, String, bindparam, column, exists, select, text, update
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Instant, upsert_into
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import audit
from request_tracker_utils.tags.errors import PrefixNotFound, SequenceChanged, SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import IS_RELEASED, Tag, TagEvent, TagSequence, TagState
from request_tracker_utils.tags.tag_format import LARGEST_NUMBER, TagName, parse

ADOPT_TAGS = "adopt-tags"
"""The job that imports the existing tags of a new sequence, after which it can assign tags."""
RECENT_RESET = timedelta(hours=1)
"""A reset within this period explains why the sequence changed after the form was loaded."""


def create_if_missing(session: Session, prefix: str, *, now: datetime) -> None:
    session.execute(upsert_into(session)(TagSequence).values(prefix=prefix, next_number=1, created_at=now).on_conflict_do_nothing())


def lock(session: Session, prefix: str) -> TagSequence:
    """The sequence, locked until the transaction ends. Raises SequenceNotReady until the existing tags are adopted."""
    sequence = session.scalar(select(TagSequence).where(TagSequence.prefix == prefix).with_for_update())
    if sequence is None or sequence.adopted_at is None:
        raise not_ready(prefix)
    return sequence


def lock_all(session: Session) -> dict[str, TagSequence]:
    """Every sequence by its prefix, locked until the transaction ends, including those that cannot assign tags yet."""
    rows = session.scalars(select(TagSequence).order_by(TagSequence.prefix).with_for_update())
    return {sequence.prefix: sequence for sequence in rows}


def prefixes(session: Session) -> list[str]:
    return list(session.scalars(select(TagSequence.prefix).order_by(TagSequence.prefix)))


def preview(session: Session | Connection, prefix: str) -> TagName:
    """The tag that would be assigned next; no number is used. Raises SequenceNotReady, SequenceExhausted."""
    found = session.execute(_PREVIEW, {"prefix": prefix}).first()
    if found is None:
        raise not_ready(prefix)
    next_number, released, is_taken = found
    if released is not None:
        return TagName(prefix, released)
    return _checked(prefix, _first_free(session, prefix, next_number) if is_taken else next_number)


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
    """Takes the next tag: the lowest released one from the floor on, else the next number that was not assigned manually.

    Returns a copy of the tag's row that belongs to no session. Raises SequenceNotReady, and SequenceExhausted past 999,999,999.
    An IntegrityError means that the asset got a tag concurrently.
    """
    connection = session.connection()
    values = {"state": str(state), "asset_id": asset_id, "previous_name": old_name, "changed_at": now, "due_at": due_at}
    tag = _take_next(session, connection, prefix, values)
    audit.record(connection, tag, action=str(state), actor=actor, now=now, old_name=old_name)
    return tag


def advance_past(sequence: TagSequence, number: int) -> None:
    """Steps over a manually assigned number if it is next. A number further ahead is skipped when the sequence reaches it."""
    if sequence.next_number == number:
        sequence.next_number = number + 1


def not_ready(prefix: str) -> SequenceNotReady:
    return SequenceNotReady(
        _(
            "%(prefix)s tags cannot be assigned yet: the existing tags are still being imported. Try again in a minute. "
            "If this message persists, check the job adopt-tags.",
            prefix=prefix,
        )
    )


def prefix_not_found(prefix: str) -> PrefixNotFound:
    return PrefixNotFound(_("No sequence has the prefix %(prefix)s. Check the prefix, or add it.", prefix=prefix[:16]), field="prefix")


@dataclass(frozen=True)
class Reset:
    """`skipped` are the first and last number in use from the requested number on, if that number is in use."""

    next_tag: TagName
    skipped: tuple[int, int] | None

    @property
    def message(self) -> str:
        if self.skipped is None:
            return _("The next tag is %(tag)s.", tag=self.next_tag)
        first, last = self.skipped
        if first == last:
            return _("%(number)s is in use and was skipped. The next tag is %(tag)s.", number=first, tag=self.next_tag)
        return _("%(first)s to %(last)s are in use and were skipped. The next tag is %(tag)s.", first=first, last=last, tag=self.next_tag)


def reset(
    session: Session, prefix: str, *, number: int, reason: str | None, actor: Actor, now: datetime, expected: int | None = None
) -> Reset:
    """Continues the sequence at this number. Numbers in use are skipped, and released numbers below it are not assigned again.

    `expected` is the next number as the caller knows it. Raises Invalid, PrefixNotFound, SequenceNotReady; SequenceChanged if it is
    another one; SequenceExhausted if every number from there on is in use.
    """
    if not 1 <= number <= LARGEST_NUMBER:
        raise Invalid(_("The number must be between 1 and %(largest)s.", largest=f"{LARGEST_NUMBER:,}"), field="start_number")
    if prefix not in prefixes(session):
        raise prefix_not_found(prefix)
    sequence = lock(session, prefix)
    if expected is not None and sequence.next_number != expected:
        raise SequenceChanged(_explain_change(session, sequence, now))
    before = _next_or_last(session, sequence)
    sequence.next_number = sequence.floor = number
    session.flush()  # the preview reads the database
    after = preview(session, prefix)
    audit.record_change(session, str(after), None, str(after), action="reset", actor=actor, now=now, old_name=str(before), reason=reason)
    return Reset(after, (number, after.number - 1) if after.number > number else None)


def _next_or_last(session: Session, sequence: TagSequence) -> TagName:
    """The next tag, or the last one of an exhausted sequence."""
    try:
        return preview(session, sequence.prefix)
    except SequenceExhausted:
        return TagName(sequence.prefix, min(sequence.next_number, LARGEST_NUMBER))


def _explain_change(session: Session, sequence: TagSequence, now: datetime) -> str:
    latest = select(TagEvent).where(TagEvent.action == "reset").order_by(TagEvent.id.desc()).limit(20)
    resets = [event for event in session.scalars(latest) if parse(event.tag, sequence.prefix) and now - event.at < RECENT_RESET]
    next_tag = _next_or_last(session, sequence)
    if not resets:
        return _("Tags were assigned in the meantime. The next tag is now %(tag)s. Nothing was changed: check the number.", tag=next_tag)
    event = resets[0]
    return _(
        "%(user)s changed the next tag from %(before)s to %(after)s%(reason)s. The next tag is now %(tag)s. "
        "Nothing was changed: check the number.",
        user=event.actor,
        before=event.old_name,
        after=event.new_name,
        reason=f" ({event.reason})" if event.reason else "",
        tag=next_tag,
    )


def _take_next(session: Session, connection: Connection, prefix: str, values: dict[str, Any]) -> Tag:
    """Advances by one number and writes its row: two statements unless numbers were released or assigned manually."""
    found = connection.execute(_ADVANCE, {"prefix": prefix}).first()
    if found is None:
        raise not_ready(prefix)
    number, released = found
    if released is not None:
        # The released number was read before this transaction had the lock. Now no other transaction can take it: read it again.
        still_released = session.scalar(_lowest_released(prefix, number))
        if still_released is not None:
            _set_next(session, prefix, number)
            number = still_released
    tag = _claim(connection, _checked(prefix, number), values)
    if tag is not None:
        return tag
    number = _first_free(session, prefix, number)
    _set_next(session, prefix, number + 1)
    tag = _claim(connection, _checked(prefix, number), values)
    if tag is None:
        raise AssertionError("a free number was taken while its sequence was locked")
    return tag


def _checked(prefix: str, number: int) -> TagName:
    if number > LARGEST_NUMBER:
        raise SequenceExhausted(_("The sequence %(prefix)s has no numbers left. Add a prefix under Asset tags.", prefix=prefix))
    return TagName(prefix, number)


def _claim(connection: Connection, name: TagName, values: dict[str, Any]) -> Tag | None:
    """The row of the tag with these values, new or reused from a released one; None if the tag is in use."""
    row = {"tag": str(name), "prefix": name.prefix, "number": name.number, **values}
    claimed = connection.execute(_CLAIM, row).scalar_one_or_none()
    return None if claimed is None else Tag(id=claimed, attempts=0, absences=0, **row)


def _set_next(session: Session, prefix: str, number: int) -> None:
    session.execute(update(TagSequence).where(TagSequence.prefix == prefix).values(next_number=number))


def _first_free(session: Session | Connection, prefix: str, number: int) -> int:
    """The first free number from `number` on: the one after the run of numbers in use."""
    following = aliased(Tag)
    continued = exists().where(following.prefix == prefix, following.number == Tag.number + 1, following.state != TagState.RELEASED)
    ends = select(Tag.number).where(Tag.prefix == prefix, Tag.number >= number, Tag.state != TagState.RELEASED, ~continued)
    end = session.execute(ends.order_by(Tag.number).limit(1)).scalar_one_or_none()
    return number if end is None else end + 1  # None: it was released in the meantime


def _lowest_released(prefix: Any, below: Any) -> Any:
    """The lowest released number between the floor and the next number. The sequence reaches released numbers further ahead later."""
    floor = select(TagSequence.floor).where(TagSequence.prefix == prefix).scalar_subquery()
    released = select(Tag.number).where(Tag.prefix == prefix, IS_RELEASED, Tag.number < below, Tag.number >= floor)
    return released.order_by(Tag.number).limit(1)


_LOWEST_RELEASED = """(SELECT number FROM asset_tags WHERE asset_tags.prefix = :prefix AND state = 'released'
     AND number >= tag_sequences.floor AND number < tag_sequences.next_number ORDER BY number LIMIT 1)"""

# Text takes half the time: SQLAlchemy traverses the objects of a statement on every execution.
_ADVANCE = text(f"""
    UPDATE tag_sequences SET next_number = next_number + 1 WHERE prefix = :prefix AND adopted_at IS NOT NULL
    RETURNING next_number - 1, {_LOWEST_RELEASED}""")  # noqa: S608
_PREVIEW_TEXT = text(f"""
    SELECT next_number, {_LOWEST_RELEASED} AS released, EXISTS (SELECT 1 FROM asset_tags WHERE asset_tags.prefix = :prefix
        AND number = tag_sequences.next_number AND state <> 'released') AS is_taken
    FROM tag_sequences WHERE prefix = :prefix AND adopted_at IS NOT NULL""")  # noqa: S608
_PREVIEW = _PREVIEW_TEXT.columns(column("next_number", BigInteger), column("released", BigInteger), column("is_taken", Boolean))
# Inserts a tag's row or reuses a released one. Returns its id, or nothing if the tag is in use.
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
