"""Finding assets without a tag, and giving them one."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from request_tracker_utils.asset_store.service import Asset, AssetNotFound
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import sequence, service, tagging, untagged
from request_tracker_utils.tags.errors import NotTried
from request_tracker_utils.tasks.models import ItemState
from request_tracker_utils.tasks.service import items
from tests.services.asset_stores import FailingAssetStore, silence

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Actor("ada")


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def found(asset_store: FailingAssetStore, *catalogs: str, text: str = "") -> list[str]:
    return [asset.name for chunk in untagged.find(reading, asset_store, catalogs=catalogs, text=text) for asset in chunk]


def next_tag() -> str:
    with reading() as session:
        return str(sequence.preview(session, "W12-"))


def give(asset_store: FailingAssetStore, asset: Asset) -> str:
    return tagging.give_tag(transaction, asset_store, asset, prefix="W12-", actor=ADA, now=NOW).tag


def choose(*catalogs: str, tried: bool = True, on: bool = True) -> None:
    with transaction() as session:
        untagged.choose(session, catalogs, actor=ADA, now=NOW)
        if tried:
            untagged.note_look(session, found=0, missing=[], catalogs=sorted(catalogs), now=NOW, dry=True)
        if on:
            untagged.switch(session, on=True, actor=ADA, now=NOW)


def sweep(asset_store: FailingAssetStore) -> list[str] | None:
    task = untagged.sweep(transaction, reading, asset_store, actor=ADA, now=NOW)
    if task is None:
        return None
    with reading() as session:
        return [item.data["name"] for item in items(session, task.id, ItemState.PENDING)]


class TestAssetsWithoutATag:
    def test_are_those_of_the_catalogs_whose_name_does_not_begin_like_a_tag(self, asset_store: FailingAssetStore) -> None:
        for name, catalog in (("laptop", "A"), ("", "A"), ("W12-0007", "A"), ("W12-7", "A"), ("w12-0008", "A"), ("cart", "B"), ("x", "C")):
            asset_store.asset(name, catalog=catalog)
        assert found(asset_store, "A", "B") == ["laptop", "", "cart"]
        assert found(asset_store) == []
        assert found(asset_store, "gone") == []

    def test_are_not_those_that_have_one_here_under_another_name(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("laptop", catalog="A")
        give(asset_store, asset_store.get(asset_id))
        asset_store.rename(asset_id, "renamed by hand")
        asset_store.asset("new", catalog="A")
        assert found(asset_store, "A") == ["new"]

    def test_are_searched_by_text(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("one", catalog="A", serial="ABC-1")
        asset_store.asset("two", catalog="A", serial="XYZ-2")
        assert found(asset_store, "A", text="xyz") == ["two"]

    def test_come_by_chunks_and_all_of_them(self, asset_store: FailingAssetStore) -> None:
        for number in range(230):
            asset_store.asset(f"laptop {number}", catalog="A")
        assert found(asset_store, "A") == [f"laptop {number}" for number in range(230)]
        assert len(untagged.take(untagged.find(reading, asset_store, catalogs=["A"]), 150)) == 150


class TestGivingATag:
    def test_names_the_asset_and_says_what_it_was_called(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("laptop")
        assert give(asset_store, asset_store.get(asset_id)) == "W12-0001"
        assert asset_store.get(asset_id).name == "W12-0001"
        with reading() as session:
            tag = service.tag_of_asset(session, asset_id)
            assert tag is not None
            assert (tag.previous_name, tag.confirmed_at, tag.due_at) == ("laptop", NOW, None)

    def test_twice_gives_the_same_one(self, asset_store: FailingAssetStore) -> None:
        asset = asset_store.get(asset_store.asset("laptop"))
        assert [give(asset_store, asset), give(asset_store, asset)] == ["W12-0001", "W12-0001"]

    def test_to_an_asset_that_vanished_spends_none(self, asset_store: FailingAssetStore) -> None:
        with pytest.raises(AssetNotFound):
            give(asset_store, Asset(999, "gone"))
        assert next_tag() == "W12-0001"

    def test_that_is_older_is_not_freed_when_the_asset_vanishes(self, asset_store: FailingAssetStore) -> None:
        asset = asset_store.get(asset_store.asset("laptop"))
        give(asset_store, asset)
        asset_store.fails["rename"] = AssetNotFound("Asset not found")
        with pytest.raises(AssetNotFound):
            give(asset_store, asset)
        assert next_tag() == "W12-0002"

    def test_is_left_to_a_job_when_the_directory_does_not_answer(self, asset_store: FailingAssetStore) -> None:
        asset = asset_store.get(asset_store.asset("laptop"))
        asset_store.fails["rename"] = silence()
        with pytest.raises(type(silence())):
            give(asset_store, asset)
        with reading() as session:
            tag = service.tag_of_asset(session, asset.id)
            assert tag is not None
            assert tag.due_at is not None
        del asset_store.fails["rename"]
        assert give(asset_store, asset) == "W12-0001"


class TestTheSweep:
    def test_is_off_until_it_was_tried_and_switched_on(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("laptop", catalog="A")
        assert sweep(asset_store) is None
        with pytest.raises(NotTried), transaction() as session:
            untagged.switch(session, on=True, actor=ADA, now=NOW)
        choose("A", on=False)
        assert sweep(asset_store) is None
        choose("A")
        assert sweep(asset_store) == ["laptop"]

    def test_has_to_be_tried_again_for_other_catalogs(self, asset_store: FailingAssetStore) -> None:
        choose("A")
        choose("A", "B", tried=False, on=False)
        with reading() as session:
            state = untagged.state(session)
            assert state is not None
            assert (state.is_on, state.tried_at, state.catalogs) == (False, None, ["A", "B"])
        with pytest.raises(NotTried):
            choose("A", "B", tried=False)

    def test_forgets_a_trial_of_catalogs_that_are_no_longer_chosen(self, asset_store: FailingAssetStore) -> None:
        choose("A", on=False)
        choose("B", tried=False, on=False)
        with transaction() as session:
            untagged.note_look(session, found=3, missing=[], catalogs=["A"], now=NOW, dry=True)
            state = untagged.state(session)
            assert state is not None
            assert (state.tried_at, state.found) == (None, None)

    def test_begins_no_second_task_while_one_goes_on(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("laptop", catalog="A")
        choose("A")
        assert sweep(asset_store) == ["laptop"]
        assert sweep(asset_store) is None

    def test_begins_none_where_nothing_is_to_be_tagged_and_says_when_it_looked(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("W12-0001", catalog="A")
        choose("A")
        assert sweep(asset_store) is None
        with reading() as session:
            state = untagged.state(session)
            assert state is not None
            assert (state.looked_at, state.found) == (NOW, 0)

    def test_says_which_catalog_has_vanished_and_goes_on_with_the_others(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("laptop", catalog="A")
        choose("A", "Gone")
        assert sweep(asset_store) == ["laptop"]
        with reading() as session:
            state = untagged.state(session)
            assert state is not None
            assert "no catalog Gone" in str(state.problem)
