"""Finding assets as people look for them: by what they scan or type, by who holds them, by catalog."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetPage, AssetStore
from request_tracker_utils.core.db import Reading
from request_tracker_utils.tags import lookup, sequence
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.tag_format import TagName, claimed_number


@dataclass(frozen=True)
class Asked:
    """`text` is a tag, or a part of a name, serial number or model; `holder` is the whole name of a user. All that is said must hold."""

    text: str = ""
    catalog: str = ""
    holder: str = ""

    @property
    def narrows(self) -> bool:
        return bool(self.text or self.catalog or self.holder)


@dataclass(frozen=True)
class Found:
    """`tags` are those of the page's assets by their numbers. `exact` is the one asset whose tag or serial number the text is."""

    page: AssetPage
    tags: dict[int, Tag]
    exact: Asset | None = None


def find(reading: Reading, asset_store: AssetStore, asked: Asked, *, prefix: str, page: int) -> Found:
    """A page of what is found. An asset whose tag in our books is the text comes first, whatever the directory calls it yet.

    Digits alone may be the number of a tag with `prefix`. Raises what the directory raises.
    """
    found = asset_store.search(asked.text, catalog=asked.catalog, holder=asked.holder, page=page)
    tagged = _with_tag(reading, asset_store, asked, found.assets, prefix) if asked.text and page == 1 else []
    others = [asset for asset in found.assets if asset not in tagged]
    shown = replace(found, assets=tagged + others)
    with reading() as session:
        tags = lookup.tags_of_assets(session, [asset.id for asset in shown.assets])
    exact = [*tagged, *_with_serial(others, asked.text)] if page == 1 else []
    return Found(shown, tags, exact[0] if len(exact) == 1 else None)


def _with_tag(reading: Reading, asset_store: AssetStore, asked: Asked, seen: list[Asset], prefix: str) -> list[Asset]:
    """The assets that have the tag in our books, in the order of prefixes. Asks the directory for those that it has not named yet."""
    with reading() as session:
        names = _tags_meant(asked.text, sequence.prefixes(session), prefix)
        held = lookup.find_assigned(session, map(str, names))
    known = {asset.id: asset for asset in seen}
    ids = [int(tag.asset_id or 0) for tag in held.values()]
    for asset_id in ids:
        if asset_id not in known:
            try:
                known[asset_id] = asset_store.get(asset_id)
            except AssetNotFound:
                continue  # its tag is looked after elsewhere
    return [known[asset_id] for asset_id in ids if asset_id in known and _fits(known[asset_id], asked)]


def _tags_meant(text: str, prefixes: Sequence[str], usual: str) -> list[TagName]:
    """The tags that the text may be, in any case and with as many noughts as somebody types: `w12-7`, `7`."""
    named = [(prefix, text[len(prefix) :]) for prefix in prefixes if text[: len(prefix)].casefold() == prefix.casefold()]
    numbered = [(prefix, claimed_number(prefix + rest, prefix)) for prefix, rest in [*named, (usual, text)]]
    return [TagName(prefix, number) for prefix, number in numbered if number]


def _fits(asset: Asset, asked: Asked) -> bool:
    in_catalog = not asked.catalog or asset.catalog.casefold() == asked.catalog.casefold()
    return in_catalog and (not asked.holder or asset.is_held_by(asked.holder))


def _with_serial(assets: list[Asset], text: str) -> list[Asset]:
    return [asset for asset in assets if text and asset.serial.casefold() == text.casefold()]
