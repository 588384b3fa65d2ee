"""The embedded asset store, which fails on demand as an asset store may."""

from collections.abc import Iterable, Iterator

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset, AssetStoreUnreachable, NewAsset
from request_tracker_utils.core.db import reading, transaction


class FailingAssetStore(EmbeddedAssetStore):
    """`fails` maps a method's name to the error that it raises; `after` lets the method do its work first."""

    def __init__(self) -> None:
        super().__init__(transaction, reading, "http://tests.example", "General assets")
        self.fails: dict[str, Exception] = {}
        self.after = False
        self.calls: list[str] = []

    def asset(self, name: str = "unlabelled", **fields: str) -> int:
        """A new asset's id."""
        return super().create(NewAsset(name, **fields))

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        self._call("get_many")
        return super().get_many(asset_ids)

    def rename(self, asset_id: int, name: str, *, old_name: str | None = None) -> str:
        if self.after:
            super().rename(asset_id, name)
        self._call("rename")
        return super().rename(asset_id, name)

    def create(self, new: NewAsset) -> int:
        if self.after:
            super().create(new)
        self._call("create")
        return super().create(new)

    def _call(self, method: str) -> None:
        self.calls.append(method)
        if method in self.fails:
            raise self.fails[method]


def silence() -> AssetStoreUnreachable:
    return AssetStoreUnreachable("The asset store does not answer.")
