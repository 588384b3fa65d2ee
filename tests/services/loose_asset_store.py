"""An asset store in memory that, like Request Tracker, allows duplicate names and serial numbers, and calls functions of the test."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore, NewAsset

Do = Callable[[], int]
"""Creates the asset, and returns its number."""


class LooseAssetStore(AssetStore):
    """`on_create` gets the asset and the function that creates it: it may fail before or after the call, refuse, or wait. `on_search` is
    called before each search."""

    kind = "rt"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.assets: dict[int, Asset] = {}
        self.on_create: Callable[[NewAsset, Do], int] = lambda _new, do: do()
        self.on_search: Callable[[], None] = lambda: None
        self.calls: list[str] = []

    def workers(self) -> int:
        return 4

    def add(self, name: str, **fields: str) -> int:
        """An asset that a person creates there."""
        with self._lock:
            asset_id = len(self.assets) + 1
            self.assets[asset_id] = Asset(asset_id, name, **fields)
            return asset_id

    def with_serial(self, serial: str) -> list[Asset]:
        return [asset for asset in self.assets.values() if asset.serial.lower() == serial.lower()]

    def create(self, new: NewAsset) -> int:
        self.calls.append("create")
        return self.on_create(new, lambda: self.add(new.name, serial=new.serial, model=new.model, catalog=new.catalog))

    def find_by_serial(self, serial: str) -> list[Asset]:
        self._searched("find_by_serial")
        return self.with_serial(serial)

    def find_by_serials(self, serials: Iterable[str]) -> list[Asset]:
        self._searched("find_by_serials")
        return [asset for serial in {serial.lower() for serial in serials} for asset in self.with_serial(serial)]

    def find_by_name(self, name: str) -> list[Asset]:
        self._searched("find_by_name")
        return [asset for asset in self.assets.values() if asset.name == name]

    def find_by_names(self, names: Iterable[str]) -> list[Asset]:
        self._searched("find_by_names")
        wanted = set(names)
        return [asset for asset in self.assets.values() if asset.name in wanted]

    def find_by_serials_or_names(self, serials: Iterable[str], names: Iterable[str]) -> list[Asset]:
        self._searched("find_by_serials_or_names")
        folded, wanted = {serial.lower() for serial in serials}, set(names)
        return [asset for asset in self.assets.values() if asset.serial.lower() in folded or asset.name in wanted]

    def get(self, asset_id: int) -> Asset:
        if asset_id not in self.assets:
            raise AssetNotFound("Asset not found")
        return self.assets[asset_id]

    def get_many(self, asset_ids: Iterable[int]) -> Iterator[list[Asset]]:
        yield [self.assets[each] for each in asset_ids if each in self.assets]

    def rename(self, asset_id: int, name: str, *, old_name: str | None = None) -> str:
        old = self.get(asset_id)
        self.assets[asset_id] = replace(old, name=name)
        return old.name

    def _searched(self, method: str) -> None:
        self.calls.append(method)
        self.on_search()
