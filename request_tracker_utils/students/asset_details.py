"""Copies model, serial number and catalog of devices from their assets, which are the source of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.core.clock import column_is_over
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.text import search_key
from request_tracker_utils.students.inventory import details_of
from request_tracker_utils.students.models import IS_UNREAD, Device
from request_tracker_utils.tags import lookup

BATCH = 100
"""Devices whose assets are read with one request."""
REFRESH_AFTER = timedelta(days=1)
"""How often each device is read again."""


def complete_devices(
    transaction: Transaction, asset_store: AssetStore, *, clock: Callable[[], datetime], stopping: Callable[[], bool]
) -> int:
    """Reads the assets of new devices, and of those that were not read for a day. Returns how many devices have changed. Raises the errors
    of the asset store; the devices that were not read are read by the next run."""
    changed, started_at = 0, clock()
    while not stopping() and (due := _due(transaction, started_at)):
        asset_of = _assets_of(asset_store, due)
        with transaction(durable=False) as session:  # a copy, which the next run makes again
            changed += _update(session, [device.id for device, _asset_id in due], asset_of, now=started_at)
    return changed


def _due(transaction: Transaction, now: datetime) -> list[tuple[Device, int | None]]:
    """Devices, each with the number of its asset: the one that is linked to it, or has its tag. Two queries, each with one index."""
    with transaction(durable=False) as session:
        found = list(session.scalars(select(Device).where(IS_UNREAD).order_by(Device.id).limit(BATCH)))
        if not found:
            stale = select(Device).where(column_is_over(Device.asset_read_at, REFRESH_AFTER, now)).order_by(Device.asset_read_at, Device.id)
            found = list(session.scalars(stale.limit(BATCH)))
        tags = lookup.find_assigned(session, [device.asset_tag for device in found if device.asset_id is None])
    return [(device, device.asset_id or (tags[device.asset_tag].asset_id if device.asset_tag in tags else None)) for device in found]


def _assets_of(asset_store: AssetStore, due: Sequence[tuple[Device, int | None]]) -> dict[int, Asset]:
    """Device → its asset, if there is exactly one and it has the device's tag: one that was renamed may belong to another device."""
    ids, names = [asset_id for _device, asset_id in due if asset_id], [device.asset_tag for device, asset_id in due if not asset_id]
    by_id = {asset.id: asset for chunk in asset_store.get_many(ids) for asset in chunk} if ids else {}
    by_name: dict[str, list[Asset]] = {}
    for asset in asset_store.find_by_names(names) if names else []:
        by_name.setdefault(asset.name, []).append(asset)
    found = {}
    for device, asset_id in due:
        candidates = [by_id[asset_id]] if asset_id in by_id else by_name.get(device.asset_tag, [])
        if len(candidates) == 1 and not candidates[0].is_deleted and search_key(candidates[0].name) == device.tag_key:
            found[device.id] = candidates[0]
    return found


def _update(session: Session, device_ids: Sequence[int], asset_of: Mapping[int, Asset], *, now: datetime) -> int:
    """Does not set `updated_at`: nobody has changed the device, so an import of it can still be undone."""
    devices = select(Device).where(Device.id.in_(device_ids)).order_by(Device.tag_key).with_for_update()
    changed = 0
    for device in session.scalars(devices).all():
        asset = asset_of.get(device.id)
        if asset is None:
            continue
        new = {column: value for column, value in details_of(asset).items() if getattr(device, column) != value}
        if device.asset_id is None:
            _link(session, device, asset)
        if new:
            changed += 1
            for column, value in new.items():
                setattr(device, column, value)
    session.flush()
    session.execute(update(Device).where(Device.id.in_(device_ids)).values(asset_read_at=now))
    return changed


def _link(session: Session, device: Device, asset: Asset) -> None:
    """Unless another device is linked to the asset, which is a difference that a person resolves."""
    try:
        with session.begin_nested():
            device.asset_id = asset.id
    except IntegrityError:
        session.refresh(device)
