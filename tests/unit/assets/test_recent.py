"""An actor's recent creations."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.asset_store.service import AssetStoreRefused
from request_tracker_utils.assets.models import Creation
from request_tracker_utils.assets.recent import RecentCreation, count_created, midnight, recent_creations
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.labels import print_history
from tests.services.asset_stores import FailingAssetStore, silence
from tests.services.creations import ADA, create, creator, laptop


@pytest.fixture
def asset_store(app: Flask):  # type: ignore[no-untyped-def]
    with app.app_context():
        yield FailingAssetStore()


def recent(actor: Actor = ADA, ago: timedelta = timedelta(hours=1)) -> list[RecentCreation]:
    with reading() as session:
        return recent_creations(session, actor, utc_now() - ago)


def fail(asset_store: FailingAssetStore, serial: str, error: AppError) -> None:
    asset_store.fails["create"] = error
    with pytest.raises(AppError):
        create(asset_store, serial)
    asset_store.fails.clear()


def test_the_newest_comes_first_with_its_tag_and_whether_its_label_was_printed(asset_store: FailingAssetStore) -> None:
    first, second = create(asset_store, "S-1"), create(asset_store, "S-2")
    with transaction() as session:
        started = print_history.start_print(session, format="small", copies=1, actor=ADA, now=utc_now())
        print_history.add_labels(session, started, [(first.asset_id, first.tag)], actor=ADA, now=utc_now())
    assert [(each.serial, each.tag, each.asset_id, each.printed_at is not None) for each in recent()] == [
        ("S-2", second.tag, second.asset_id, False),
        ("S-1", first.tag, first.asset_id, True),
    ]


def test_creations_of_others_and_older_ones_are_omitted_unless_they_are_open(asset_store: FailingAssetStore) -> None:
    creator(asset_store, actor=Actor("bob")).create(laptop("BOBS-1"))
    create(asset_store, "OLD-1")
    with transaction() as session:
        session.execute(update(Creation).values(created_at=utc_now() - timedelta(hours=2), ended_at=utc_now() - timedelta(hours=2)))
    create(asset_store, "NEW-1")
    assert [each.serial for each in recent()] == ["NEW-1"]
    with reading() as session:
        counts = [count_created(session, ADA, utc_now() - timedelta(hours=hours)) for hours in (1, 3)]
    assert counts == [1, 2]
    fail(asset_store, "LOST-1", silence())
    (lost,) = recent(ago=timedelta(0))
    assert (lost.serial, lost.tag, lost.is_created, lost.has_failed) == ("LOST-1", "W12-0004", False, False)


def test_a_failure_says_why_until_the_same_serial_number_is_created(asset_store: FailingAssetStore) -> None:
    fail(asset_store, "S-1", AssetStoreRefused("No rights."))
    (failed,) = recent()
    assert (failed.has_failed, failed.problem, failed.tag) == (True, "No rights.", "")
    fail(asset_store, "s-1", AssetStoreRefused("Still none."))
    assert [each.problem for each in recent()] == ["Still none."]
    create(asset_store, "S-1")
    assert [each.is_created for each in recent()] == [True]


def test_the_day_begins_at_midnight_of_the_zone() -> None:
    noon = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
    assert midnight(noon, ZoneInfo("America/Chicago")) == datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
