"""Options for each kind of tag discrepancy, and what each of them does."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStoreBusy, AssetStoreRefused, AssetStoreUnreachable
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.reconciliation.errors import DiscrepancyChanged
from request_tracker_utils.tags import confirmation, lookup, sequence, service
from request_tracker_utils.tags.comparison import DISCREPANCIES
from request_tracker_utils.tags.errors import TagTaken
from request_tracker_utils.tags.models import Tag, TagDiscrepancy, TagState
from request_tracker_utils.tags.options import Resolution
from tests.services.asset_stores import FailingAssetStore, silence
from tests.unit.tags.conftest import ADA, NOW
from tests.unit.tags.reconciling import (
    AT,
    compare,
    entry,
    found,
    last_event,
    mark_printed,
    of,
    reconciler,
    resolve,
    row,
    tagged,
    vanish,
)


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def offered(asset_store: FailingAssetStore, kind: str) -> list[str]:
    return [option.resolution for option in entry(asset_store, of(kind)).options]


def discrepancy(discrepancy_id: int) -> TagDiscrepancy:
    with reading() as session:
        return DISCREPANCIES.get(session, discrepancy_id)


def name(asset_store: FailingAssetStore, asset_id: int) -> str:
    return asset_store.get(asset_id).name


def agree(asset_store: FailingAssetStore) -> bool:
    """Whether another comparison finds nothing."""
    return compare(asset_store, AT + timedelta(days=1)) == 0


def confirm_due(asset_store: FailingAssetStore) -> int:
    return confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: AT + timedelta(hours=1))


class TestRenamed:
    def test_the_asset_gets_its_tag_as_its_name_again(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        assert resolve(asset_store, of("renamed"), Resolution.RENAME_ASSET) == f"#{asset_id} is named W12-0001 in RT again."
        assert (name(asset_store, asset_id), last_event("W12-0001")) == ("W12-0001", ("renamed", "ada"))
        assert agree(asset_store)

    def test_the_name_becomes_the_tag_if_it_is_available(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "W12-0002")
        compare(asset_store)
        assert offered(asset_store, "renamed") == [Resolution.RENAME_ASSET, Resolution.USE_NAME, Resolution.IGNORE]
        said = f"W12-0002 is now the tag of #{asset_id}. W12-0001 is released and can be assigned again."
        assert resolve(asset_store, of("renamed"), Resolution.USE_NAME) == said
        assert (row("W12-0001").state, row("W12-0001").asset_id) == (TagState.RELEASED, None)
        assert (row("W12-0002").state, row("W12-0002").asset_id, row("W12-0002").confirmed_at) == (TagState.ASSIGNED, asset_id, AT)
        assert agree(asset_store)
        following = [tagged(asset_store), tagged(asset_store)]
        assert [name(asset_store, each) for each in following] == ["W12-0001", "W12-0003"]  # the number in the name is used, too

    def test_a_printed_tag_is_retired_and_not_released(self, asset_store: FailingAssetStore) -> None:
        one, other = tagged(asset_store, printed=True), tagged(asset_store, printed=True)
        asset_store.rename(one, "W12-0500")
        asset_store.rename(other, "scrap")
        compare(asset_store)
        resolve(asset_store, of("renamed", one), Resolution.USE_NAME)
        said = f"The tag was removed from #{other}. W12-0002 will not be reassigned, because a label was printed."
        assert resolve(asset_store, of("renamed", other), Resolution.REMOVE_TAG) == said
        assert (row("W12-0001").is_retired, row("W12-0002").is_retired, row("W12-0500").asset_id) == (True, True, one)
        assert name(asset_store, tagged(asset_store)) == "W12-0003"

    def test_the_tag_is_removed_if_the_name_is_not_a_tag(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "scrap")
        compare(asset_store)
        assert offered(asset_store, "renamed") == [Resolution.RENAME_ASSET, Resolution.REMOVE_TAG, Resolution.IGNORE]
        resolve(asset_store, of("renamed"), Resolution.REMOVE_TAG)
        assert (row("W12-0001").state, name(asset_store, asset_id)) == (TagState.RELEASED, "scrap")
        assert agree(asset_store)

    def test_the_tag_of_another_asset_is_not_offered_and_not_taken(self, asset_store: FailingAssetStore) -> None:
        asset_id, _ = tagged(asset_store), tagged(asset_store)
        asset_store.rename(asset_id, "W12-0002")
        compare(asset_store)
        assert offered(asset_store, "renamed") == [Resolution.RENAME_ASSET, Resolution.IGNORE]
        with pytest.raises(DiscrepancyChanged, match="W12-0002 is not available"):
            reconciler(asset_store).apply(discrepancy(of("renamed")), Resolution.USE_NAME, actor=ADA)
        assert row("W12-0001").asset_id == asset_id

    def test_the_tag_is_not_released_while_it_is_the_name_of_another_asset(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "scrap")
        asset_store.asset("W12-0001")
        compare(asset_store)
        with pytest.raises(DiscrepancyChanged, match="Resolve that first"):
            resolve(asset_store, of("renamed"), Resolution.REMOVE_TAG)
        assert row("W12-0001").asset_id == asset_id
        assert {kind for kind, *_ in found()} == {"renamed", "twin"}

    def test_nothing_is_renamed_once_the_tag_belongs_to_another_asset(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        with transaction() as session:
            session.execute(update(Tag).values(asset_id=777))
        with pytest.raises(DiscrepancyChanged, match="W12-0001 now belongs to another asset"):
            reconciler(asset_store).apply(discrepancy(of("renamed")), Resolution.RENAME_ASSET, actor=ADA)
        assert name(asset_store, asset_id) == "old"

    def test_an_option_says_what_happens_to_a_tag_that_was_printed_in_the_meantime(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        before = entry(asset_store, of("renamed"))
        mark_printed(asset_id, "W12-0001", AT)
        after = entry(asset_store, of("renamed"))
        assert [each.options[1].effect for each in (before, after)] == [
            "W12-0001 is released and can be assigned again.",
            "W12-0001 will not be reassigned, because a label was printed.",
        ]
        assert before.fingerprint != after.fingerprint


class TestDuplicate:
    def test_the_asset_gets_a_new_tag(self, asset_store: FailingAssetStore) -> None:
        owner, duplicate = tagged(asset_store), asset_store.asset("W12-0001")
        compare(asset_store)
        assert entry(asset_store, of("twin")).facts["owner_id"] == owner
        assert resolve(asset_store, of("twin"), Resolution.NEW_TAG) == f"W12-0002 is now the tag of #{duplicate}."
        assert (name(asset_store, duplicate), name(asset_store, owner)) == ("W12-0002", "W12-0001")
        assert (row("W12-0002").asset_id, row("W12-0002").due_at, row("W12-0002").previous_name) == (duplicate, None, "W12-0001")
        assert last_event("W12-0002") == ("renamed", "ada")
        assert agree(asset_store)

    def test_the_tag_moves_and_its_former_owner_gets_a_new_one(self, asset_store: FailingAssetStore) -> None:
        owner, duplicate = tagged(asset_store), asset_store.asset("W12-0001")
        compare(asset_store)
        said = f"W12-0001 is now the tag of #{duplicate}. W12-0002 is now the tag of #{owner}."
        assert resolve(asset_store, of("twin"), Resolution.MOVE_TAG) == said
        assert (row("W12-0001").asset_id, row("W12-0002").asset_id) == (duplicate, owner)
        assert (name(asset_store, owner), last_event("W12-0001")) == ("W12-0002", ("moved", "ada"))
        assert agree(asset_store)

    def test_the_tag_of_a_missing_asset_moves(self, asset_store: FailingAssetStore) -> None:
        owner, duplicate = tagged(asset_store, printed=True), asset_store.asset("W12-0001")
        vanish(owner)
        compare(asset_store)
        resolve(asset_store, of("twin"), Resolution.MOVE_TAG)
        assert (row("W12-0001").asset_id, row("W12-0001").printed_at) == (duplicate, NOW)
        assert agree(asset_store)
        assert name(asset_store, tagged(asset_store)) == "W12-0002"

    def test_the_job_renames_the_former_owner_if_the_asset_store_fails(self, asset_store: FailingAssetStore) -> None:
        owner, duplicate = tagged(asset_store), asset_store.asset("W12-0001")
        compare(asset_store)
        asset_store.fails["rename"] = silence()
        assert "The name in RT will be updated as soon as possible." in resolve(asset_store, of("twin"), Resolution.MOVE_TAG)
        assert (row("W12-0001").asset_id, row("W12-0002").asset_id) == (duplicate, owner)
        asset_store.fails.clear()
        assert (confirm_due(asset_store), name(asset_store, owner)) == (1, "W12-0002")


class TestMissing:
    def test_the_tag_is_released(self, asset_store: FailingAssetStore) -> None:
        vanish(tagged(asset_store))
        compare(asset_store)
        assert offered(asset_store, "gone") == [Resolution.RELEASE_TAG, Resolution.RETIRE_TAG, Resolution.IGNORE]
        resolve(asset_store, of("gone"), Resolution.RELEASE_TAG)
        assert last_event("W12-0001") == ("released", "ada")
        assert agree(asset_store)
        assert name(asset_store, tagged(asset_store)) == "W12-0001"

    def test_a_retired_tag_is_not_assigned_again(self, asset_store: FailingAssetStore) -> None:
        vanish(tagged(asset_store, printed=True))
        compare(asset_store)
        assert offered(asset_store, "gone") == [Resolution.RETIRE_TAG, Resolution.IGNORE]
        resolve(asset_store, of("gone"), Resolution.RETIRE_TAG)
        assert (row("W12-0001").is_retired, last_event("W12-0001")) == (True, ("kept", "ada"))
        with transaction() as session:
            assert lookup.pending_tags(session) == []
            assert lookup.pending_counts(session) == {"pending": 0, "failing": 0}
        assert agree(asset_store)
        assert confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: AT + timedelta(days=900)) == 0
        named = asset_store.asset("W12-0001")
        with transaction() as session:
            given = service.assign_to_created_asset(session, asset_id=named, asset_name="W12-0001", prefix="W12-", now=AT)
        assert given is not None
        assert given.tag == "W12-0002"
        with pytest.raises(TagTaken):
            service.assign_manually(transaction, asset_store, text="W12-0001", asset_id=asset_store.asset("x"), actor=ADA, now=AT)

    def test_a_tag_is_not_released_once_a_label_was_printed(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        vanish(asset_id)
        compare(asset_store)
        mark_printed(asset_id, "W12-0001", AT)
        with pytest.raises(DiscrepancyChanged, match="a label with W12-0001 has been printed"):
            reconciler(asset_store).apply(discrepancy(of("gone")), Resolution.RELEASE_TAG, actor=ADA)
        assert row("W12-0001").asset_id == asset_id

    def test_a_tag_that_the_job_gave_up_on_is_resolved(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("x")
        with transaction() as session:
            service.assign_to_created_asset(session, asset_id=asset_id, asset_name=None, prefix="W12-", now=NOW)
        mark_printed(asset_id, "W12-0001", NOW)
        vanish(asset_id)
        for hour in range(6):
            confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda hour=hour: NOW + timedelta(hours=2 + hour))  # type: ignore[misc]
        with transaction() as session:
            assert lookup.pending_counts(session)["failing"] == 1
        compare(asset_store)
        resolve(asset_store, of("gone"), Resolution.RETIRE_TAG)
        with transaction() as session:
            assert lookup.pending_counts(session)["failing"] == 0


class TestUnknown:
    def test_the_name_becomes_the_tag(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("W12-0001")
        compare(asset_store)
        resolve(asset_store, of("unknown"), Resolution.ADOPT_NAME)
        assert (row("W12-0001").asset_id, row("W12-0001").due_at, last_event("W12-0001")) == (asset_id, None, ("adopted", "ada"))
        assert agree(asset_store)
        assert name(asset_store, tagged(asset_store)) == "W12-0002"

    def test_the_asset_gets_a_new_tag(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("W12-0900")
        compare(asset_store)
        resolve(asset_store, of("unknown"), Resolution.NEW_TAG)
        assert name(asset_store, asset_id) == "W12-0001"
        assert agree(asset_store)

    def test_the_second_of_two_assets_with_the_name_is_a_duplicate_then(self, asset_store: FailingAssetStore) -> None:
        one, other = asset_store.asset("W12-0900"), asset_store.asset("W12-0900")
        compare(asset_store)
        resolve(asset_store, of("unknown", one), Resolution.ADOPT_NAME)
        with pytest.raises(DiscrepancyChanged):
            resolve(asset_store, of("unknown", other), Resolution.ADOPT_NAME, at=AT + timedelta(seconds=1))
        assert found() == {("twin", "W12-0900", other, "W12-0900")}

    def test_the_name_may_be_a_retired_tag(self, asset_store: FailingAssetStore) -> None:
        vanish(tagged(asset_store, printed=True))
        compare(asset_store)
        resolve(asset_store, of("gone"), Resolution.RETIRE_TAG)
        asset_id = asset_store.asset("W12-0001")
        compare(asset_store, AT + timedelta(days=1))
        assert entry(asset_store, of("unknown")).options[0].effect == "The tag was retired."
        resolve(asset_store, of("unknown"), Resolution.ADOPT_NAME, at=AT + timedelta(days=2))
        assert row("W12-0001").asset_id == asset_id

    def test_an_asset_that_got_a_tag_in_the_meantime_gets_no_second_one(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("W12-0900")
        compare(asset_store)
        with transaction() as session:
            service.assign_to_created_asset(session, asset_id=asset_id, asset_name=None, prefix="W12-", now=AT - timedelta(hours=3))
        with pytest.raises(DiscrepancyChanged):
            resolve(asset_store, of("unknown"), Resolution.NEW_TAG)
        assert found() == {("renamed", "W12-0001", asset_id, "W12-0900")}
        assert "rename" not in asset_store.calls


def test_an_asset_with_a_misspelled_tag_gets_a_tag(asset_store: FailingAssetStore) -> None:
    asset_id = asset_store.asset("w12-7")
    compare(asset_store)
    assert offered(asset_store, "misspelt") == [Resolution.NEW_TAG, Resolution.IGNORE]
    resolve(asset_store, of("misspelt"), Resolution.NEW_TAG)
    assert name(asset_store, asset_id) == "W12-0001"
    assert agree(asset_store)


def test_every_kind_can_be_ignored(asset_store: FailingAssetStore) -> None:
    renamed, gone, _ = (tagged(asset_store) for _ in range(3))
    asset_store.rename(renamed, "Cart 4")
    vanish(gone)
    for text in ("W12-0003", "W12-0900", "W12-1 spare"):
        asset_store.asset(text)
    assert compare(asset_store) == 5
    for kind, tag in (
        ("renamed", "W12-0001"),
        ("gone", "W12-0002"),
        ("twin", "W12-0003"),
        ("unknown", "W12-0900"),
        ("misspelt", "W12-1 spare"),
    ):
        assert "is ignored until its name changes." in resolve(asset_store, of(kind), Resolution.IGNORE)
        assert (kind, last_event(tag)) == (kind, ("left", "ada"))
    assert agree(asset_store)


class TestAssetStoreFails:
    def test_renaming_leaves_the_discrepancy_open(self, asset_store: FailingAssetStore) -> None:
        asset_store.rename(tagged(asset_store), "old")
        compare(asset_store)
        for error in (silence(), AssetStoreRefused("Permission Denied."), AssetStoreBusy("Later.")):
            asset_store.fails["rename"] = error
            with pytest.raises(type(error)):
                resolve(asset_store, of("renamed"), Resolution.RENAME_ASSET)
            assert len(found()) == 1
        asset_store.fails.clear()
        resolve(asset_store, of("renamed"), Resolution.RENAME_ASSET)
        assert agree(asset_store)

    def test_a_new_tag_is_released_if_the_asset_was_not_renamed(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("W12-7")
        compare(asset_store)
        for error in (AssetStoreRefused("Permission Denied."), AssetNotFound("gone"), AssetStoreBusy("Later.")):
            asset_store.fails["rename"] = error
            with pytest.raises(type(error)):
                resolve(asset_store, of("misspelt"), Resolution.NEW_TAG)
            assert len(found()) == 1
            with transaction() as session:
                assert str(sequence.preview(session, "W12-")) == "W12-0001"

    def test_the_job_finishes_if_the_asset_may_have_been_renamed(self, asset_store: FailingAssetStore) -> None:
        for number, after in enumerate((True, False), start=1):
            asset_id = asset_store.asset(f"W12-{number}")
            compare(asset_store)
            asset_store.fails["rename"], asset_store.after = silence(), after
            said = resolve(asset_store, of("misspelt", asset_id), Resolution.NEW_TAG)
            assert "The name in RT will be updated as soon as possible." in said
            asset_store.fails.clear()
            assert (confirm_due(asset_store), name(asset_store, asset_id)) == (1, f"W12-000{number}")
        assert agree(asset_store)

    def test_nothing_is_done_without_a_recheck(self, asset_store: FailingAssetStore) -> None:
        class Silent(FailingAssetStore):
            def get(self, asset_id: int) -> Asset:
                raise silence()

        vanish(tagged(asset_store))
        compare(asset_store)
        for resolution in (Resolution.RELEASE_TAG, Resolution.RETIRE_TAG, Resolution.IGNORE):
            with pytest.raises(AssetStoreUnreachable):
                resolve(Silent(), of("gone"), resolution)
        assert len(found()) == 1
