"""Finding out what became of creations that nobody has heard of any more."""

import pytest

from request_tracker_utils.asset_store.service import AssetStoreRefused, AssetStoreUnreachable, NewAsset, SerialTaken
from request_tracker_utils.assets import creations
from request_tracker_utils.assets.errors import CreationUnknown, SerialInFlight
from request_tracker_utils.assets.fields import NewAssetFields
from request_tracker_utils.assets.service import AssetCreator
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tags import service as tags
from tests.services.asset_stores import silence
from tests.services.creations import ADA, laptop
from tests.services.loose_asset_store import Do
from tests.unit.assets.installation import Installation, creations_of, holder_of, inconsistencies, next_tag, states


def lose(installation: Installation, serial: str, *, created: bool) -> None:
    """Creates an asset of which the directory does not answer whether it did."""

    def create(_new: NewAsset, do: Do) -> int:
        if created:
            do()
        raise silence()

    installation.asset_store.on_create = create
    with pytest.raises(CreationUnknown):
        installation.creator.create(laptop(serial))
    installation.asset_store.on_create = lambda _new, do: do()


def put_off_tags(installation: Installation) -> None:
    """Has confirm-tags come before recover-creations has found its truth."""
    for _ in range(4):
        installation.clock.forward(minutes=1)
        installation.confirm()


