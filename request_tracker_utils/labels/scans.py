"""What a hand scanner read: which asset's label it is, or what it is instead."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from request_tracker_utils.asset_store.service import LARGEST_ID, AssetNotFound, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.labels import record
from request_tracker_utils.labels.errors import NotALabel
from request_tracker_utils.labels.tagbook import TagBook

LONGEST_SCAN = 500
"""Characters; no label of ours holds more."""
SHOWN = 60
_NUMBER_AT_THE_END = re.compile(r"[=/]([0-9]{1,10})$")


@dataclass(frozen=True)
class Scanned:
    """The asset, and what its label says: its tag, or the name that was printed."""

    asset_id: int
    name: str


def scan(
    transaction: Transaction, asset_store: AssetStore, tags: TagBook, *, text: str, own_address: str, actor: Actor, now: datetime
) -> Scanned:
    """Marks the label that was read as scanned. `own_address` is where people reach this program.

    The directory is asked only for an asset that neither has a tag nor had a label printed here. Raises NotALabel; what the
    directory raises, and then nothing is marked.
    """
    read = "".join(character for character in text if character.isprintable()).strip()
    asset_id = _asset_meant(asset_store, tags, read, own_address)
    tag = tags.tags_of([asset_id]).get(asset_id, "")
    with transaction() as session:
        printed = record.scan(session, asset_id, actor=actor, now=now)
        if printed is None and tag:
            record.scan_unprinted(session, asset_id, tag, actor=actor, now=now)
    if tag or printed is not None:
        return Scanned(asset_id, tag or printed or f"#{asset_id}")
    try:
        name = asset_store.get(asset_id).name.strip()
    except AssetNotFound:
        raise NotALabel(f"This is the address of asset #{asset_id}, and there is no such asset.") from None
    with transaction() as session:
        record.scan_unprinted(session, asset_id, name, actor=actor, now=now)
    return Scanned(asset_id, name or f"#{asset_id}")


def _asset_meant(asset_store: AssetStore, tags: TagBook, read: str, own_address: str) -> int:
    """The number of the asset. Raises NotALabel."""
    if not read:
        raise NotALabel("Nothing was read. Scan a label.")
    if len(read) > LONGEST_SCAN:
        raise NotALabel(f"This holds {len(read):,} characters, more than any label of ours.")
    if "://" in read:
        return asset_at(asset_store, read, own_address)
    asset_id = tags.assets_of([read]).get(read)
    if asset_id is None:
        tag = tags.spelt(read)
        if tag is not None:
            raise NotALabel(f"{tag} looks like a tag of ours, but no asset has it. Look into Tags, or print the label anew.")
        raise NotALabel(f"“{_short(read)}” is no tag of ours. If it is the maker’s bar code, scan our label beside it.")
    return asset_id


def asset_at(asset_store: AssetStore, address: str, own_address: str) -> int:
    """The asset whose page is at the address, in Request Tracker or here; nobody is asked. Raises NotALabel."""
    found = _NUMBER_AT_THE_END.search(address)
    number = int(found.group(1)) if found else 0
    if 0 < number <= LARGEST_ID:
        pages = (asset_store.page_address(number), f"{own_address}/assets/{number}")
        if _place(address) in map(_place, pages):
            return number
    host = _split(address).netloc
    if host in {_split(page).netloc for page in (asset_store.page_address(1), own_address)}:
        raise NotALabel(f"This is an address of {_short(host)}, but not that of an asset.")
    raise NotALabel(f"This is an address of {_short(host) or 'another place'}, not a label of ours.")


def _place(address: str) -> tuple[str, int | None, str, str]:
    """What two addresses of one page have in common: labels outlive a change from http to https."""
    parts = _split(address)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return (parts.hostname or "").casefold(), None if port == usual else port, parts.path, parts.query


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
