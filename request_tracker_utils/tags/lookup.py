"""Finds tags by asset, by typed or scanned text, by range, and by pending confirmation."""

from collections.abc import Iterable, Sequence
from itertools import islice

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.keyboard_layouts import read_through
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import sequence
from request_tracker_utils.tags.errors import NotATag
from request_tracker_utils.tags.models import PendingAsset, Tag
from request_tracker_utils.tags.tag_format import TagName, parse_any, parse_ignoring_case

CHUNK = 500
"""Tags per query."""
MAX_PENDING = 200
"""Pending tags that a page shows."""
RETRIES_BEFORE_ATTENTION = 5
IS_PENDING = or_(Tag.due_at.is_not(None), Tag.problem.is_not(None))
IS_FAILING = Tag.problem.is_not(None) & or_(Tag.due_at.is_(None), Tag.attempts >= RETRIES_BEFORE_ATTENTION)
"""Retries alone are unlikely to resolve the problem."""


def tag_of_asset(session: Session, asset_id: int) -> Tag | None:
    return session.scalar(select(Tag).where(Tag.asset_id == asset_id))


def tags_of_assets(session: Session, asset_ids: list[int]) -> dict[int, Tag]:
    """Asset's id → its tag, for the assets that have one."""
    return {int(tag.asset_id or 0): tag for tag in session.scalars(select(Tag).where(Tag.asset_id.in_(asset_ids)))}


def parse_tag(session: Session, text: str) -> TagName | None:
    """The tag with any existing prefix, in its exact spelling; None for anything else."""
    return parse_any(text, sequence.prefixes(session))


def tag_behind_layout(session: Session, text: str) -> TagName | None:
    """The tag that a scanner with another keyboard language meant by the text (`W12ß0001`); None if the text is a tag, or no layout makes
    it one."""
    prefixes = sequence.prefixes(session)
    if parse_ignoring_case(text, prefixes):
        return None
    return read_through(text, lambda meant: parse_ignoring_case(meant, prefixes))


def find_assigned(session: Session, texts: Iterable[str]) -> dict[str, Tag]:
    """Text, in any case → the tag, for the tags that an asset has."""
    prefixes = sequence.prefixes(session)
    spellings = {text: str(name) for text in texts if (name := parse_ignoring_case(text, prefixes))}
    found: dict[str, Tag] = {}
    remaining = iter(dict.fromkeys(spellings.values()))
    while chunk := list(islice(remaining, CHUNK)):
        assigned = select(Tag).where(Tag.tag.in_(chunk), Tag.asset_id.is_not(None))
        found |= {tag.tag: tag for tag in session.scalars(assigned)}
    return {text: found[spelling] for text, spelling in spellings.items() if spelling in found}


def parse_range(session: Session, first: str, last: str, *, most: int) -> tuple[TagName, TagName]:
    """Both ends of a range of tags. Raises NotATag with the `field` `first` or `last`, also for a range that is reversed, spans two
    prefixes, or has more than `most` tags."""
    prefixes = sequence.prefixes(session)
    begin, end = (_parse_end(text, field, prefixes) for text, field in ((first, "first"), (last, "last")))
    if begin.prefix != end.prefix:
        raise NotATag(
            _(
                "%(first)s and %(last)s have different prefixes. Enter two tags with the same prefix, such as %(prefix)s.",
                first=begin,
                last=end,
                prefix=begin.prefix,
            ),
            field="last",
        )
    if end.number < begin.number:
        raise NotATag(_("The range is reversed: %(first)s comes after %(last)s. Swap the two tags.", first=begin, last=end), field="last")
    if end.number - begin.number >= most:
        count = end.number - begin.number + 1
        raise NotATag(
            _("The range has %(count)s tags, but the limit is %(limit)s. Enter a shorter range.", count=f"{count:,}", limit=f"{most:,}"),
            field="last",
        )
    return begin, end


def assigned_in_range(session: Session, begin: TagName, end: TagName) -> list[Tag]:
    """The tags in the range that assets have, in order."""
    assigned = select(Tag).where(Tag.prefix == begin.prefix, Tag.number.between(begin.number, end.number), Tag.asset_id.is_not(None))
    return list(session.scalars(assigned.order_by(Tag.number)))


def pending_tags(session: Session) -> list[Tag]:
    """The tags that the asset store has not confirmed, with their problems; those that need a person are first."""
    order = (Tag.problem.is_(None), Tag.due_at.is_not(None), Tag.id.desc())
    return list(session.scalars(select(Tag).where(IS_PENDING).order_by(*order).limit(MAX_PENDING)))


def pending_counts(session: Session) -> dict[str, int]:
    """How many tags a job still has to confirm (`pending`), and how many need a person (`failing`)."""
    count = select(func.count()).select_from(Tag)
    return {
        "pending": session.execute(count.where(Tag.due_at.is_not(None))).scalar_one(),
        "failing": session.execute(count.where(IS_FAILING)).scalar_one(),
    }


def count_pending_assets(session: Session) -> int:
    """How many assets requested a tag before one could be assigned."""
    return session.execute(select(func.count()).select_from(PendingAsset)).scalar_one()


def not_a_tag(text: str, prefixes: Sequence[str], *, field: str) -> NotATag:
    example = f"{prefixes[0]}0001" if prefixes else "W12-0001"
    return NotATag(_("“%(text)s” is not a tag. A tag looks like %(example)s.", text=text[:60], example=example), field=field)


def _parse_end(text: str, field: str, prefixes: Sequence[str]) -> TagName:
    if not text:
        raise NotATag(_("Enter the first and the last tag of the range."), field=field)
    name = parse_ignoring_case(text, prefixes)
    if name is None:
        raise not_a_tag(text, prefixes, field=field)
    return name
