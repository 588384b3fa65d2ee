"""Tags as people write and scan them: in any case, in lists and as ranges."""

from collections.abc import Iterable, Sequence
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.tags import sequence
from request_tracker_utils.tags.errors import NotATag
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.names import TagName, parse

CHUNK = 500
"""Tags in one query."""


def spelt(text: str, prefixes: Sequence[str]) -> TagName | None:
    """The tag that the text is, whatever its case; None for what is no tag with one of these prefixes."""
    for prefix in prefixes:
        begin, rest = text[: len(prefix)], text[len(prefix) :]
        name = parse(prefix + rest, prefix) if begin.casefold() == prefix.casefold() else None
        if name is not None:
            return name
    return None


def with_assets(session: Session, texts: Iterable[str]) -> dict[str, Tag]:
    """Text → the tag that it is, for those that an asset has."""
    prefixes = sequence.prefixes(session)
    spellings = {text: str(name) for text in texts if (name := spelt(text, prefixes))}
    found: dict[str, Tag] = {}
    wanted = iter(dict.fromkeys(spellings.values()))
    while chunk := list(islice(wanted, CHUNK)):
        held = select(Tag).where(Tag.tag.in_(chunk), Tag.asset_id.is_not(None))
        found |= {tag.tag: tag for tag in session.scalars(held)}
    return {text: found[spelling] for text, spelling in spellings.items() if spelling in found}


def ends(session: Session, first: str, last: str, *, most: int) -> tuple[TagName, TagName]:
    """Both ends of a range of tags. Raises NotATag, whose `field` is `first` or `last`, also for one that runs backwards, goes from one
    prefix to another, or holds more than `most` tags."""
    prefixes = sequence.prefixes(session)
    begin, end = (_named(text, field, prefixes) for text, field in ((first, "first"), (last, "last")))
    if begin.prefix != end.prefix:
        raise NotATag(f"{begin} and {end} begin differently. A range has one beginning, such as {begin.prefix}.", field="last")
    if end.number < begin.number:
        raise NotATag(f"The range runs backwards: {begin} comes after {end}. Exchange them.", field="last")
    if end.number - begin.number >= most:
        count = end.number - begin.number + 1
        raise NotATag(f"The range holds {count:,} tags; at most {most:,} go at once. Take a shorter one.", field="last")
    return begin, end


def between(session: Session, begin: TagName, end: TagName) -> list[Tag]:
    """The tags of a range that assets have, in their order."""
    held = select(Tag).where(Tag.prefix == begin.prefix, Tag.number.between(begin.number, end.number), Tag.asset_id.is_not(None))
    return list(session.scalars(held.order_by(Tag.number)))


def _named(text: str, field: str, prefixes: Sequence[str]) -> TagName:
    name = spelt(text, prefixes)
    if name is None:
        example = f"{prefixes[0]}0001" if prefixes else "W12-0001"
        what = f"“{text[:60]}” is no tag" if text else "A range needs both of its ends"
        raise NotATag(f"{what}. Tags look like {example}.", field=field)
    return name
