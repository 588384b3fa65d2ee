"""Many labels on one page: assets from the directory, in the order asked for, as they come."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.labels.page import LabelContent
from request_tracker_utils.labels.service import MOST_LABELS, content

NAMED_MISSING = 20
"""Missing assets that a notice names; of more it tells the number."""

Announce = Callable[[list[tuple[int, str]]], list[str]]
"""Is told the ids and names before their labels are handed out, and gives notices back."""
Fits = Callable[[LabelContent], bool]
"""Says whether a label will be printed, or left out as one that nobody could read."""


@dataclass
class Batch:
    """The labels of `asset_ids` or, without those, of what `query` finds beyond the asset `beyond`.

    While its labels are handed out `notices` tells what is missing. When the directory fails in the middle, `left` says which assets
    did not come (of a query: `last_id` says behind which asset to go on), and `stopped` is true.
    """

    asset_store: AssetStore
    notices: list[str]
    on_print: Announce
    fits: Fits
    asset_ids: list[int] = field(default_factory=list)
    query: str = ""
    beyond: int = 0
    most: int = MOST_LABELS
    stopped: bool = False

    def __post_init__(self) -> None:
        self.left = list(dict.fromkeys(self.asset_ids))[: self.most]
        self.last_id = self.beyond
        self._missing: list[int] = []

    def labels(self) -> Iterator[LabelContent]:
        """The first assets are fetched before this returns, so that a directory that does not answer is an error and not half a page.

        Raises AssetNotFound when there is nothing to print.
        """
        chunks = self._chunks()
        first = next((chunk for chunk in chunks if chunk), None)
        if first is None:
            raise AssetNotFound("The query finds no asset." if self.query else "None of these assets was found.")
        return self._handed_out(chain([self._announced(first)], map(self._announced, chunks)))

    def _chunks(self) -> Iterator[list[Asset]]:
        if self.asset_ids:
            return self.asset_store.get_many(list(self.left))
        return self.asset_store.query(self.query, limit=self.most, after_id=self.beyond)

    def _announced(self, chunk: list[Asset]) -> list[LabelContent]:
        """What the labels of a chunk say. A label that is left out is none that may hang on a device."""
        contents = [content(self.asset_store, asset) for asset in chunk]
        if printed := [(each.asset_id, each.tag) for each in contents if self.fits(each)]:
            self.notices += self.on_print(printed)
        return contents

    def _handed_out(self, chunks: Iterator[list[LabelContent]]) -> Iterator[LabelContent]:
        try:
            for chunk in chunks:
                self._advance([each.asset_id for each in chunk])
                yield from chunk
        except AppError as error:
            # The page has begun: what has come prints, and the page offers what has not.
            self.stopped = True
            which = f"Labels of {len(self.left):,} assets" if self.asset_ids else "The labels after these"
            self.notices.append(f"Stopped in the middle: {error.message} {which} are not here.")
        else:
            self._missing += self.left
        self._tell_missing()

    def _advance(self, chunk: list[int]) -> None:
        """What comes keeps the order that was asked for: what was asked for before it and did not come is not there."""
        if not chunk:
            return
        self.last_id = chunk[-1]
        if self.asset_ids:
            end, came = self.left.index(self.last_id) + 1, set(chunk)
            self._missing += [asset_id for asset_id in self.left[:end] if asset_id not in came]
            self.left = self.left[end:]

    def _tell_missing(self) -> None:
        if self._missing:
            named = ", ".join(map(str, self._missing[:NAMED_MISSING]))
            more = ", …" if len(self._missing) > NAMED_MISSING else ""
            self.notices.append(f"Not found: {len(self._missing)} of the assets ({named}{more}).")
