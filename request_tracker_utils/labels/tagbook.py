"""What labels need to know of tags, answered by a room above: labels themselves know assets by their numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Span:
    """A range of tags: the assets that have them, in the order of the tags, and the tags that no asset has."""

    asset_ids: list[int]
    free: list[str]


class TagBook(Protocol):
    """Knows tags from the program's own database; the directory is not asked."""

    def assets_of(self, texts: Iterable[str]) -> dict[str, int]:
        """Text → number of the asset whose tag it is, whatever its case; what is nobody's tag is left out."""

    def tags_of(self, asset_ids: list[int]) -> dict[int, str]:
        """Number of the asset → its tag, for those that have one."""

    def spelt(self, text: str) -> str | None:
        """The tag that the text is, somebody's or nobody's, as it is written on labels; None for what looks like no tag."""

    def span(self, first: str, last: str, *, most: int) -> Span:
        """Raises Invalid, whose `field` is `first` or `last`, for what is no range of at most `most` tags."""
