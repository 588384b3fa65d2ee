"""Finding out what became of creations that nobody has heard of any more."""

import pytest

from request_tracker_utils.asset_store.service import AssetStoreRefused, AssetStoreUnreachable, NewAsset, SerialTaken
from request_tracker_utils.assets import claims
from request_tracker_utils.assets.errors import CreationUnknown, SerialInFlight
from request_tracker_utils.assets.fields import Wanted
from request_tracker_utils.assets.service import Creator
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tags import service as tags
from tests.services.asset_stores import silence
from tests.services.creations import ADA, wanted
from tests.services.loose_asset_store import Do
from tests.unit.assets.books import Office, creations, discrepancies, holder_of, next_tag, states


def lose(office: Office, serial: str, *, created: bool) -> None:
    """Creates an asset of which the directory does not answer whether it did."""

    def create(_new: NewAsset, do: Do) -> int:
        if created:
            do()
        raise silence()

    office.asset_store.on_create = create
    with pytest.raises(CreationUnknown):
        office.creator.create(wanted(serial))
    office.asset_store.on_create = lambda _new, do: do()


def put_off_tags(office: Office) -> None:
    """Has confirm-tags come before recover-creations has found its truth."""
    for _ in range(4):
        office.clock.forward(minutes=1)
        office.confirm()


class TestAnAssetThatWasCreated:
    def test_is_found_at_the_first_look_and_has_its_tag(self, office: Office) -> None:
        lose(office, "S-1", created=True)
        office.clock.forward(seconds=16)
        assert office.settle() == 1
        assert (states("S-1"), holder_of("W12-0001"), discrepancies(office.asset_store)) == (["created"], ("assigned", 1), [])

    def test_is_found_by_its_name_where_the_directory_dropped_the_serial_number_and_that_is_said(self, office: Office) -> None:
        def create(new: NewAsset, _do: Do) -> int:
            office.asset_store.add(new.name)
            raise silence()

        office.asset_store.on_create = create
        with pytest.raises(CreationUnknown):
            office.creator.create(wanted("S-1"))
        office.hours_pass(1)
        (creation,) = creations("S-1")
        assert (creation.state, creation.asset_id, holder_of("W12-0001")) == ("created", 1, ("assigned", 1))
        assert "did not keep its serial number" in (creation.problem or "")

    def test_that_appears_between_the_looks_is_found_at_the_second(self, office: Office) -> None:
        lose(office, "S-1", created=False)
        office.clock.forward(seconds=16)
        assert office.settle() == 0
        office.asset_store.add("W12-0001", serial="S-1")  # Request Tracker has taken its time
        office.hours_pass(1)
        assert (states("S-1"), discrepancies(office.asset_store), len(office.asset_store.assets)) == (["created"], [], 1)


class TestAnAssetThatWasNotCreated:
    def test_is_looked_for_twice_and_nothing_is_free_before_the_second_look_after_the_grace(self, office: Office) -> None:
        lose(office, "S-1", created=False)
        for _ in range(38):
            office.clock.forward(seconds=15)
            assert office.settle() == 0
            assert (states("S-1"), holder_of("W12-0001")[0]) == (["unknown"], "reserved")
        office.clock.forward(minutes=1)
        assert office.settle() == 1
        assert (states("S-1"), holder_of("W12-0001"), next_tag()) == (["failed"], ("released", None), "W12-0001")

    def test_is_looked_for_a_second_time_also_when_the_directory_was_silent_all_along(self, office: Office) -> None:
        lose(office, "S-1", created=False)
        office.asset_store.on_search = _silent
        for _ in range(60):
            office.clock.forward(minutes=1)
            with pytest.raises(AssetStoreUnreachable):
                office.settle()
        office.asset_store.on_search = lambda: None
        office.clock.forward(minutes=2)
        assert (office.settle(), states("S-1")) == (0, ["unknown"])
        office.clock.forward(seconds=20)
        assert (office.settle(), states("S-1")) == (1, ["failed"])

    def test_stays_blocked_however_often_somebody_asks_within_the_grace(self, office: Office) -> None:
        lose(office, "S-1", created=False)
        for _ in range(20):
            with pytest.raises(SerialInFlight):
                office.creator.create(wanted("S-1"))
        assert (states("S-1"), holder_of("W12-0001")[0]) == (["unknown"], "reserved")


