"""Whether serial numbers are free: in the directory, and among those that are being created at this moment."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.assets import claims
from request_tracker_utils.assets.fields import key, serial_problem
from request_tracker_utils.core.db import Reading
from request_tracker_utils.tags import lookup

IN_FLIGHT = "Serial number is being created at this moment"
TAKEN = "Serial number already exists"


@dataclass(frozen=True)
class SerialFound:
    """`problem` is empty for one that is free. `asset_id` and `tag` are those of the asset that has it, where there is one with a tag."""

    serial: str
    problem: str = ""
    asset_id: int | None = None
    tag: str = ""


def check(reading: Reading, asset_store: AssetStore, serials: Sequence[str]) -> list[SerialFound]:
    """What stands against each, in their order. One request to the directory for 200. Raises what the directory raises."""
    unfit = {serial: problem.message for serial in serials if (problem := serial_problem(serial))}
    sound = [serial for serial in serials if serial not in unfit]
    with reading() as session:  # before the directory: what ends in between is found there
        under_way = claims.holders(session, sound)
    holders = holders_of(asset_store, sound)
    with reading() as session:
        tagged = lookup.tags_of_assets(session, [assets[0].id for assets in holders.values()])

    def found(serial: str) -> SerialFound:
        if serial in unfit:
            return SerialFound(serial, unfit[serial])
        if assets := holders.get(key(serial)):
            holder = assets[0]
            tag = tagged.get(holder.id)
            return SerialFound(serial, TAKEN, holder.id, tag.tag if tag else "")
        return SerialFound(serial, IN_FLIGHT if key(serial) in under_way else "")

    return [found(serial) for serial in serials]


def holders_of(asset_store: AssetStore, serials: Sequence[str]) -> dict[str, list[Asset]]:
    """Serial number in small letters → the directory's assets that have it, by id. One request for 200."""
    found: dict[str, list[Asset]] = defaultdict(list)
    for asset in asset_store.find_by_serials(serials) if serials else []:
        for serial in {asset.serial, *asset.serial.split(", ")}:  # Request Tracker's fields may hold several values
            found[key(serial)].append(asset)
    return found
