"""Serial numbers that are free or claimed, checked by the hundred, and an actor's recent creations."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.asset_store.service import AssetStoreRefused
from request_tracker_utils.assets import creations
from request_tracker_utils.assets.creations import (
    RecentCreation,
    SerialCheck,
    assets_by_serial,
    check_serials,
    count_created,
    midnight,
    recent_creations,
)
from request_tracker_utils.assets.models import Creation
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.labels import print_history
from request_tracker_utils.tags import service as tags
from tests.services.asset_stores import FailingAssetStore, silence
from tests.services.creations import ADA, create, creator, laptop
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
        creations.claim(session, laptop("S-3"), actor=ADA, now=installation.clock())
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


@pytest.fixture
def failing_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def recent(actor: Actor = ADA, ago: timedelta = timedelta(hours=1)) -> list[RecentCreation]:
    with reading() as session:
        return recent_creations(session, actor, utc_now() - ago)


def fail(failing_store: FailingAssetStore, serial: str, error: AppError) -> None:
    failing_store.fails["create"] = error
    with pytest.raises(AppError):
        create(failing_store, serial)
    failing_store.fails.clear()


def test_the_newest_comes_first_with_its_tag_and_whether_its_label_was_printed(failing_store: FailingAssetStore) -> None:
    first, second = create(failing_store, "S-1"), create(failing_store, "S-2")
    with transaction() as session:
        started = print_history.start_print(session, format="small", copies=1, actor=ADA, now=utc_now())
        print_history.add_labels(session, started, [(first.asset_id, first.tag)], actor=ADA, now=utc_now())
    assert [(each.serial, each.tag, each.asset_id, each.printed_at is not None) for each in recent()] == [
        ("S-2", second.tag, second.asset_id, False),
        ("S-1", first.tag, first.asset_id, True),
    ]


def test_creations_of_others_and_older_ones_are_omitted_unless_they_are_open(failing_store: FailingAssetStore) -> None:
    creator(failing_store, actor=Actor("bob")).create(laptop("BOBS-1"))
    create(failing_store, "OLD-1")
    with transaction() as session:
        session.execute(update(Creation).values(created_at=utc_now() - timedelta(hours=2), ended_at=utc_now() - timedelta(hours=2)))
    create(failing_store, "NEW-1")
    assert [each.serial for each in recent()] == ["NEW-1"]
    with reading() as session:
        counts = [count_created(session, ADA, utc_now() - timedelta(hours=hours)) for hours in (1, 3)]
    assert counts == [1, 2]
    fail(failing_store, "LOST-1", silence())
    (lost,) = recent(ago=timedelta(0))
    assert (lost.serial, lost.tag, lost.is_created, lost.has_failed) == ("LOST-1", "W12-0004", False, False)


def test_a_failure_has_its_reason_until_the_serial_number_is_created(failing_store: FailingAssetStore) -> None:
    fail(failing_store, "S-1", AssetStoreRefused("No rights."))
    (failed,) = recent()
    assert (failed.has_failed, failed.problem, failed.tag) == (True, "No rights.", "")
    fail(failing_store, "s-1", AssetStoreRefused("Still none."))
    assert [each.problem for each in recent()] == ["Still none."]
    create(failing_store, "S-1")
    assert [each.is_created for each in recent()] == [True]


def test_the_day_begins_at_midnight_of_the_zone() -> None:
    noon = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
    assert midnight(noon, ZoneInfo("America/Chicago")) == datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
