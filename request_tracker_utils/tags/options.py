"""The ways in which a difference can be settled, each in words that say what will happen."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from request_tracker_utils.tags import sequence
from request_tracker_utils.tags.models import DifferenceKind, Tag, TagDifference, TagState
from request_tracker_utils.tags.tag_format import parse


class Way(StrEnum):
    """Each is named by what is kept as the settlement."""

    CALL_AGAIN = "called-again"
    """The directory calls the asset by its tag again."""
    TAKE_NAME = "name-taken"
    """The name that the directory has becomes the asset's tag."""
    TAKE_AWAY = "taken-away"
    """The asset has no tag any more."""
    NEW_TAG = "new-tag"
    MOVE = "moved"
    """The tag goes to the asset that bears its name; who had it gets a new one."""
    FREE = "freed"
    KEEP = "kept"
    """Nobody gets the tag again."""
    ADOPT = "adopted"
    """The asset's name becomes its tag."""
    LEAVE = "left"


@dataclass(frozen=True)
class Offer:
    """A button: `words` stand on it, `then` says what follows from it where the words do not say all."""

    way: Way
    words: str
    then: str = ""


@dataclass(frozen=True)
class Choice:
    """A difference with what can be done about it. `holder` is the asset that has the tag of which this one is the twin."""

    difference: TagDifference
    offers: Sequence[Offer]
    holder: int | None

    @property
    def seal(self) -> str:
        """Changes with everything that the person who chooses has read."""
        about = self.difference
        read = [about.kind, about.tag, about.name or "", *(f"{offer.words} {offer.then}" for offer in self.offers)]
        return hashlib.sha256("\n".join(read).encode()).hexdigest()[:16]


SAFE = {
    DifferenceKind.RENAMED: Way.CALL_AGAIN,
    DifferenceKind.GONE: Way.FREE,
    DifferenceKind.UNKNOWN: Way.ADOPT,
}
"""What may be done with all of a kind at once, where nothing speaks against it."""


def is_safe(kind: DifferenceKind) -> ColumnElement[bool]:
    """Which differences of the kind may be settled in its safe way: a printed tag is not freed, and one that is kept not taken."""
    printed = exists().where(Tag.tag == TagDifference.tag, Tag.printed_at.is_not(None))
    kept = exists().where(Tag.tag == TagDifference.tag, Tag.state != TagState.RELEASED)
    return {DifferenceKind.GONE: ~printed, DifferenceKind.UNKNOWN: ~kept}.get(kind, TagDifference.kind == kind)


def choices(session: Session, differences: Sequence[TagDifference], *, place: str) -> list[Choice]:
    """The same differences, each with its ways. `place` is what people call the directory."""
    texts = {each.tag for each in differences} | {each.name for each in differences if each.name}
    tags = {tag.tag: tag for tag in session.scalars(select(Tag).where(Tag.tag.in_(texts)))}
    words = _Words(tags, sequence.prefixes(session), place)
    return [Choice(each, list(words.of(each)), words.holder(each)) for each in differences]


class _Words:
    def __init__(self, tags: dict[str, Tag], prefixes: Sequence[str], place: str) -> None:
        self._tags, self._prefixes, self._place = tags, prefixes, place

    def holder(self, difference: TagDifference) -> int | None:
        tag = self._tags.get(difference.tag)
        return tag.asset_id if tag is not None and difference.kind == DifferenceKind.TWIN else None

    def of(self, difference: TagDifference) -> Iterator[Offer]:
        offers = {
            DifferenceKind.RENAMED: self._renamed,
            DifferenceKind.TWIN: self._twin,
            DifferenceKind.GONE: self._gone,
            DifferenceKind.UNKNOWN: self._unknown,
            DifferenceKind.MISSPELT: self._misspelt,
        }[DifferenceKind(difference.kind)]
        yield from offers(difference, f"#{difference.asset_id}")
        yield Offer(Way.LEAVE, "Leave it as it is")

    def _renamed(self, difference: TagDifference, asset: str) -> Iterator[Offer]:
        name = difference.name or ""
        yield Offer(Way.CALL_AGAIN, f"Call {asset} {difference.tag} again in {self._place}")
        if not any(parse(name, prefix) for prefix in self._prefixes):
            yield Offer(Way.TAKE_AWAY, f"Take {difference.tag} away from {asset}", self._fate(difference.tag))
        elif self._is_free(name):
            yield Offer(Way.TAKE_NAME, f"Make {name} the tag of {asset}", self._fate(difference.tag))

    def _twin(self, difference: TagDifference, asset: str) -> Iterator[Offer]:
        yield Offer(Way.NEW_TAG, f"Give {asset} a new tag")
        holder = self.holder(difference)
        yield Offer(Way.MOVE, f"{asset} is the right one", f"{difference.tag} goes to {asset}, and #{holder} gets a new tag.")

    def _gone(self, difference: TagDifference, _asset: str) -> Iterator[Offer]:
        printed = self._is_printed(difference.tag)
        if not printed:
            yield Offer(Way.FREE, f"Free {difference.tag}", self._fate(difference.tag))
        then = "A label of it was printed, so it is not freed." if printed else ""
        yield Offer(Way.KEEP, f"Keep {difference.tag}, never give it again", then)

    def _unknown(self, difference: TagDifference, asset: str) -> Iterator[Offer]:
        then = "It was kept until now, to be given to nobody." if self._is_retired(difference.tag) else ""
        yield Offer(Way.ADOPT, f"{difference.tag} is the tag of {asset}", then)
        yield Offer(Way.NEW_TAG, f"Give {asset} a new tag")

    def _misspelt(self, _difference: TagDifference, asset: str) -> Iterator[Offer]:
        yield Offer(Way.NEW_TAG, f"Give {asset} a tag")

    def _fate(self, tag: str) -> str:
        if self._is_printed(tag):
            return f"{tag} is never given again: a label of it was printed."
        return f"{tag} is given again, to one of the next assets."

    def _is_printed(self, text: str) -> bool:
        tag = self._tags.get(text)
        return tag is not None and tag.printed_at is not None

    def _is_retired(self, text: str) -> bool:
        tag = self._tags.get(text)
        return tag is not None and tag.is_retired

    def _is_free(self, text: str) -> bool:
        tag = self._tags.get(text)
        return tag is None or tag.state == TagState.RELEASED or tag.is_retired
