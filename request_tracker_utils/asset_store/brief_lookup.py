"""Finds assets while a person waits: for one second at most, whatever Request Tracker does."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from time import monotonic

from request_tracker_utils.asset_store.service import Asset, AssetStore, AssetStoreBusy, AssetStoreUnreachable
from request_tracker_utils.core.translation import gettext as _

LONGEST_WAIT = 1.0
"""Seconds."""
WORKERS = 8
"""Requests at a time. Those that nobody waits for any more end with their own timeout."""


@dataclass(frozen=True)
class AssetKeys:
    """Assets with any of these are found. Serial numbers ignore case."""

    names: Sequence[str] = ()
    serials: Sequence[str] = ()
    asset_ids: Sequence[int] = ()

    def __bool__(self) -> bool:
        return bool(self.names or self.serials or self.asset_ids)


class BriefLookup:
    """Its threads may share it. `slots` limits how many requests of this program wait for the asset store."""

    def __init__(self, asset_store: AssetStore, *, slots: BoundedSemaphore | None = None, longest_wait: float = LONGEST_WAIT) -> None:
        self._asset_store, self._slots, self._longest_wait = asset_store, slots, longest_wait
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="brief-lookup")

    def __call__(self, keys: AssetKeys) -> list[Asset]:
        """The assets, by id, without deleted ones. Call it without an open transaction. Raises errors of the asset store."""
        calls: list[Callable[[], list[Asset]]] = []
        if keys.asset_ids:
            calls.append(lambda: [asset for chunk in self._asset_store.get_many(keys.asset_ids) for asset in chunk])
        if keys.names:
            calls.append(partial(self._asset_store.find_by_names, keys.names))
        if keys.serials:
            calls.append(partial(self._asset_store.find_by_serials, keys.serials))
        # The embedded store answers from our own database, whose sessions belong to this thread.
        answers = [call() for call in calls] if self._asset_store.kind == "embedded" else self._together(calls)
        found = {asset.id: asset for assets in answers for asset in assets if not asset.is_deleted}
        return [found[asset_id] for asset_id in sorted(found)]

    def _together(self, calls: Sequence[Callable[[], list[Asset]]]) -> list[list[Asset]]:
        ends_at = monotonic() + self._longest_wait
        if self._slots is not None and not self._slots.acquire(timeout=self._longest_wait):
            raise AssetStoreBusy(_("Many requests are waiting for Request Tracker. Try again in a few seconds."))
        try:
            futures: list[Future[list[Asset]]] = [self._pool.submit(call) for call in calls]
            late = wait(futures, timeout=max(0.0, ends_at - monotonic())).not_done
            for future in late:
                future.cancel()
            if late:
                seconds = f"{self._longest_wait:g}"
                raise AssetStoreUnreachable(_("Request Tracker did not answer within %(seconds)s s. Try again.", seconds=seconds))
            return [future.result() for future in futures]
        finally:
            if self._slots is not None:
                self._slots.release()
