"""Finding assets without a tag, and giving them one."""

from datetime import UTC, datetime

import pytest
from flask import Flask

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.directory.service import Asset, AssetNotFound
from request_tracker_utils.tags import sequence, service, tagging, untagged
from request_tracker_utils.tags.errors import NotTried
from request_tracker_utils.tasks.models import ItemState
from request_tracker_utils.tasks.service import items
from tests.services.directories import StumblingDirectory, silence

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Actor("ada")


@pytest.fixture
def directory(inside: Flask) -> StumblingDirectory:
    return StumblingDirectory()


def found(directory: StumblingDirectory, *catalogs: str, text: str = "") -> list[str]:
    return [asset.name for chunk in untagged.find(reading, directory, catalogs=catalogs, text=text) for asset in chunk]


def next_tag() -> str:
    with reading() as session:
        return str(sequence.preview(session, "W12-"))


def give(directory: StumblingDirectory, asset: Asset) -> str:
    return tagging.give_tag(transaction, directory, asset, prefix="W12-", actor=ADA, now=NOW).tag


def choose(*catalogs: str, tried: bool = True, on: bool = True) -> None:
    with transaction() as session:
        untagged.choose(session, catalogs, actor=ADA, now=NOW)
        if tried:
            untagged.note_look(session, found=0, missing=[], catalogs=sorted(catalogs), now=NOW, dry=True)
        if on:
            untagged.switch(session, on=True, actor=ADA, now=NOW)


def sweep(directory: StumblingDirectory) -> list[str] | None:
    task = untagged.sweep(transaction, reading, directory, actor=ADA, now=NOW)
    if task is None:
        return None
    with reading() as session:
        return [item.data["name"] for item in items(session, task.id, ItemState.WAITING)]


class TestAssetsWithoutATag:
    def test_are_those_of_the_catalogs_whose_name_does_not_begin_like_a_tag(self, directory: StumblingDirectory) -> None:
        for name, catalog in (("laptop", "A"), ("", "A"), ("W12-0007", "A"), ("W12-7", "A"), ("w12-0008", "A"), ("cart", "B"), ("x", "C")):
            directory.asset(name, catalog=catalog)
        assert found(directory, "A", "B") == ["laptop", "", "cart"]
        assert found(directory) == []
        assert found(directory, "gone") == []

    def test_are_not_those_that_have_one_here_under_another_name(self, directory: StumblingDirectory) -> None:
        asset_id = directory.asset("laptop", catalog="A")
        give(directory, directory.get(asset_id))
        directory.rename(asset_id, "renamed by hand")
        directory.asset("new", catalog="A")
        assert found(directory, "A") == ["new"]

    def test_are_searched_by_text(self, directory: StumblingDirectory) -> None:
        directory.asset("one", catalog="A", serial="ABC-1")
        directory.asset("two", catalog="A", serial="XYZ-2")
        assert found(directory, "A", text="xyz") == ["two"]

    def test_come_by_chunks_and_all_of_them(self, directory: StumblingDirectory) -> None:
        for number in range(230):
            directory.asset(f"laptop {number}", catalog="A")
        assert found(directory, "A") == [f"laptop {number}" for number in range(230)]
        assert len(untagged.take(untagged.find(reading, directory, catalogs=["A"]), 150)) == 150


class TestGivingATag:
    def test_names_the_asset_and_says_what_it_was_called(self, directory: StumblingDirectory) -> None:
        asset_id = directory.asset("laptop")
        assert give(directory, directory.get(asset_id)) == "W12-0001"
        assert directory.get(asset_id).name == "W12-0001"
        with reading() as session:
            tag = service.tag_of_asset(session, asset_id)
            assert tag is not None
            assert (tag.previous_name, tag.confirmed_at, tag.due_at) == ("laptop", NOW, None)

    def test_twice_gives_the_same_one(self, directory: StumblingDirectory) -> None:
        asset = directory.get(directory.asset("laptop"))
        assert [give(directory, asset), give(directory, asset)] == ["W12-0001", "W12-0001"]

    def test_to_an_asset_that_vanished_spends_none(self, directory: StumblingDirectory) -> None:
        with pytest.raises(AssetNotFound):
            give(directory, Asset(999, "gone"))
        assert next_tag() == "W12-0001"

    def test_that_is_older_is_not_freed_when_the_asset_vanishes(self, directory: StumblingDirectory) -> None:
        asset = directory.get(directory.asset("laptop"))
        give(directory, asset)
        directory.fails["rename"] = AssetNotFound("Asset not found")
        with pytest.raises(AssetNotFound):
            give(directory, asset)
        assert next_tag() == "W12-0002"

    def test_is_left_to_a_job_when_the_directory_does_not_answer(self, directory: StumblingDirectory) -> None:
        asset = directory.get(directory.asset("laptop"))
        directory.fails["rename"] = silence()
        with pytest.raises(type(silence())):
            give(directory, asset)
        with reading() as session:
            tag = service.tag_of_asset(session, asset.id)
            assert tag is not None
            assert tag.due_at is not None
        del directory.fails["rename"]
        assert give(directory, asset) == "W12-0001"


class TestTheSweep:
    def test_is_off_until_it_was_tried_and_switched_on(self, directory: StumblingDirectory) -> None:
        directory.asset("laptop", catalog="A")
        assert sweep(directory) is None
        with pytest.raises(NotTried), transaction() as session:
            untagged.switch(session, on=True, actor=ADA, now=NOW)
        choose("A", on=False)
        assert sweep(directory) is None
        choose("A")
        assert sweep(directory) == ["laptop"]

    def test_has_to_be_tried_again_for_other_catalogs(self, directory: StumblingDirectory) -> None:
        choose("A")
        choose("A", "B", tried=False, on=False)
        with reading() as session:
            state = untagged.state(session)
            assert state is not None
            assert (state.is_on, state.tried_at, state.catalogs) == (False, None, ["A", "B"])
        with pytest.raises(NotTried):
            choose("A", "B", tried=False)

    def test_forgets_a_trial_of_catalogs_that_are_no_longer_chosen(self, directory: StumblingDirectory) -> None:
        choose("A", on=False)
        choose("B", tried=False, on=False)
        with transaction() as session:
            untagged.note_look(session, found=3, missing=[], catalogs=["A"], now=NOW, dry=True)
            state = untagged.state(session)
            assert state is not None
            assert (state.tried_at, state.found) == (None, None)

    def test_begins_no_second_task_while_one_goes_on(self, directory: StumblingDirectory) -> None:
        directory.asset("laptop", catalog="A")
        choose("A")
        assert sweep(directory) == ["laptop"]
        assert sweep(directory) is None

    def test_begins_none_where_nothing_is_to_be_tagged_and_says_when_it_looked(self, directory: StumblingDirectory) -> None:
        directory.asset("W12-0001", catalog="A")
        choose("A")
        assert sweep(directory) is None
        with reading() as session:
            state = untagged.state(session)
            assert state is not None
            assert (state.looked_at, state.found) == (NOW, 0)

    def test_says_which_catalog_has_vanished_and_goes_on_with_the_others(self, directory: StumblingDirectory) -> None:
        directory.asset("laptop", catalog="A")
        choose("A", "Gone")
        assert sweep(directory) == ["laptop"]
        with reading() as session:
            state = untagged.state(session)
            assert state is not None
            assert "no catalog Gone" in str(state.problem)
