"""Tagging existing assets: one, and those that the sweep finds."""

import pytest

from request_tracker_utils.asset_store.service import Asset, AssetNotFound
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import lookup, service, tagging
from request_tracker_utils.tags.allocation import NameSearch
from request_tracker_utils.tags.errors import SweepNotPreviewed, TagTaken
from request_tracker_utils.tags.models import Sweep, Tag
from request_tracker_utils.tasks.models import ItemState
from request_tracker_utils.tasks.service import items
from tests.services.asset_stores import FailingAssetStore, silence
from tests.unit.tags.conftest import ADA, NOW, preview, tag


def found(asset_store: FailingAssetStore, *catalogs: str, text: str = "") -> list[str]:
    return [asset.name for chunk in tagging.find_untagged(reading, asset_store, catalogs=catalogs, text=text) for asset in chunk]


def assign(asset_store: FailingAssetStore, asset: Asset) -> str:
    return tagging.tag_asset(transaction, asset_store, asset, prefix="W12-", actor=ADA, now=NOW).tag


def tag_of(asset_id: int) -> Tag:
    with reading() as session:
        tag = lookup.tag_of_asset(session, asset_id)
    assert tag is not None
    return tag


def set_up(*catalogs: str, previewed: bool = True, on: bool = True) -> None:
    with transaction() as session:
        tagging.set_sweep_catalogs(session, catalogs, actor=ADA, now=NOW)
        if previewed:
            tagging.record_scan(session, found=0, missing=[], catalogs=sorted(catalogs), now=NOW, is_preview=True)
        if on:
            tagging.turn_sweep(session, on=True, actor=ADA, now=NOW)


def settings() -> Sweep:
    with reading() as session:
        sweep = tagging.sweep_settings(session)
    assert sweep is not None
    return sweep


def sweep(asset_store: FailingAssetStore) -> list[str] | None:
    task = tagging.start_sweep(transaction, reading, asset_store, actor=ADA, now=NOW)
    if task is None:
        return None
    with reading() as session:
        return [item.data["name"] for item in items(session, task.id, ItemState.PENDING)]


