"""Whether serial numbers are free, checked by the hundred."""

from request_tracker_utils.assets import claims
from request_tracker_utils.assets.serials import SerialCheck, assets_by_serial, check_serials
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import service as tags
from tests.services.creations import ADA, laptop
from tests.unit.assets.installation import Installation

EXISTS = "Serial number already exists"
INVALID = "Serial number contains invalid characters"
IN_PROGRESS = "Another request is creating an asset with this serial number"


def check(installation: Installation, *serials: str) -> list[SerialCheck]:
    return check_serials(reading, installation.asset_store, serials)


def test_each_serial_is_answered_in_order_with_the_asset_that_has_it(installation: Installation) -> None:
    created = installation.creator.create(laptop("S-1"))
    untagged = installation.asset_store.add("by hand", serial="S-2")
    with transaction() as session:
        claims.claim(session, laptop("S-3"), actor=ADA, now=installation.clock())
    assert check(installation, "s-1", "no serial", "S-2", "s-3", "S-4", "S-1") == [
        SerialCheck("s-1", EXISTS, created.asset_id, created.tag),
        SerialCheck("no serial", INVALID),
        SerialCheck("S-2", EXISTS, untagged, ""),
        SerialCheck("s-3", IN_PROGRESS),
        SerialCheck("S-4"),
        SerialCheck("S-1", EXISTS, created.asset_id, created.tag),
    ]


def test_one_of_several_values_of_the_field_is_found(installation: Installation) -> None:
    asset_id = installation.asset_store.add("by hand", serial="OLD-1, S-1")
    assert [each.id for each in assets_by_serial(installation.asset_store, ["OLD-1, S-1"])["s-1"]] == [asset_id]


def test_thousands_take_one_search_and_invalid_ones_none(installation: Installation) -> None:
    assert len(check(installation, *(f"S-{number}" for number in range(3_000)))) == 3_000
    assert installation.asset_store.calls == ["find_by_serials"]
    check(installation, "no serial")
    assert installation.asset_store.calls == ["find_by_serials"]


def test_tags_of_many_assets_are_read_at_once(installation: Installation) -> None:
    for number in range(1, 41):
        asset_id = installation.asset_store.add("by hand", serial=f"S-{number}")
        tags.on_asset_created(transaction, asset_id=asset_id, asset_name=None, prefix="W12-", now=installation.clock())
    assert [answer.tag for answer in check(installation, "S-40", "S-1")] == ["W12-0040", "W12-0001"]