class TestAClaimOfWhichNothingWasSent:
    def test_is_free_when_its_lease_has_ended_and_not_before(self, office: Office) -> None:
        claim(office, wanted("S-1"))
        office.clock.forward(seconds=119)
        with transaction() as session:
            assert claims.claim(session, wanted("S-1"), actor=ADA, now=office.clock()) is None
        office.clock.forward(seconds=2)
        assert office.creator.create(wanted("S-1")).tag == "W12-0001"
        assert states("S-1") == ["failed", "created"]

    def test_is_ended_by_the_job_too(self, office: Office) -> None:
        claim(office, wanted("S-1"))
        office.clock.forward(minutes=3)
        assert (office.settle(), states("S-1"), office.asset_store.calls) == (1, ["failed"], [])

    def test_and_lapsed_sends_nothing_any_more(self, office: Office) -> None:
        mine = claim(office, wanted("S-1"))
        office.clock.forward(minutes=3)
        office.settle()
        with pytest.raises(SerialInFlight, match="took too long"):
            office.creator.send(mine, wanted("S-1"))
        assert (office.asset_store.calls, next_tag()) == ([], "W12-0001")

    def test_is_not_taken_for_broken_off_when_it_was_sent_meanwhile(self, office: Office) -> None:
        mine = claim(office, wanted("S-1"))

        def create(_new: NewAsset, do: Do) -> int:
            office.clock.forward(minutes=3)  # the lease of what was only held would have ended by now
            with transaction() as session:
                assert claims.end_lapsed(session, now=office.clock()) == 0
            with transaction() as session:
                assert claims.claim(session, wanted("S-1"), actor=ADA, now=office.clock()) is None, "a twin could be created now"
            return do()

        office.asset_store.on_create = create
        office.creator.send(mine, wanted("S-1"))


class TestSomebodyElsesAsset:
    def test_made_by_hand_with_the_serial_number_has_nobody_create_a_twin(self, office: Office) -> None:
        lose(office, "S-1", created=False)
        foreign = office.asset_store.add("by hand", serial="S-1")
        office.hours_pass(1)
        assert holder_of("W12-0001")[0] == "released"
        with pytest.raises(SerialTaken) as refusal:
            office.creator.create(wanted("S-1"))
        assert refusal.value.fields["asset_id"] == foreign

    def test_made_by_hand_and_given_a_tag_by_the_webhook_keeps_that_and_ours_is_free(self, office: Office) -> None:
        lose(office, "S-1", created=False)
        foreign = office.asset_store.add("by hand", serial="S-1")
        tags.on_asset_created(transaction, asset_id=foreign, asset_name="by hand", prefix="W12-", now=office.clock())
        office.hours_pass(1)
        assert (holder_of("W12-0002"), next_tag()) == (("assigned", foreign), "W12-0001")
        with pytest.raises(SerialTaken):
            office.creator.create(wanted("S-1"))

    def test_that_was_called_by_the_tag_is_not_taken_for_ours(self, office: Office) -> None:
        lose(office, "S-1", created=False)
        office.asset_store.add("W12-0001", serial="OTHER-1")
        office.hours_pass(1)
        assert states("S-1") == ["failed"]

    def test_that_got_the_released_tag_is_not_taken_for_ours(self, office: Office) -> None:
        lose(office, "S-1", created=False)
        office.clock.forward(minutes=11)
        put_off_tags(office)
        assert office.creator.create(wanted("OTHER-1")).tag == "W12-0001"
        office.hours_pass(1)
        assert (states("S-1"), discrepancies(office.asset_store)) == (["failed"], [])

    @pytest.mark.parametrize("bearers", [1, 2])
    def test_called_by_the_tag_keeps_the_tag_from_being_given_again(self, office: Office, bearers: int) -> None:
        lose(office, "S-1", created=False)
        for number in range(bearers):
            office.asset_store.add("W12-0001", serial=f"OTHER-{number}")
        office.clock.forward(seconds=16)
        office.settle()
        office.clock.forward(minutes=10)
        office.settle()
        assert next_tag() == "W12-0002"


class TestTheTagsJob:
    @pytest.mark.parametrize("created", [True, False], ids=["created", "not created"])
    def test_may_come_first_and_nothing_is_lost_or_twice(self, office: Office, created: bool) -> None:
        lose(office, "S-1", created=created)
        office.clock.forward(minutes=11)
        put_off_tags(office)
        office.hours_pass(1)
        assert (states("S-1"), discrepancies(office.asset_store)) == (["created" if created else "failed"], [])
        assert next_tag() == ("W12-0002" if created else "W12-0001")


def test_a_refusal_that_comes_after_the_job_has_looked_ends_it(office: Office) -> None:
    def create(_new: NewAsset, _do: Do) -> int:
        office.clock.forward(minutes=3)
        office.settle()
        raise AssetStoreRefused("No.")

    office.asset_store.on_create = create
    with pytest.raises(AssetStoreRefused):
        office.creator.create(wanted("S-1"))
    assert (states("S-1"), next_tag()) == (["failed"], "W12-0001")


def test_creations_that_ended_long_ago_are_put_away_and_open_ones_are_not(office: Office) -> None:
    office.creator.create(wanted("OLD-1"))
    claim(office, wanted("OPEN-1"))
    office.clock.forward(days=91)
    with transaction() as session:
        assert claims.put_away(session, now=office.clock()) == 1
    assert (creations("OLD-1"), states("OPEN-1")) == ([], ["claimed"])


def claim(office: Office, asset: Wanted) -> claims.Creation:
    creator: Creator = office.creator
    with transaction() as session:
        mine = claims.claim(session, asset, actor=ADA, now=creator.clock())
    assert mine is not None
    return mine


def _silent() -> None:
    raise silence()
