"""Searching assets: by what users scan or type, by holder, by catalog."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from request_tracker_utils.asset_store.addresses import find_by_address
from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetPage, AssetStore
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.scanned_text import readings, serial_readings
from request_tracker_utils.tags import lookup, sequence
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.tag_format import TagName, claimed_number


@dataclass(frozen=True)
class AssetQuery:
    """`text` is a tag, or a part of a name, serial number or model; `holder` is a whole user name. All conditions must match."""

    text: str = ""
    catalog: str = ""
    holder: str = ""

    @property
    def has_conditions(self) -> bool:
        return bool(self.text or self.catalog or self.holder)


@dataclass(frozen=True)
class SearchResult:
    """`tags` maps the ids of the page's assets to their tags. `exact` is the asset with the text as its tag or serial number, if exactly
    one matches."""

    page: AssetPage
    tags: dict[int, Tag]
    exact: Asset | None = None
    tag_behind_layout: TagName | None = None
    """What a scanner with another keyboard language meant by a text that finds nothing."""


def search(reading: Reading, asset_store: AssetStore, query: AssetQuery, *, prefix: str, page: int, own_address: str) -> SearchResult:
    """A page of results. The asset with the text as its tag is first, even if the asset store does not have the tag as its name yet.

    The address of an asset, as in the QR code of its label, finds that asset; `own_address` is the public URL of this program.
    Digits alone may be the number of a tag with `prefix`. If nothing matches the text as it is, it is searched for as a scanned code: with
    hyphens, without a symbology prefix, or as a serial number after a manufacturer's prefix. Raises the asset store's errors.
    """
    named = find_by_address(asset_store, query.text, own_address)
    if named is not None:
        return _result(reading, [asset for asset in named if _matches(asset, query)])
    result = _search(reading, asset_store, query, prefix=prefix, page=page)
    if result.page.assets or not query.text or page > 1:
        return result
    for text in readings(query.text)[1:]:
        meant = _search(reading, asset_store, replace(query, text=text), prefix=prefix, page=page)
        if meant.page.assets:
            return meant
    if found := _with_serials(reading, asset_store, query):
        return found
    with reading() as session:
        return replace(result, tag_behind_layout=lookup.tag_behind_layout(session, query.text))


def _search(reading: Reading, asset_store: AssetStore, query: AssetQuery, *, prefix: str, page: int) -> SearchResult:
    found = asset_store.search(query.text, catalog=query.catalog, holder=query.holder, page=page)
    tagged = _with_tag(reading, asset_store, query, found.assets, prefix) if query.text and page == 1 else []
    others = [asset for asset in found.assets if asset not in tagged]
    shown = replace(found, assets=tagged + others)
    with reading() as session:
        tags = lookup.tags_of_assets(session, [asset.id for asset in shown.assets])
    exact = [*tagged, *_with_serial(others, query.text)] if page == 1 else []
    return SearchResult(shown, tags, exact[0] if len(exact) == 1 else None)


def _with_serials(reading: Reading, asset_store: AssetStore, query: AssetQuery) -> SearchResult | None:
    """The assets with a serial number that follows a manufacturer's prefix in the text."""
    serials = serial_readings(query.text)
    assets = [asset for asset in asset_store.find_by_serials(serials) if _matches(asset, query)] if serials else []
    return _result(reading, assets) if assets else None


def _result(reading: Reading, assets: list[Asset]) -> SearchResult:
    """All of them, on one page."""
    with reading() as session:
        tags = lookup.tags_of_assets(session, [asset.id for asset in assets])
    return SearchResult(AssetPage(assets, 1, more=False), tags, assets[0] if len(assets) == 1 else None)


def _with_tag(reading: Reading, asset_store: AssetStore, query: AssetQuery, found: list[Asset], prefix: str) -> list[Asset]:
    """The assets that have the tag, in the order of prefixes. Those that are not among `found` are read from the asset store."""
    with reading() as session:
        names = _possible_tags(query.text, sequence.prefixes(session), prefix)
        assigned = lookup.find_assigned(session, map(str, names))
    known = {asset.id: asset for asset in found}
    ids = [int(tag.asset_id or 0) for tag in assigned.values()]
    for asset_id in ids:
        if asset_id not in known:
            try:
                known[asset_id] = asset_store.get(asset_id)
            except AssetNotFound:
                continue  # the job that confirms tags handles it
    return [known[asset_id] for asset_id in ids if asset_id in known and _matches(known[asset_id], query)]


def _possible_tags(text: str, prefixes: Sequence[str], default: str) -> list[TagName]:
    """The tags that the text may mean, in any case and with any number of leading zeros: `w12-7`, `7`."""
    named = [(prefix, text[len(prefix) :]) for prefix in prefixes if text[: len(prefix)].casefold() == prefix.casefold()]
    numbered = [(prefix, claimed_number(prefix + rest, prefix)) for prefix, rest in [*named, (default, text)]]
    return [TagName(prefix, number) for prefix, number in numbered if number]


def _matches(asset: Asset, query: AssetQuery) -> bool:
    in_catalog = not query.catalog or asset.catalog.casefold() == query.catalog.casefold()
    return in_catalog and (not query.holder or asset.is_held_by(query.holder))


def _with_serial(assets: list[Asset], text: str) -> list[Asset]:
    return [asset for asset in assets if text and asset.serial.casefold() == text.casefold()]
