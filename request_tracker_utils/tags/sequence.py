"""The sequence of each prefix: previewing and resetting its next number. See `allocation` for assigning it.

Every change to a prefix's tags locks the row of its sequence first. Writers of one prefix therefore run one after another, on both
databases, and what a writer reads stays valid until it commits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, select, text
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import audit
from request_tracker_utils.tags.errors import PrefixNotFound, SequenceChanged, SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import IS_RELEASED, NAME_IS_USED, Tag, TagDiscrepancy, TagEvent, TagSequence, TagState
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
    found = session.execute(_PREVIEW[_dialect(session)], {"prefix": prefix}).first()
    if found is None:
        raise not_ready(prefix)
    next_number, floor, has_released, is_used = found
    if not has_released and not is_used:
        return _checked(prefix, next_number)
    names = free_names(session, prefix, next_number=next_number, floor=floor)
    return next(name for name in names if asset_named(session, name) is None)


def free_names(session: Session | Connection, prefix: str, *, next_number: int, floor: int) -> Iterator[TagName]:
    """The names of the numbers that are not in use, in the order in which they are assigned: released ones from the floor on, then from the
    next number on. Those that `asset_named` finds are skipped by allocations. Raises SequenceExhausted at the end."""
    number = floor - 1
    while True:
        released = select(Tag.number).where(Tag.prefix == prefix, IS_RELEASED, Tag.number > number, Tag.number < next_number)
        number = session.execute(released.order_by(Tag.number).limit(1)).scalar_one_or_none() or 0
        if not number:
            break
        yield TagName(prefix, number)
    number = next_number
    while True:
        number = _next_free(session, prefix, number)
        yield _checked(prefix, number)
        number += 1


def asset_named(session: Session | Connection, name: TagName | str) -> int | None:
    """The asset that has this name according to an open discrepancy."""
    named = select(TagDiscrepancy.asset_id).where(TagDiscrepancy.name == str(name), NAME_IS_USED)
    return session.execute(named.order_by(TagDiscrepancy.id).limit(1)).scalar_one_or_none()


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
    resets = [event for event in session.scalars(latest) if parse(event.tag, sequence.prefix) and not is_over(event.at, RECENT_RESET, now)]
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


def _checked(prefix: str, number: int) -> TagName:
    if number > LARGEST_NUMBER:
        raise SequenceExhausted(_("The sequence %(prefix)s has no numbers left. Add a prefix under Asset tags.", prefix=prefix))
    return TagName(prefix, number)


def _dialect(session: Session | Connection) -> str:
    return (session.get_bind() if isinstance(session, Session) else session).dialect.name


def _next_free(session: Session | Connection, prefix: str, number: int) -> int:
    """The number if it is not in use, else the one after the run of numbers in use."""
    in_use = select(Tag.id).where(Tag.prefix == prefix, Tag.number == number, Tag.state != TagState.RELEASED)
    if session.execute(in_use).first() is None:
        return number
    following = aliased(Tag)
    continued = exists().where(following.prefix == prefix, following.number == Tag.number + 1, following.state != TagState.RELEASED)
    ends = select(Tag.number).where(Tag.prefix == prefix, Tag.number >= number, Tag.state != TagState.RELEASED, ~continued)
    end = session.execute(ends.order_by(Tag.number).limit(1)).scalar_one_or_none()
    return number if end is None else end + 1  # None: it was released in the meantime


NEXT_NAME = {
    "sqlite": "(:prefix || printf('%04d', next_number))",
    "postgresql": "(CAST(:prefix AS VARCHAR) || lpad(next_number::text, greatest(4, length(next_number::text)), '0'))",
}
"""The tag with the next number, in the dialect of the database."""
HAS_RELEASED = """EXISTS (SELECT 1 FROM asset_tags WHERE asset_tags.prefix = :prefix AND state = 'released'
    AND number >= tag_sequences.floor AND number < tag_sequences.next_number)"""
IS_NAMED = {
    dialect: f"EXISTS (SELECT 1 FROM tag_differences WHERE name = {name} AND {NAME_IS_USED})"  # noqa: S608
    for dialect, name in NEXT_NAME.items()
}
"""An asset has the tag with the next number as its name, according to an open discrepancy."""
_PREVIEW = {
    name: text(f"""
        SELECT next_number, floor, {HAS_RELEASED} AS has_released, {is_named} OR EXISTS (SELECT 1 FROM asset_tags
            WHERE asset_tags.prefix = :prefix AND number = tag_sequences.next_number AND state <> 'released') AS is_used
        FROM tag_sequences WHERE prefix = :prefix AND adopted_at IS NOT NULL""")  # noqa: S608
    for name, is_named in IS_NAMED.items()
}
