"""Assets and devices are one inventory: an asset that is not a device yet is found by tag or serial number, and used like a device.

Look-ups write nothing: they return a Device without a row (its `id` is None), and `devices.lock` creates the row when the first change
needs it. Only what is unknown here is asked of the asset store, without an open transaction and briefly.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.brief_lookup import AssetKeys
from request_tracker_utils.asset_store.service import Asset, AssetStoreBusy, AssetStoreUnreachable
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.service import TagLookup
from request_tracker_utils.students import devices
from request_tracker_utils.students.errors import AmbiguousAsset, AssetStoreSilent, DeviceNotFound, InvalidField
from request_tracker_utils.students.fields import DEVICE_TEXT_LENGTHS, device_fields
from request_tracker_utils.students.models import HAS_CATALOG, IS_UNREAD, DeletedDevice, Device, DeviceStatus

MAX_NAME_LENGTH = 100
"""Characters of a tag or serial number. Longer texts are asked of nobody."""
SHOWN = 60
"""Characters of an unknown text that an error shows."""


@dataclass(frozen=True)
class FoundAsset:
    """An asset with its device, or why it cannot be used as one."""

    asset: Asset
    tag: str
    device: Device | None = None
    problem: AppError | None = None

    def has_tag(self, text: str) -> bool:
        return bool(self.tag) and search_key(self.tag) == search_key(text)

    def has_serial(self, text: str) -> bool:
        return any(search_key(serial) == search_key(text) for serial in self.asset.serials if serial)


@dataclass(frozen=True)
class Inventory:
    """`find_assets` asks the asset store for a second at most; `tags` knows which asset has which tag. Without `catalogs` (DEVICE_CATALOGS)
    the catalogs of the existing devices apply."""

    reading: Reading
    find_assets: Callable[[AssetKeys], list[Asset]]
    tags: TagLookup
    catalogs: tuple[str, ...]
    clock: Callable[[], datetime]

    def find(self, asset_tag: str) -> Device:
        """By tag, in any case. Raises DeviceNotFound, AmbiguousAsset, AssetStoreSilent."""
        with self.reading() as session:
            known = devices.get_many(session, [asset_tag]).get(search_key(asset_tag))
        if known is not None:
            return known
        found = self.find_new([asset_tag]).get(search_key(asset_tag))
        if isinstance(found, Device):
            return found
        raise found or devices.not_found(asset_tag)

    def find_new(self, tags: Iterable[str]) -> dict[str, Device | AppError]:
        """Key of the tag → the asset as a device, or why it cannot be one; for the tags that no device has. Tags that the asset store
        does not have either are omitted."""
        by_key = {search_key(tag): tag.strip() for tag in tags if _is_name(tag)}
        with self.reading() as session:
            known, deleted = devices.get_many(session, list(by_key)), _deleted_tags(session, list(by_key))
        unknown = [tag for key, tag in by_key.items() if key not in known]
        asset_of = self.tags.assets_by_tag(unknown)
        found: dict[str, Device | AppError] = {}
        for tag in unknown:
            deletion = deleted.get(search_key(tag))
            # An asset that has the tag since then is another one.
            if deletion and (deletion.asset_id is None or asset_of.get(tag, deletion.asset_id) == deletion.asset_id):
                found[search_key(tag)] = devices.was_deleted(tag, deletion)
        asked = [tag for tag in unknown if search_key(tag) not in found]
        try:
            entries = self.find_keys(self.keys_of(asked, asset_of))
        except AssetStoreSilent as error:
            return found | {search_key(tag): _silent_about(tag, error) for tag in asked}
        for tag in asked:
            if result := _by_tag(entries, tag, asset_of.get(tag)):
                found[search_key(tag)] = result
        return found

    def keys_of(self, names: Sequence[str], asset_of: Mapping[str, int], serials: Sequence[str] = ()) -> AssetKeys:
        """What to ask about these names. A tag that was assigned here is asked by the number of its asset."""
        others = {spelling for name in names if name not in asset_of for spelling in (name, self.tags.canonical_tag(name)) if spelling}
        return AssetKeys(sorted(others), list(serials), sorted({asset_of[name] for name in names if name in asset_of}))

    def find_keys(self, keys: AssetKeys) -> list[FoundAsset]:
        """The assets, each with its device. Raises AssetStoreSilent."""
        try:
            assets = self.find_assets(keys) if keys else []
        except AppError as error:
            raise _silent(error) from None
        tag_of = self.tags.tags_by_asset([asset.id for asset in assets])
        named = [(asset, tag_of.get(asset.id) or asset.name.strip()) for asset in assets]
        tags = [tag for _asset, tag in named]
        with self.reading() as session:
            by_key = devices.get_many(session, tags)
            by_asset = _by_asset(session, [asset.id for asset in assets])
            deleted = devices.deletions(session, [search_key(tag) for tag in tags], [asset.id for asset in assets])
            catalogs = {name.casefold() for name in self.catalogs} or _catalogs_in_use(session)
        deletions = {deletion.asset_id or deletion.tag_key: deletion for deletion in deleted}
        asked = {search_key(name) for name in keys.names}
        found = []
        for asset, tag in named:
            key = search_key(tag)
            device = by_asset.get(asset.id) or by_key.get(key)
            deletion = deletions.get(asset.id) or deletions.get(key)
            if device is None and deletion is None:
                has_tag = asset.id in tag_of or key in asked or bool(self.tags.canonical_tag(tag))
                found.append(self._as_device(asset, tag if has_tag else "", catalogs))
            elif device is None:
                found.append(FoundAsset(asset, tag, problem=devices.was_deleted(tag, deletion)))  # type: ignore[arg-type]
            elif device.asset_id in (None, asset.id):
                found.append(FoundAsset(asset, tag, device))
            else:
                values = {"asset": asset.id, "tag": device.asset_tag, "other": device.asset_id}
                message = _("Asset #%(asset)s is named %(tag)s, but the device %(tag)s is asset #%(other)s. Rename one of them.", **values)
                found.append(FoundAsset(asset, tag, problem=AmbiguousAsset(message)))
        return found

    def _as_device(self, asset: Asset, tag: str, catalogs: set[str]) -> FoundAsset:
        if catalogs and asset.catalog.casefold() not in catalogs:
            values = {"tag": tag or f"#{asset.id}", "catalog": asset.catalog}
            reason = _("%(tag)s is in the catalog %(catalog)s, which has no devices. Set DEVICE_CATALOGS, or add it as a device.", **values)
            return FoundAsset(asset, tag, problem=DeviceNotFound("Device not found", reason=reason))
        if not tag:
            reason = _("Asset #%(asset)s has no tag yet. Assign a tag to it first.", asset=asset.id)
            return FoundAsset(asset, tag, problem=DeviceNotFound("Device not found", reason=reason))
        try:
            return FoundAsset(asset, tag, device_of(asset, tag, now=self.clock()))
        except InvalidField as error:
            values = {"asset": str(asset.id), "problem": error.message}
            reason = _("Asset #%(asset)s has no tag that a device can have. %(problem)s", **values)
            return FoundAsset(asset, tag, problem=DeviceNotFound("Device not found", reason=reason))


def device_of(asset: Asset, tag: str, *, now: datetime) -> Device:
    """The asset as a device without a row. Raises InvalidField for a tag that no device can have."""
    empty = {"asset_tag": tag, "asset_id": asset.id, "serial_number": "", "model": "", "building": "", "condition": "good"}
    columns = {"catalog": "", **device_fields(empty), **details_of(asset)}
    return Device(**columns, status=DeviceStatus.AVAILABLE, accessories=[], asset_read_at=now)


def details_of(asset: Asset) -> dict[str, object]:
    """What a device has from its asset: only values that are set and valid, so that they never replace good ones by empty ones."""
    details: dict[str, object] = {"catalog": asset.catalog[:255]} if asset.catalog else {}
    values = {"serial_number": asset.serial, "model": asset.model[: DEVICE_TEXT_LENGTHS["model"]]}
    for field, value in values.items():
        try:
            details |= device_fields({field: value}) if value.strip() else {}
        except InvalidField:
            continue
    return details


def _by_tag(entries: Sequence[FoundAsset], tag: str, asset_id: int | None) -> Device | AppError | None:
    """The device with this tag, which the asset with this number has if that is known here."""
    matching = [entry for entry in entries if (entry.asset.id == asset_id if asset_id else entry.has_tag(tag))]
    if len(matching) > 1:
        return ambiguous(tag, matching)
    return (matching[0].device or matching[0].problem) if matching else None


def ambiguous(text: str, entries: Sequence[FoundAsset]) -> AmbiguousAsset:
    numbers = ", ".join(f"#{entry.asset.id}" for entry in entries)
    values = {"text": text[:SHOWN], "numbers": numbers}
    return AmbiguousAsset(_("Several assets in Request Tracker match %(text)s: %(numbers)s. Change all but one.", **values))


def _by_asset(session: Session, asset_ids: Sequence[int]) -> dict[int, Device]:
    return {int(device.asset_id or 0): device for device in session.scalars(select(Device).where(Device.asset_id.in_(asset_ids)))}


def _deleted_tags(session: Session, keys: Sequence[str]) -> dict[str, DeletedDevice]:
    return {each.tag_key: each for each in session.scalars(select(DeletedDevice).where(DeletedDevice.tag_key.in_(keys)))}


def _catalogs_in_use(session: Session) -> set[str]:
    """Catalogs of devices, in lower case. Empty while they are not known: some devices were not read from the asset store yet."""
    if session.scalar(select(Device.id).where(IS_UNREAD).limit(1)):
        return set()
    found, last = set[str](), ""
    # One step of the index for each catalog, instead of one for each device.
    while last := session.scalar(select(func.min(Device.catalog)).where(HAS_CATALOG, Device.catalog > last)) or "":
        found.add(last.casefold())
    return found


def _is_name(text: str) -> bool:
    return 0 < len(text.strip()) <= MAX_NAME_LENGTH and text.isprintable()


def _silent(error: AppError) -> AssetStoreSilent:
    if isinstance(error, (AssetStoreUnreachable, AssetStoreBusy)):
        return AssetStoreSilent(_("Request Tracker did not answer within a second. Try again, or check Request Tracker."))
    return AssetStoreSilent(_("Request Tracker could not be searched. %(problem)s", problem=error.message))


def _silent_about(text: str, error: AssetStoreSilent) -> AssetStoreSilent:
    return AssetStoreSilent(_("%(text)s is unknown here. %(problem)s", text=text[:SHOWN], problem=error.message))
