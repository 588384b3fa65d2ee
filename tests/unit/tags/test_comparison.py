"""Comparing asset names with tags: everything that differs is found, and nothing else."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import comparison, sequence, service
from request_tracker_utils.tags.models import Tag, TagSequence
from tests.services.asset_stores import FailingAssetStore, silence
from tests.unit.tags.conftest import ADA, NOW
from tests.unit.tags.reconciling import LATER, Steps, compare, found, tagged, vanish


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def test_finds_each_kind_of_discrepancy_and_nothing_else(asset_store: FailingAssetStore) -> None:
    fine, renamed, lower, gone, deleted, owner, one, other = (tagged(asset_store) for _ in range(8))
    asset_store.rename(renamed, "Ms Lee’s laptop")
    asset_store.rename(lower, "w12-0003")
    vanish(gone)
    with transaction() as session:
        session.execute(update(EmbeddedAsset).where(EmbeddedAsset.id == deleted).values(status="deleted", name="scrap"))
    for asset_id, name in ((one, "W12-0008"), (other, "W12-0007")):  # swapped
        asset_store.rename(asset_id, name)
    duplicate = asset_store.asset("W12-0006")
    unknown = asset_store.asset("W12-0900")
    misspelled = {name: asset_store.asset(name) for name in ("W12-7", "w12-0001", "W12-0001 old", "W12-00009")}
    for name in ("W13-0001", "a laptop", "XW12-0001", "W12", ""):
        asset_store.asset(name)
    assert compare(asset_store) == 12
    assert found() == {
        ("renamed", "W12-0002", renamed, "Ms Lee’s laptop"),
        ("renamed", "W12-0003", lower, "w12-0003"),
        ("gone", "W12-0004", gone, None),
        ("gone", "W12-0005", deleted, "scrap"),
        ("twin", "W12-0006", duplicate, "W12-0006"),
        ("renamed", "W12-0007", one, "W12-0008"),
        ("renamed", "W12-0008", other, "W12-0007"),
        ("unknown", "W12-0900", unknown, "W12-0900"),
        *(("misspelt", "", asset_id, name) for name, asset_id in misspelled.items()),
    }
    assert {fine, owner}.isdisjoint(asset_id for _, _, asset_id, _ in found())


def test_a_step_is_an_assigned_tag_in_any_state(asset_store: FailingAssetStore) -> None:
    for number in range(130):
        asset_id = tagged(asset_store)
        if number % 3 == 0:
            asset_store.rename(asset_id, f"device {number}")
    steps = Steps()
    assert compare(asset_store, steps=steps) == 44
    assert (steps.total, steps.done) == (130, 130)


def test_tags_in_progress_are_not_discrepancies(asset_store: FailingAssetStore) -> None:
    created = asset_store.asset("not named yet")
    with transaction() as session:
        service.assign_to_created_asset(session, asset_id=created, asset_name=None, prefix="W12-", now=NOW)
        service.assign_to_created_asset(session, asset_id=5000, asset_name=None, prefix="W12-", now=NOW)
        reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
    asset_store.asset(reserved.tag)
    compare(asset_store, NOW + timedelta(minutes=5))
    assert found() == set()
    compare(asset_store, NOW + timedelta(minutes=30))
    assert found() == {("renamed", "W12-0001", created, "not named yet")}
    compare(asset_store, NOW + timedelta(hours=2))
    assert found() == {("renamed", "W12-0001", created, "not named yet"), ("gone", "W12-0002", 5000, None)}


def test_a_tag_that_changed_after_the_names_were_read_is_newer_than_they_are(inside: Flask) -> None:
    class Slow(FailingAssetStore):
        def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
            names = list(super().names_beginning_with(prefix, any_case=any_case))
            with transaction() as session:  # after the names were read, and before they are compared
                session.execute(update(Tag).values(asset_id=777, changed_at=LATER + timedelta(seconds=1)))
            yield from names

    asset_store = Slow()
    tagged(asset_store)
    compare(asset_store)
    assert found() == set()


def test_a_name_belongs_to_its_longest_prefix_and_prefixes_without_adopted_names_are_left_out(asset_store: FailingAssetStore) -> None:
    with transaction() as session:
        session.add(TagSequence(prefix="W12-A-", next_number=1, adopted_at=NOW, created_at=NOW))
        sequence.create_if_missing(session, "X-", now=NOW)
    asset_id = asset_store.asset("W12-A-0007")
    asset_store.asset("X-0001")
    compare(asset_store)
    assert found() == {("unknown", "W12-A-0007", asset_id, "W12-A-0007")}
    with reading() as session:
        assert comparison.adopted_prefixes(session) == ["W12-", "W12-A-"]


def test_an_asset_store_that_stops_answering_ends_the_comparison(asset_store: FailingAssetStore) -> None:
    renamed = tagged(asset_store)
    asset_store.rename(renamed, "old")
    compare(asset_store)
    asset_store.rename(renamed, "W12-0001")
    new = asset_store.asset("W12-0900")
    asset_store.rename(tagged(asset_store), "away")
    asset_store.fails["get_many"] = silence()
    with pytest.raises(AssetStoreUnreachable):
        compare(asset_store, LATER + timedelta(days=1))
    assert found() == {("renamed", "W12-0001", renamed, "old"), ("unknown", "W12-0900", new, "W12-0900")}
