"""Setting a sequence to a number by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags import sequence, trail
from request_tracker_utils.tags.errors import PrefixNotFound, SequenceExhausted, SequenceMoved
from request_tracker_utils.tags.models import TagEvent, TagSequence
from request_tracker_utils.tags.names import LARGEST_NUMBER, TagName, parse

MEANWHILE = timedelta(hours=1)
"""For so long a reset may have happened while somebody looked at the page with the form."""


@dataclass(frozen=True)
class Reset:
    """`skipped` are the first and last number in use from the wanted one on, if that one is in use itself."""

    next_tag: TagName
    skipped: tuple[int, int] | None

    @property
    def message(self) -> str:
        if self.skipped is None:
            return f"The next tag is {self.next_tag}."
        first, last = self.skipped
        are_in_use = f"{first} is in use and is skipped" if first == last else f"{first} to {last} are in use and are skipped"
        return f"{are_in_use}; the next tag is {self.next_tag}."


def reset(session: Session, prefix: str, *, number: int, reason: str | None, actor: Actor, now: datetime, seen: int | None = None) -> Reset:
    """The sequence goes on with this number; those in use are skipped, and released ones below it are not given again.

    `seen` is the next number as the caller knows it. Raises Invalid, PrefixNotFound, SequenceNotReady; SequenceMoved when it is another
    by now; SequenceExhausted when every number from there on is in use.
    """
    if not 1 <= number <= LARGEST_NUMBER:
        raise Invalid(f"The number must be between 1 and {LARGEST_NUMBER:,}.", field="start_number")
    if prefix not in sequence.prefixes(session):
        raise PrefixNotFound(f"There is no prefix {prefix[:16]}. Those that exist stand under Asset tags.", field="prefix")
    held = sequence.hold(session, prefix)
    if seen is not None and held.next_number != seen:
        raise SequenceMoved(_what_happened(session, held, now))
    before = _next(session, held)
    held.next_number = held.floor = number
    session.flush()  # what comes next is asked of the database
    after = sequence.preview(session, prefix)
    trail.write(session, str(after), None, str(after), action="reset", actor=actor, now=now, old_name=str(before), reason=reason)
    return Reset(after, (number, after.number - 1) if after.number > number else None)


def _next(session: Session, held: TagSequence) -> TagName:
    """The tag that would come next; of a sequence at its end the last number, which is in use."""
    try:
        return sequence.preview(session, held.prefix)
    except SequenceExhausted:
        return TagName(held.prefix, min(held.next_number, LARGEST_NUMBER))


def _what_happened(session: Session, held: TagSequence, now: datetime) -> str:
    newest = select(TagEvent).where(TagEvent.action == "reset").order_by(TagEvent.id.desc()).limit(20)
    resets = [event for event in session.scalars(newest) if parse(event.tag, held.prefix) and now - event.at < MEANWHILE]
    if resets:
        why = f" ({resets[0].reason})" if resets[0].reason else ""
        happened = f"{resets[0].actor} set the next tag from {resets[0].old_name} to {resets[0].new_name}{why}"
    else:
        happened = "tags were given"
    return f"Meanwhile {happened}. The next tag is {_next(session, held)} now, and nothing was changed: decide anew."