class TestUntaggedAssets:
    def test_they_are_the_assets_in_the_catalogs_with_names_that_do_not_begin_like_a_tag(self, asset_store: FailingAssetStore) -> None:
        for name, catalog in (("laptop", "A"), ("", "A"), ("W12-0007", "A"), ("W12-7", "A"), ("w12-0008", "A"), ("cart", "B"), ("x", "C")):
            asset_store.asset(name, catalog=catalog)
        assert found(asset_store, "A", "B") == ["laptop", "", "cart"]
        assert found(asset_store) == []
        assert found(asset_store, "gone") == []

    def test_an_asset_with_a_tag_and_another_name_is_not_among_them(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("laptop", catalog="A")
        assign(asset_store, asset_store.get(asset_id))
        asset_store.rename(asset_id, "renamed manually")
        asset_store.asset("new", catalog="A")
        assert found(asset_store, "A") == ["new"]

    def test_they_can_be_searched(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("one", catalog="A", serial="ABC-1")
        asset_store.asset("two", catalog="A", serial="XYZ-2")
        assert found(asset_store, "A", text="xyz") == ["two"]

    def test_all_of_them_are_read_in_chunks(self, asset_store: FailingAssetStore) -> None:
        for number in range(230):
            asset_store.asset(f"laptop {number}", catalog="A")
        assert found(asset_store, "A") == [f"laptop {number}" for number in range(230)]
        assert len(tagging.take(tagging.find_untagged(reading, asset_store, catalogs=["A"]), 150)) == 150


class TestTaggingAnAsset:
    def test_it_is_renamed_and_its_previous_name_is_stored(self, asset_store: FailingAssetStore) -> None:
        asset = asset_store.get(asset_store.asset("laptop"))
        assert assign(asset_store, asset) == "W12-0001"
        assert asset_store.get(asset.id).name == "W12-0001"
        tag = tag_of(asset.id)
        assert (tag.previous_name, tag.confirmed_at, tag.due_at) == ("laptop", NOW, None)
        assert assign(asset_store, asset) == "W12-0001", "repeating it gives the same tag"

    def test_a_missing_asset_uses_up_no_tag(self, asset_store: FailingAssetStore) -> None:
        with pytest.raises(AssetNotFound):
            assign(asset_store, Asset(999, "gone"))
        assert preview() == "W12-0001"

    def test_a_confirmed_tag_is_not_released_if_the_asset_is_missing(self, asset_store: FailingAssetStore) -> None:
        asset = asset_store.get(asset_store.asset("laptop"))
        assign(asset_store, asset)
        asset_store.fails["rename"] = AssetNotFound("Asset not found")
        with pytest.raises(AssetNotFound):
            assign(asset_store, asset)
        assert preview() == "W12-0002"

    def test_a_job_retries_if_the_asset_store_does_not_answer(self, asset_store: FailingAssetStore) -> None:
        asset = asset_store.get(asset_store.asset("laptop"))
        asset_store.fails["rename"] = silence()
        with pytest.raises(type(silence())):
            assign(asset_store, asset)
        assert tag_of(asset.id).due_at is not None
        del asset_store.fails["rename"]
        assert assign(asset_store, asset) == "W12-0001"


class TestSweep:
    def test_it_is_off_until_it_is_previewed_and_turned_on(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("laptop", catalog="A")
        assert sweep(asset_store) is None
        with pytest.raises(SweepNotPreviewed), transaction() as session:
            tagging.turn_sweep(session, on=True, actor=ADA, now=NOW)
        set_up("A", on=False)
        assert sweep(asset_store) is None
        set_up("A")
        assert sweep(asset_store) == ["laptop"]
        assert sweep(asset_store) is None, "the first task is not finished"

    def test_other_catalogs_have_to_be_previewed_again(self, asset_store: FailingAssetStore) -> None:
        set_up("A")
        set_up("A", "B", previewed=False, on=False)
        assert (settings().is_on, settings().tried_at, settings().catalogs) == (False, None, ["A", "B"])
        with pytest.raises(SweepNotPreviewed):
            set_up("A", "B", previewed=False)

    def test_the_preview_of_catalogs_that_have_been_deselected_is_ignored(self, asset_store: FailingAssetStore) -> None:
        set_up("A", on=False)
        set_up("B", previewed=False, on=False)
        with transaction() as session:
            tagging.record_scan(session, found=3, missing=[], catalogs=["A"], now=NOW, is_preview=True)
        assert (settings().tried_at, settings().found) == (None, None)

    def test_no_task_is_started_if_there_is_nothing_to_tag_and_the_scan_is_recorded(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("W12-0001", catalog="A")
        set_up("A")
        assert sweep(asset_store) is None
        assert (settings().looked_at, settings().found) == (NOW, 0)

    def test_a_missing_catalog_is_reported_and_the_others_are_swept(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("laptop", catalog="A")
        set_up("A", "Gone")
        assert sweep(asset_store) == ["laptop"]
        assert settings().problem == "These catalogs do not exist: Gone. Select the catalogs again."


def test_a_name_that_an_asset_has_is_skipped(asset_store: FailingAssetStore) -> None:
    laptops = [asset_store.asset(f"laptop {number}") for number in range(3)]
    by_hand = asset_store.asset("W12-0002")
    names = NameSearch(asset_store)
    tags = [
        tagging.tag_asset(transaction, asset_store, asset_store.get(asset_id), prefix="W12-", actor=ADA, now=NOW, names=names).tag
        for asset_id in laptops
    ]
    assert tags == ["W12-0001", "W12-0003", "W12-0004"]
    assert tag("W12-0002").is_retired
    assert assign(asset_store, asset_store.get(asset_store.asset("laptop"))) == "W12-0005"
    assert asset_store.get(by_hand).name == "W12-0002"


def test_a_tag_that_another_asset_has_as_its_name_is_not_assigned_manually(asset_store: FailingAssetStore) -> None:
    laptop, by_hand = asset_store.asset("laptop"), asset_store.asset("W12-0007")
    with pytest.raises(TagTaken, match=f"asset {by_hand} has this name") as taken:
        service.assign_manually(transaction, asset_store, text="W12-0007", asset_id=laptop, actor=ADA, now=NOW)
    assert (taken.value.fields["asset_id"], asset_store.get(laptop).name) == (by_hand, "laptop")
    assert service.assign_manually(transaction, asset_store, text="W12-0007", asset_id=by_hand, actor=ADA, now=NOW)[0].tag == "W12-0007"
