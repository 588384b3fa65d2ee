"""Whether serial numbers are free: in the asset store, and among the creations in progress."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.assets import claims
from request_tracker_utils.assets.fields import serial_key, serial_problem
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import lookup


@dataclass(frozen=True)
class SerialCheck:
    """`problem` is empty if the serial number is free. `asset_id` and `tag` are those of the asset that has it, if known."""

    serial: str
    problem: str = ""
    asset_id: int | None = None
    tag: str = ""


def check_serials(reading: Reading, asset_store: AssetStore, serials: Sequence[str]) -> list[SerialCheck]:
    """One result for each, in the same order. One request to the asset store for 200. Raises its errors."""
    invalid = {serial: problem.message for serial in serials if (problem := serial_problem(serial))}
    valid = [serial for serial in serials if serial not in invalid]
    with reading() as session:  # before the asset store is searched, which finds what is created in between
        in_progress = claims.open_creations(session, valid)
    existing = assets_by_serial(asset_store, valid)
    with reading() as session:
        tagged = lookup.tags_of_assets(session, [assets[0].id for assets in existing.values()])

    def check(serial: str) -> SerialCheck:
        if serial in invalid:
            return SerialCheck(serial, invalid[serial])
        if assets := existing.get(serial_key(serial)):
            tag = tagged.get(assets[0].id)
            return SerialCheck(serial, _("Serial number already exists"), assets[0].id, tag.tag if tag else "")
        return SerialCheck(
            serial, _("Another request is creating an asset with this serial number") if serial_key(serial) in in_progress else ""
        )

    return [check(serial) for serial in serials]


def assets_by_serial(asset_store: AssetStore, serials: Sequence[str]) -> dict[str, list[Asset]]:
    """Serial key → the assets with this serial number, by id. One request to the asset store for 200."""
    found: dict[str, list[Asset]] = defaultdict(list)
    for asset in asset_store.find_by_serials(serials) if serials else []:
        for serial in {asset.serial, *asset.serial.split(", ")}:  # a field of Request Tracker may have several values
            found[serial_key(serial)].append(asset)
    return found
