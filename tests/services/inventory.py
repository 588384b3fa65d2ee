"""The inventory of a school whose assets are a list."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from request_tracker_utils.asset_store.brief_lookup import AssetKeys
from request_tracker_utils.asset_store.service import Asset, AssetStoreUnreachable
from request_tracker_utils.core.db import reading
from request_tracker_utils.labels.service import TagRange
from request_tracker_utils.students.inventory import Inventory
from tests.services.school import NOW


@dataclass
class AssetList:
    """Finds assets, and knows the tags that were assigned here. `asked` are the searches so far."""

    assets: list[Asset] = field(default_factory=list)
    tags: dict[int, str] = field(default_factory=dict)
    silent: bool = False
    asked: list[AssetKeys] = field(default_factory=list)

    def __call__(self, keys: AssetKeys) -> list[Asset]:
        self.asked.append(keys)
        if self.silent:
            raise AssetStoreUnreachable("no answer")
        serials = {serial.lower() for serial in keys.serials}
        return [
            asset
            for asset in self.assets
            if asset.id in keys.asset_ids or asset.name in keys.names or serials & {each.lower() for each in asset.serials if each}
        ]

    def assets_by_tag(self, texts: Iterable[str]) -> dict[str, int]:
        return {text: asset_id for text in texts for asset_id, tag in self.tags.items() if tag.lower() == text.lower()}

    def tags_by_asset(self, asset_ids: list[int]) -> dict[int, str]:
        return {asset_id: self.tags[asset_id] for asset_id in asset_ids if asset_id in self.tags}

    def canonical_tag(self, text: str) -> str | None:
        return text.upper() if text.upper().startswith("W12-") and text[4:].isdigit() else None

    def tag_behind_layout(self, text: str) -> str | None:
        raise NotImplementedError

    def tag_range(self, first: str, last: str, *, limit: int) -> TagRange:
        raise NotImplementedError

    def inventory(self, *catalogs: str) -> Inventory:
        return Inventory(reading, self, self, catalogs, lambda: NOW)
