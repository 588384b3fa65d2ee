"""Addresses of assets, as the QR codes of our labels contain them: of the asset's page in Request Tracker, or in this program."""

import re
from urllib.parse import SplitResult, urlsplit

from request_tracker_utils.asset_store.service import LARGEST_ID, Asset, AssetStore
from request_tracker_utils.core.scanned_text import readings

_ASSET_ID_AT_END = re.compile(r"[=/]([0-9]{1,10})$")


def asset_id_at(asset_store: AssetStore, text: str, own_address: str) -> int | None:
    """The ID of the asset whose page the scanned or typed address leads to; None for any other text. Does not ask the asset store.

    `own_address` is the public URL of this program.
    """
    url = readings(text)[-1]
    match = _ASSET_ID_AT_END.search(url) if "://" in url else None
    number = int(match.group(1)) if match else 0
    if not 0 < number <= LARGEST_ID:
        return None
    pages = (asset_store.page_address(number), f"{own_address}/assets/{number}")
    return number if _comparable(url) in map(_comparable, pages) else None


def find_by_address(asset_store: AssetStore, text: str, own_address: str, *, catalog: str = "") -> list[Asset] | None:
    """The asset at the address, or an empty list if it does not exist or belongs to another catalog. None for any other text."""
    asset_id = asset_id_at(asset_store, text, own_address)
    if asset_id is None:
        return None
    found = [asset for chunk in asset_store.get_many([asset_id]) for asset in chunk]
    return [asset for asset in found if not catalog or asset.catalog.casefold() == catalog.casefold()]


def host_of(url: str) -> str:
    """With its port; empty for any other text."""
    return _split(url).netloc


def _comparable(url: str) -> tuple[str, int | None, str, str]:
    """Equal for two URLs of one page. The scheme is ignored: labels outlive a change from http to https."""
    parts = _split(url)
    default_port = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return (parts.hostname or "").casefold(), None if port == default_port else port, parts.path, parts.query


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")