class TestAnAssetThatWasCreated:
    def test_is_found_at_the_first_look_and_has_its_tag(self, installation: Installation) -> None:
        lose(installation, "S-1", created=True)
        installation.clock.forward(seconds=16)
        assert installation.recover() == 1
        assert (states("S-1"), holder_of("W12-0001"), inconsistencies(installation.asset_store)) == (["created"], ("assigned", 1), [])

    def test_is_found_by_its_name_where_the_directory_dropped_the_serial_number_and_that_is_said(self, installation: Installation) -> None:
        def create(new: NewAsset, _do: Do) -> int:
            installation.asset_store.add(new.name)
            raise silence()

        installation.asset_store.on_create = create
        with pytest.raises(CreationUnknown):
            installation.creator.create(laptop("S-1"))
        installation.pass_hours(1)
        (creation,) = creations_of("S-1")
        assert (creation.state, creation.asset_id, holder_of("W12-0001")) == ("created", 1, ("assigned", 1))
        assert "without its serial number" in (creation.problem or "")

    def test_that_appears_between_the_looks_is_found_at_the_second(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        installation.clock.forward(seconds=16)
        assert installation.recover() == 0
        installation.asset_store.add("W12-0001", serial="S-1")  # Request Tracker has taken its time
        installation.pass_hours(1)
        assert (states("S-1"), inconsistencies(installation.asset_store), len(installation.asset_store.assets)) == (["created"], [], 1)


class TestAnAssetThatWasNotCreated:
    def test_is_looked_for_twice_and_nothing_is_free_before_the_second_look_after_the_grace(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        for _ in range(38):
            installation.clock.forward(seconds=15)
            assert installation.recover() == 0
            assert (states("S-1"), holder_of("W12-0001")[0]) == (["unknown"], "reserved")
        installation.clock.forward(minutes=1)
        assert installation.recover() == 1
        assert (states("S-1"), holder_of("W12-0001"), next_tag()) == (["failed"], ("released", None), "W12-0001")

    def test_is_looked_for_a_second_time_also_when_the_directory_was_silent_all_along(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        installation.asset_store.on_search = _silent
        for _ in range(60):
            installation.clock.forward(minutes=1)
            with pytest.raises(AssetStoreUnreachable):
                installation.recover()
        installation.asset_store.on_search = lambda: None
        installation.clock.forward(minutes=2)
        assert (installation.recover(), states("S-1")) == (0, ["unknown"])
        installation.clock.forward(seconds=20)
        assert (installation.recover(), states("S-1")) == (1, ["failed"])

    def test_stays_blocked_however_often_somebody_asks_within_the_grace(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        for _ in range(20):
            with pytest.raises(SerialInFlight):
                installation.creator.create(laptop("S-1"))
        assert (states("S-1"), holder_of("W12-0001")[0]) == (["unknown"], "reserved")


class TestAClaimOfWhichNothingWasSent:
    def test_is_free_when_its_lease_has_ended_and_not_before(self, installation: Installation) -> None:
        claim(installation, laptop("S-1"))
        installation.clock.forward(seconds=119)
        with transaction() as session:
            assert creations.claim(session, laptop("S-1"), actor=ADA, now=installation.clock()) is None
        installation.clock.forward(seconds=2)
        assert installation.creator.create(laptop("S-1")).tag == "W12-0001"
        assert states("S-1") == ["failed", "created"]

    def test_is_ended_by_the_job_too(self, installation: Installation) -> None:
        claim(installation, laptop("S-1"))
        installation.clock.forward(minutes=3)
        assert (installation.recover(), states("S-1"), installation.asset_store.calls) == (1, ["failed"], [])

    def test_and_lapsed_sends_nothing_any_more(self, installation: Installation) -> None:
        mine = claim(installation, laptop("S-1"))
        installation.clock.forward(minutes=3)
        installation.recover()
        with pytest.raises(SerialInFlight, match="took too long"):
            installation.creator.send(mine, laptop("S-1"))
        assert (installation.asset_store.calls, next_tag()) == ([], "W12-0001")

    def test_is_not_taken_for_broken_off_when_it_was_sent_meanwhile(self, installation: Installation) -> None:
        mine = claim(installation, laptop("S-1"))

        def create(_new: NewAsset, do: Do) -> int:
            installation.clock.forward(minutes=3)  # the lease of what was only held would have ended by now
            with transaction() as session:
                assert creations.end_lapsed(session, now=installation.clock()) == 0
            with transaction() as session:
                assert creations.claim(session, laptop("S-1"), actor=ADA, now=installation.clock()) is None, "a twin could be created now"
            return do()

        installation.asset_store.on_create = create
        installation.creator.send(mine, laptop("S-1"))


class TestSomebodyElsesAsset:
    def test_made_by_hand_with_the_serial_number_has_nobody_create_a_twin(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        foreign = installation.asset_store.add("by hand", serial="S-1")
        installation.pass_hours(1)
        assert holder_of("W12-0001")[0] == "released"
        with pytest.raises(SerialTaken) as refusal:
            installation.creator.create(laptop("S-1"))
        assert refusal.value.fields["asset_id"] == foreign

    def test_made_by_hand_and_given_a_tag_by_the_webhook_keeps_that_and_ours_is_free(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        foreign = installation.asset_store.add("by hand", serial="S-1")
        tags.on_asset_created(transaction, asset_id=foreign, asset_name="by hand", prefix="W12-", now=installation.clock())
        installation.pass_hours(1)
        assert (holder_of("W12-0002"), next_tag()) == (("assigned", foreign), "W12-0001")
        with pytest.raises(SerialTaken):
            installation.creator.create(laptop("S-1"))

    def test_that_was_called_by_the_tag_is_not_taken_for_ours(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        installation.asset_store.add("W12-0001", serial="OTHER-1")
        installation.pass_hours(1)
        assert states("S-1") == ["failed"]

    def test_that_got_the_released_tag_is_not_taken_for_ours(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        installation.clock.forward(minutes=11)
        put_off_tags(installation)
        assert installation.creator.create(laptop("OTHER-1")).tag == "W12-0001"
        installation.pass_hours(1)
        assert (states("S-1"), inconsistencies(installation.asset_store)) == (["failed"], [])

    @pytest.mark.parametrize("bearers", [1, 2])
    def test_called_by_the_tag_keeps_the_tag_from_being_given_again(self, installation: Installation, bearers: int) -> None:
        lose(installation, "S-1", created=False)
        for number in range(bearers):
            installation.asset_store.add("W12-0001", serial=f"OTHER-{number}")
        installation.clock.forward(seconds=16)
        installation.recover()
        installation.clock.forward(minutes=10)
        installation.recover()
        assert next_tag() == "W12-0002"


class TestTheTagsJob:
    @pytest.mark.parametrize("created", [True, False], ids=["created", "not created"])
    def test_may_come_first_and_nothing_is_lost_or_twice(self, installation: Installation, created: bool) -> None:
        lose(installation, "S-1", created=created)
        installation.clock.forward(minutes=11)
        put_off_tags(installation)
        installation.pass_hours(1)
        assert (states("S-1"), inconsistencies(installation.asset_store)) == (["created" if created else "failed"], [])
        assert next_tag() == ("W12-0002" if created else "W12-0001")


def test_a_refusal_that_comes_after_the_job_has_looked_ends_it(installation: Installation) -> None:
    def create(_new: NewAsset, _do: Do) -> int:
        installation.clock.forward(minutes=3)
        installation.recover()
        raise AssetStoreRefused("No.")

    installation.asset_store.on_create = create
    with pytest.raises(AssetStoreRefused):
        installation.creator.create(laptop("S-1"))
    assert (states("S-1"), next_tag()) == (["failed"], "W12-0001")


def test_creations_that_ended_long_ago_are_put_away_and_open_ones_are_not(installation: Installation) -> None:
    installation.creator.create(laptop("OLD-1"))
    claim(installation, laptop("OPEN-1"))
    installation.clock.forward(days=91)
    with transaction() as session:
        assert creations.delete_old(session, now=installation.clock()) == 1
    assert (creations_of("OLD-1"), states("OPEN-1")) == ([], ["claimed"])


def claim(installation: Installation, asset: NewAssetFields) -> creations.Creation:
    creator: AssetCreator = installation.creator
    with transaction() as session:
        mine = creations.claim(session, asset, actor=ADA, now=creator.clock())
    assert mine is not None
    return mine


def _silent() -> None:
    raise silence()
