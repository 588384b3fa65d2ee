"""Settling differences: each in its ways, when it is not as it was any more, when the directory fails, and by two at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStoreBusy, AssetStoreRefused, AssetStoreUnreachable
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import transaction
from request_tracker_utils.reconciliation.errors import DifferenceChanged, DifferenceNotFound, DifferenceSettled
from request_tracker_utils.tags import confirmation, differences, lookup, sequence, service
from request_tracker_utils.tags.errors import TagTaken
from request_tracker_utils.tags.models import TagState
from request_tracker_utils.tags.options import Choice, Way, choices
from request_tracker_utils.tags.resolution import Settlement
from tests.services.asset_stores import FailingAssetStore, silence
from tests.unit.tags.conftest import ADA, NOW
from tests.unit.tags.difference import LATER, about, compare, found, of, only, row, tagged, told, vanish

AT = LATER + timedelta(hours=1)
GRACE_HOPPER = Actor("grace")


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def settle(asset_store: FailingAssetStore, number: int, way: Way, *, actor: Actor = ADA, at: datetime = AT, seal: str | None = None) -> str:
    return Settlement(transaction, asset_store, place="RT", actor=actor, clock=lambda: at).settle(number, way, seal=seal)


def choice(number: int) -> Choice:
    with transaction() as session:
        return choices(session, [differences.RECORD.get(session, number)], place="RT")[0]


def ways(number: int) -> list[Way]:
    return [offer.way for offer in choice(number).offers]


def name(asset_store: FailingAssetStore, asset_id: int) -> str:
    return asset_store.get(asset_id).name


def agree(asset_store: FailingAssetStore) -> bool:
    """Whether a further comparison finds nothing."""
    return compare(asset_store, AT + timedelta(days=1)) == 0


class TestAnAssetThatIsCalledOtherwise:
    def test_is_called_by_its_tag_again(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        assert settle(asset_store, of("renamed"), Way.CALL_AGAIN) == f"#{asset_id} is called W12-0001 again in RT."
        assert name(asset_store, asset_id) == "W12-0001"
        assert told("W12-0001") == ("renamed", "ada")
        assert (only().settlement, only().settled_by, only().settled_at) == ("called-again", "ada", AT)
        assert agree(asset_store)

    def test_gets_the_free_tag_that_it_is_called(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "W12-0002")
        compare(asset_store)
        assert ways(of("renamed")) == [Way.CALL_AGAIN, Way.TAKE_NAME, Way.LEAVE]
        settle(asset_store, of("renamed"), Way.TAKE_NAME)
        assert (row("W12-0001").state, row("W12-0001").asset_id) == (TagState.RELEASED, None)
        assert (row("W12-0002").state, row("W12-0002").asset_id, row("W12-0002").confirmed_at) == (TagState.ASSIGNED, asset_id, AT)
        assert agree(asset_store)
        following = [tagged(asset_store), tagged(asset_store)]
        assert [name(asset_store, each) for each in following] == ["W12-0001", "W12-0003"]  # the number of the name is spent too

    def test_leaves_a_printed_tag_to_nobody(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store, printed=True)
        asset_store.rename(asset_id, "W12-0500")
        compare(asset_store)
        settle(asset_store, of("renamed"), Way.TAKE_NAME)
        assert row("W12-0001").is_retired
        assert row("W12-0500").asset_id == asset_id
        assert name(asset_store, tagged(asset_store)) == "W12-0002"

    def test_gives_its_tag_up_when_its_name_is_none(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "scrap")
        compare(asset_store)
        assert ways(of("renamed")) == [Way.CALL_AGAIN, Way.TAKE_AWAY, Way.LEAVE]
        settle(asset_store, of("renamed"), Way.TAKE_AWAY)
        assert row("W12-0001").state == TagState.RELEASED
        assert name(asset_store, asset_id) == "scrap"
        assert agree(asset_store)

    def test_cannot_take_a_tag_that_is_anothers(self, asset_store: FailingAssetStore) -> None:
        asset_id, _ = tagged(asset_store), tagged(asset_store)
        asset_store.rename(asset_id, "W12-0002")
        compare(asset_store)
        assert ways(of("renamed")) == [Way.CALL_AGAIN, Way.LEAVE]
        with pytest.raises(DifferenceChanged):
            settle(asset_store, of("renamed"), Way.TAKE_NAME)
        assert row("W12-0001").asset_id == asset_id

    def test_does_not_free_a_tag_that_another_asset_bears(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "scrap")
        asset_store.asset("W12-0001")
        compare(asset_store)
        with pytest.raises(DifferenceChanged, match="Settle that first"):
            settle(asset_store, of("renamed"), Way.TAKE_AWAY)
        assert row("W12-0001").asset_id == asset_id
        assert {kind for kind, *_ in found()} == {"renamed", "twin"}


class TestATwin:
    def test_gets_a_new_tag(self, asset_store: FailingAssetStore) -> None:
        holder, twin = tagged(asset_store), asset_store.asset("W12-0001")
        compare(asset_store)
        assert settle(asset_store, of("twin"), Way.NEW_TAG) == f"W12-0002 is the tag of #{twin} now."
        assert (name(asset_store, twin), name(asset_store, holder)) == ("W12-0002", "W12-0001")
        assert (row("W12-0002").asset_id, row("W12-0002").due_at, row("W12-0002").previous_name) == (twin, None, "W12-0001")
        assert told("W12-0002") == ("renamed", "ada")
        assert agree(asset_store)

    def test_is_the_right_one_and_the_other_gets_a_new_tag(self, asset_store: FailingAssetStore) -> None:
        holder, twin = tagged(asset_store), asset_store.asset("W12-0001")
        compare(asset_store)
        settle(asset_store, of("twin"), Way.MOVE)
        assert (row("W12-0001").asset_id, row("W12-0002").asset_id) == (twin, holder)
        assert name(asset_store, holder) == "W12-0002"
        assert told("W12-0001") == ("moved", "ada")
        assert agree(asset_store)

    def test_gets_the_tag_of_an_asset_that_is_gone(self, asset_store: FailingAssetStore) -> None:
        holder, twin = tagged(asset_store, printed=True), asset_store.asset("W12-0001")
        vanish(holder)
        compare(asset_store)
        settle(asset_store, of("twin"), Way.MOVE)
        assert (row("W12-0001").asset_id, row("W12-0001").printed_at) == (twin, NOW)
        assert agree(asset_store)
        assert name(asset_store, tagged(asset_store)) == "W12-0002"

    def test_leaves_naming_the_other_one_to_a_job_when_the_directory_fails(self, asset_store: FailingAssetStore) -> None:
        holder, twin = tagged(asset_store), asset_store.asset("W12-0001")
        compare(asset_store)
        asset_store.fails["rename"] = silence()
        assert "A job tells RT as soon as it can" in settle(asset_store, of("twin"), Way.MOVE)
        assert (row("W12-0001").asset_id, row("W12-0002").asset_id) == (twin, holder)
        asset_store.fails.clear()
        assert confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: AT + timedelta(hours=1)) == 1
        assert name(asset_store, holder) == "W12-0002"


class TestATagWhoseAssetIsGone:
    def test_is_given_again(self, asset_store: FailingAssetStore) -> None:
        vanish(tagged(asset_store))
        compare(asset_store)
        settle(asset_store, of("gone"), Way.FREE)
        assert told("W12-0001") == ("released", "ada")
        assert agree(asset_store)
        assert name(asset_store, tagged(asset_store)) == "W12-0001"

    def test_is_retired_for_ever_and_nobody_is_bothered_with_it_again(self, asset_store: FailingAssetStore) -> None:
        vanish(tagged(asset_store, printed=True))
        compare(asset_store)
        assert ways(of("gone")) == [Way.KEEP, Way.LEAVE]
        settle(asset_store, of("gone"), Way.KEEP)
        assert (row("W12-0001").is_retired, only().settlement, told("W12-0001")) == (True, "kept", ("kept", "ada"))
        with transaction() as session:
            assert lookup.pending_tags(session) == []
            assert lookup.pending_counts(session) == {"unconfirmed": 0, "problems": 0}
        assert agree(asset_store)
        assert confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: AT + timedelta(days=900)) == 0
        named = asset_store.asset("W12-0001")
        with transaction() as session:
            given = service.assign_to_created_asset(session, asset_id=named, asset_name="W12-0001", prefix="W12-", now=AT)
        assert given is not None
        assert given.tag == "W12-0002"
        with pytest.raises(TagTaken, match="a label of it may hang on a device"):
            service.assign_manually(transaction, asset_store, text="W12-0001", asset_id=asset_store.asset("x"), actor=ADA, now=AT)

    def test_is_not_freed_once_a_label_was_printed(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        vanish(asset_id)
        compare(asset_store)
        with transaction() as session:
            service.mark_printed(session, [(asset_id, "W12-0001")], now=AT)
        with pytest.raises(DifferenceChanged):
            settle(asset_store, of("gone"), Way.FREE)
        assert row("W12-0001").asset_id == asset_id

    def test_that_a_job_had_given_up_on_needs_no_look_any_more(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("x")
        with transaction() as session:
            service.assign_to_created_asset(session, asset_id=asset_id, asset_name=None, prefix="W12-", now=NOW)
            service.mark_printed(session, [(asset_id, "W12-0001")], now=NOW)
        vanish(asset_id)
        for hour in range(6):
            confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda hour=hour: NOW + timedelta(hours=2 + hour))  # type: ignore[misc]
        with transaction() as session:
            assert lookup.pending_counts(session)["problems"] == 1
        compare(asset_store)
        settle(asset_store, of("gone"), Way.KEEP)
        with transaction() as session:
            assert lookup.pending_counts(session)["problems"] == 0


class TestATagThatNobodyHasHere:
    def test_is_taken_over_and_not_given_to_another(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("W12-0001")
        compare(asset_store)
        settle(asset_store, of("unknown"), Way.ADOPT)
        assert (row("W12-0001").asset_id, row("W12-0001").due_at, told("W12-0001")) == (asset_id, None, ("adopted", "ada"))
        assert agree(asset_store)
        assert name(asset_store, tagged(asset_store)) == "W12-0002"

    def test_gives_way_to_a_new_one(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("W12-0900")
        compare(asset_store)
        settle(asset_store, of("unknown"), Way.NEW_TAG)
        assert name(asset_store, asset_id) == "W12-0001"
        assert agree(asset_store)

    def test_that_two_assets_bear_becomes_the_tag_of_one_and_the_other_is_its_twin(self, asset_store: FailingAssetStore) -> None:
        one, other = asset_store.asset("W12-0900"), asset_store.asset("W12-0900")
        compare(asset_store)
        settle(asset_store, about(one), Way.ADOPT)
        with pytest.raises(DifferenceChanged):
            settle(asset_store, about(other), Way.ADOPT, at=AT + timedelta(seconds=1))
        assert found() == {("twin", "W12-0900", other, "W12-0900")}

    def test_may_be_one_that_was_kept(self, asset_store: FailingAssetStore) -> None:
        vanish(tagged(asset_store, printed=True))
        compare(asset_store)
        settle(asset_store, of("gone"), Way.KEEP)
        asset_id = asset_store.asset("W12-0001")
        compare(asset_store, AT + timedelta(days=1))
        settle(asset_store, of("unknown"), Way.ADOPT, at=AT + timedelta(days=2))
        assert row("W12-0001").asset_id == asset_id


def test_an_asset_with_a_misspelt_name_gets_a_tag(asset_store: FailingAssetStore) -> None:
    asset_id = asset_store.asset("w12-7")
    compare(asset_store)
    settle(asset_store, of("misspelt"), Way.NEW_TAG)
    assert name(asset_store, asset_id) == "W12-0001"
    assert agree(asset_store)


@pytest.mark.parametrize("bad", ["renamed", "twin", "gone", "unknown", "misspelt"])
def test_every_kind_may_be_left_as_it_is(asset_store: FailingAssetStore, bad: str) -> None:
    asset_id = tagged(asset_store)
    if bad == "renamed":
        asset_store.rename(asset_id, "Cart 4")
    elif bad == "gone":
        vanish(asset_id)
    else:
        asset_store.asset({"twin": "W12-0001", "unknown": "W12-0900", "misspelt": "W12-1 spare"}[bad])
    assert compare(asset_store) == 1
    settle(asset_store, of(bad), Way.LEAVE)
    assert told({"unknown": "W12-0900", "misspelt": "W12-1 spare"}.get(bad, "W12-0001")) == ("left", "ada")
    assert agree(asset_store)
    assert only().settlement == "left"


class TestWhatIsNotAsItWas:
    def test_is_looked_at_anew_and_nothing_is_done(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        asset_store.rename(asset_id, "older")
        with pytest.raises(DifferenceChanged, match="here is how it stands now"):
            settle(asset_store, of("renamed"), Way.CALL_AGAIN)
        assert found() == {("renamed", "W12-0001", asset_id, "older")}
        assert name(asset_store, asset_id) == "older"
        vanish(asset_id)
        with pytest.raises(DifferenceChanged):
            settle(asset_store, of("renamed"), Way.CALL_AGAIN)
        assert found() == {("gone", "W12-0001", asset_id, None)}

    def test_may_have_settled_itself(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        asset_store.rename(asset_id, "W12-0001")
        with pytest.raises(DifferenceChanged, match="Nothing differs there any more"):
            settle(asset_store, of("renamed"), Way.TAKE_AWAY)
        assert (found(), only().settlement) == (set(), "vanished")
        assert row("W12-0001").asset_id == asset_id

    def test_is_noticed_where_only_the_words_of_a_button_changed(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        seal = choice(of("renamed")).seal
        with transaction() as session:
            service.mark_printed(session, [(asset_id, "W12-0001")], now=AT)
        with pytest.raises(DifferenceChanged, match="choose again"):
            settle(asset_store, of("renamed"), Way.TAKE_AWAY, seal=seal)
        settle(asset_store, of("renamed"), Way.TAKE_AWAY, seal=choice(of("renamed")).seal)
        assert row("W12-0001").is_retired

    def test_may_be_no_difference_at_all(self, asset_store: FailingAssetStore) -> None:
        with pytest.raises(DifferenceNotFound):
            settle(asset_store, 99, Way.LEAVE)

    def test_is_not_settled_in_the_way_of_another_kind(self, asset_store: FailingAssetStore) -> None:
        vanish(tagged(asset_store))
        compare(asset_store)
        with pytest.raises(DifferenceChanged):
            settle(asset_store, of("gone"), Way.ADOPT)
        assert only().settled_at is None

    def test_is_not_given_a_tag_when_somebody_gave_one_meanwhile(self, inside: Flask) -> None:
        class Untouched(FailingAssetStore):
            def rename(self, asset_id: int, name: str) -> str:
                raise AssertionError("nothing may be renamed")

        asset_store = Untouched()
        asset_id = asset_store.asset("W12-0900")
        compare(asset_store)
        with transaction() as session:
            service.assign_to_created_asset(session, asset_id=asset_id, asset_name=None, prefix="W12-", now=AT - timedelta(hours=3))
        with pytest.raises(DifferenceChanged):
            settle(asset_store, of("unknown"), Way.NEW_TAG)
        assert found() == {("renamed", "W12-0001", asset_id, "W12-0900")}


class TestWhenTheDirectoryFails:
    @pytest.mark.parametrize("error", [silence(), AssetStoreRefused("Permission Denied."), AssetStoreBusy("Later.")])
    def test_what_was_to_be_called_again_stays_open(self, asset_store: FailingAssetStore, error: Exception) -> None:
        asset_store.rename(tagged(asset_store), "old")
        compare(asset_store)
        asset_store.fails["rename"] = error
        with pytest.raises(type(error)):
            settle(asset_store, of("renamed"), Way.CALL_AGAIN)
        assert (only().settled_at, only().settlement) == (None, None)
        asset_store.fails.clear()
        settle(asset_store, of("renamed"), Way.CALL_AGAIN)
        assert agree(asset_store)

    @pytest.mark.parametrize("error", [AssetStoreRefused("Permission Denied."), AssetNotFound("gone"), AssetStoreBusy("Later.")])
    def test_a_new_tag_is_given_back_when_nothing_was_changed(self, asset_store: FailingAssetStore, error: Exception) -> None:
        asset_store.asset("W12-7")
        compare(asset_store)
        asset_store.fails["rename"] = error
        with pytest.raises(type(error)):
            settle(asset_store, of("misspelt"), Way.NEW_TAG)
        assert only().settled_at is None
        with transaction() as session:
            assert str(sequence.preview(session, "W12-")) == "W12-0001"

    @pytest.mark.parametrize("after", [True, False])
    def test_a_job_finishes_what_nobody_knows_the_end_of(self, asset_store: FailingAssetStore, after: bool) -> None:
        asset_id = asset_store.asset("W12-7")
        compare(asset_store)
        asset_store.fails["rename"], asset_store.after = silence(), after
        assert "A job tells RT" in settle(asset_store, of("misspelt"), Way.NEW_TAG)
        asset_store.fails.clear()
        assert confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: AT + timedelta(hours=1)) == 1
        assert name(asset_store, asset_id) == "W12-0001"
        assert agree(asset_store)

    def test_nothing_is_settled_without_having_looked(self, inside: Flask) -> None:
        class Silent(FailingAssetStore):
            def get(self, asset_id: int) -> Asset:
                raise silence()

        vanish(tagged(FailingAssetStore()))
        compare(FailingAssetStore())
        for way in (Way.FREE, Way.KEEP, Way.LEAVE):
            with pytest.raises(AssetStoreUnreachable):
                settle(Silent(), of("gone"), way)
        assert only().settled_at is None


def test_of_two_who_press_different_buttons_at_once_one_is_too_late(inside: Flask) -> None:
    both_looked = Barrier(2, timeout=30)

    class Together(FailingAssetStore):
        def get(self, asset_id: int) -> Asset:
            asset = super().get(asset_id)
            both_looked.wait()
            return asset

    asset_store = FailingAssetStore()
    asset_id = tagged(asset_store)
    asset_store.rename(asset_id, "W12-0900")
    compare(asset_store)

    def press(actor: Actor, way: Way) -> str:
        with inside.app_context():
            try:
                return settle(Together(), 1, way, actor=actor)
            except DifferenceSettled as error:
                return error.message

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(press, (ADA, GRACE_HOPPER), (Way.CALL_AGAIN, Way.TAKE_NAME)))
    won = only().settled_by
    assert f"{won} was faster: asset #{asset_id} has been seen to already." in answers
    assert name(asset_store, asset_id) == ("W12-0001" if won == "ada" else "W12-0900")
    assert agree(asset_store)
