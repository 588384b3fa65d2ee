"""The label of an asset."""

from urllib.parse import urlsplit

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.labels.drawing import LabelContent

MOST_LABELS = 5_000
"""Labels of one page: as many as a browser still prints."""


def one(asset_store: AssetStore, *, asset_id: int | None, name: str | None) -> Asset:
    """The asset of this number or, without one, of this name. Raises AssetNotFound, Conflict when several have the name."""
    if asset_id is not None:
        return asset_store.get(asset_id)
    found = asset_store.find_by_name(name or "")
    if not found:
        raise AssetNotFound("Asset not found", name=name)
    if len(found) > 1:
        numbers = ", ".join(str(asset.id) for asset in found)
        raise Conflict(f"Several assets are called {name}: {numbers}. Print by asset_id.")
    return found[0]


def content(asset_store: AssetStore, asset: Asset) -> LabelContent:
    return LabelContent.from_asset(asset, asset_store.page_address(asset.id))


def address_warnings(asset_store: AssetStore) -> list[str]:
    """What to know about the addresses in QR codes."""
    address = asset_store.page_address(1)
    if urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1"):
        here = urlsplit(address).netloc
        return [f"The QR codes lead to {here}, which only this computer reaches. Set APP_URL (or RT_URL) before sticking labels on."]
    return []
