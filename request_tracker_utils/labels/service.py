"""The labels of assets, one or many, with the content that they print."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol
from urllib.parse import urlsplit

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.errors import AppError, Conflict
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.labels.renderer import LabelContent

MAX_LABELS = 5_000
"""Labels per page: as many as a browser can still print."""

MAX_COPIES = 20
MAX_SKIP = 500
"""More labels than any sheet has."""

MAX_MISSING_LISTED = 20
"""Missing assets that a notice lists by ID."""

LabelNames = list[tuple[int, str]]
"""Asset IDs with the names on their labels."""

RecordPrinted = Callable[[LabelNames], list[str]]
"""Is called before labels are sent, and returns notices."""

CanPrint = Callable[[LabelContent], bool]


@dataclass(frozen=True)
class TagRange:
    """A range of tags: the assets that have them, in order of the tags, and the tags that no asset has."""

    asset_ids: list[int]
    unassigned: list[str]


class TagLookup(Protocol):
    """What labels need to know about tags, provided by a higher layer. Answered from the database; the asset store is not asked."""

    def assets_by_tag(self, texts: Iterable[str]) -> dict[str, int]:
        """Text → ID of the asset with this tag, ignoring case. Texts that are no asset's tag are omitted."""

    def tags_by_asset(self, asset_ids: list[int]) -> dict[int, str]:
        """Asset ID → tag, for assets that have one."""

    def canonical_tag(self, text: str) -> str | None:
        """The tag as it is printed on labels, whether an asset has it or not; None if the text is not a tag."""

    def tag_behind_layout(self, text: str) -> str | None:
        """The tag that a scanner with another keyboard language than the computer’s meant by the text."""

    def tag_range(self, first: str, last: str, *, limit: int) -> TagRange:
        """Raises Invalid with `field` set to `first` or `last` for an invalid range or more than `limit` tags."""


def find_asset(asset_store: AssetStore, *, asset_id: int | None, name: str | None) -> Asset:
    """By ID, or else by name. Raises AssetNotFound, or Conflict if several assets have the name."""
    if asset_id is not None:
        return asset_store.get(asset_id)
    found = asset_store.find_by_name(name or "")
    if not found:
        raise AssetNotFound(_("Asset not found"), name=name)
    if len(found) > 1:
        ids = ", ".join(str(asset.id) for asset in found)
        raise Conflict(_("Several assets have the name %(name)s: %(ids)s. Use the asset ID instead.", name=name, ids=ids))
    return found[0]


def label_content(asset_store: AssetStore, asset: Asset) -> LabelContent:
    return LabelContent.from_asset(asset, asset_store.page_address(asset.id))


def qr_address_warnings(asset_store: AssetStore) -> list[str]:
    """Warns if the QR codes lead to a loopback address."""
    address = urlsplit(asset_store.page_address(1))
    if address.hostname not in ("127.0.0.1", "localhost", "::1"):
        return []
    message = _(
        "The QR codes lead to %(host)s, which only this computer can reach. Set APP_URL (or RT_URL) before you attach the labels.",
        host=address.netloc,
    )
    return [message]


@dataclass
class LabelBatch:
    """The labels of `asset_ids`, in that order, or else of the assets that `query` finds after `after_id`.

    While the labels are consumed, missing assets are added to `notices`. If the asset store then fails, `interrupted` becomes true and
    `remaining` lists the assets that did not arrive (for a query, `last_id` is the asset after which to resume).
    """

    asset_store: AssetStore
    notices: list[str]
    record_printed: RecordPrinted
    can_print: CanPrint
    asset_ids: list[int] = field(default_factory=list)
    query: str = ""
    after_id: int = 0
    limit: int = MAX_LABELS
    interrupted: bool = False

    def __post_init__(self) -> None:
        self.remaining = list(dict.fromkeys(self.asset_ids))[: self.limit]
        self.last_id = self.after_id
        self._missing: list[int] = []

    def labels(self) -> Iterator[LabelContent]:
        """Fetches the first assets before it returns, so that an unreachable asset store is an error and not an incomplete page.

        Raises AssetNotFound if no asset is found.
        """
        chunks = self._chunks()
        first = next((chunk for chunk in chunks if chunk), None)
        if first is None:
            raise AssetNotFound(
                _("The query found no assets. Check the query.")
                if self.query
                else _("None of these assets was found. Check the asset IDs.")
            )
        return self._stream(chain([self._recorded(first)], map(self._recorded, chunks)))

    def _chunks(self) -> Iterator[list[Asset]]:
        if self.asset_ids:
            return self.asset_store.get_many(list(self.remaining))
        return self.asset_store.query(self.query, limit=self.limit, after_id=self.after_id)

    def _recorded(self, chunk: list[Asset]) -> list[LabelContent]:
        """The contents of a chunk, after its printable labels were recorded as printed."""
        contents = [label_content(self.asset_store, asset) for asset in chunk]
        if printed := [(content.asset_id, content.tag) for content in contents if self.can_print(content)]:
            self.notices += self.record_printed(printed)
        return contents

    def _stream(self, chunks: Iterator[list[LabelContent]]) -> Iterator[LabelContent]:
        try:
            for chunk in chunks:
                self._advance([content.asset_id for content in chunk])
                yield from chunk
        except AppError as error:
            # The response has started: the labels that were sent can be printed, and the page has a button to resume.
            self.interrupted = True
            self.notices.append(self._interruption(error))
        else:
            self._missing += self.remaining
        if self._missing:
            self.notices.append(self._missing_notice())

    def _advance(self, chunk: list[int]) -> None:
        """Chunks have the requested order: an asset requested before the last one of a chunk, but not in the chunk, does not exist."""
        if not chunk:
            return
        self.last_id = chunk[-1]
        if self.asset_ids:
            end, arrived = self.remaining.index(self.last_id) + 1, set(chunk)
            self._missing += [asset_id for asset_id in self.remaining[:end] if asset_id not in arrived]
            self.remaining = self.remaining[end:]

    def _interruption(self, error: AppError) -> str:
        if not self.asset_ids:
            return _("Interrupted: %(reason)s The labels after these are missing.", reason=error.message)
        count = len(self.remaining)
        return ngettext(
            "Interrupted: %(reason)s The label of %(count)s asset is missing.",
            "Interrupted: %(reason)s The labels of %(count)s assets are missing.",
            count,
            reason=error.message,
            count=f"{count:,}",
        )

    def _missing_notice(self) -> str:
        ids = ", ".join(map(str, self._missing[:MAX_MISSING_LISTED])) + (", …" if len(self._missing) > MAX_MISSING_LISTED else "")
        count = len(self._missing)
        return ngettext("%(count)s asset was not found: %(ids)s.", "%(count)s assets were not found: %(ids)s.", count, count=count, ids=ids)
