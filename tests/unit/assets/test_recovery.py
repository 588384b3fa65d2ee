"""Resolving creations with an unknown result."""

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
    """Sends a creation to which the asset store does not answer."""

    def create(_new: NewAsset, do: Do) -> int:
        if created:
            do()
        raise silence()

    installation.asset_store.on_create = create
    with pytest.raises(CreationUnknown):
        installation.creator.create(laptop(serial))
    installation.asset_store.on_create = lambda _new, do: do()


def confirm_tags_first(installation: Installation) -> None:
    """Runs confirm-tags before recover-creations has resolved the creation."""
    for _ in range(4):
        installation.clock.forward(minutes=1)
        installation.confirm()


class TestAnAssetThatWasCreated:
    def test_is_found_by_the_first_search_and_has_its_tag(self, installation: Installation) -> None:
        lose(installation, "S-1", created=True)
        installation.clock.forward(seconds=16)
        assert installation.recover() == 1
        assert (states("S-1"), holder_of("W12-0001"), inconsistencies(installation.asset_store)) == (["created"], ("assigned", 1), [])

    def test_is_found_by_name_if_the_asset_store_dropped_the_serial_number_which_is_reported(self, installation: Installation) -> None:
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

    def test_that_appears_between_the_searches_is_found_by_the_second(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        installation.clock.forward(seconds=16)
        assert installation.recover() == 0
        installation.asset_store.add("W12-0001", serial="S-1")  # created late
        installation.pass_hours(1)
        assert (states("S-1"), inconsistencies(installation.asset_store), len(installation.asset_store.assets)) == (["created"], [], 1)


class TestAnAssetThatWasNotCreated:
    def test_is_searched_twice_and_nothing_is_free_before_the_search_after_the_grace_period(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        for _ in range(38):
            installation.clock.forward(seconds=15)
            assert installation.recover() == 0
            assert (states("S-1"), holder_of("W12-0001")[0]) == (["unknown"], "reserved")
        installation.clock.forward(minutes=1)
        assert installation.recover() == 1
        assert (states("S-1"), holder_of("W12-0001"), next_tag()) == (["failed"], ("released", None), "W12-0001")

    def test_is_searched_a_second_time_even_after_an_outage_of_the_asset_store(self, installation: Installation) -> None:
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

    def test_stays_blocked_during_the_grace_period_despite_repeated_requests(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        for _ in range(20):
            with pytest.raises(SerialInFlight):
                installation.creator.create(laptop("S-1"))
        assert (states("S-1"), holder_of("W12-0001")[0]) == (["unknown"], "reserved")


class TestAClaimThatWasNotSent:
    def test_is_free_only_after_its_lease_has_expired(self, installation: Installation) -> None:
        claim(installation, laptop("S-1"))
        installation.clock.forward(seconds=119)
        with transaction() as session:
            assert creations.claim(session, laptop("S-1"), actor=ADA, now=installation.clock()) is None
        installation.clock.forward(seconds=2)
        assert installation.creator.create(laptop("S-1")).tag == "W12-0001"
        assert states("S-1") == ["failed", "created"]

    def test_is_free_again_in_a_batch_with_others(self, installation: Installation) -> None:
        claim(installation, laptop("EXPIRED-1"))
        installation.clock.forward(minutes=3)
        claim(installation, laptop("CLAIMED-1"))
        batch = [(None, laptop(serial)) for serial in ("NEW-1", "EXPIRED-1", "CLAIMED-1", "new-1")]
        with transaction() as session:
            claimed = creations.claim_many(session, batch, actor=ADA, now=installation.clock())
        assert {key: each.serial for key, each in claimed.items()} == {"new-1": "NEW-1", "expired-1": "EXPIRED-1"}
        assert (states("EXPIRED-1"), states("CLAIMED-1"), states("NEW-1")) == (["failed", "claimed"], ["claimed"], ["claimed"])

    def test_is_ended_by_the_job_too(self, installation: Installation) -> None:
        claim(installation, laptop("S-1"))
        installation.clock.forward(minutes=3)
        assert (installation.recover(), states("S-1"), installation.asset_store.calls) == (1, ["failed"], [])

    def test_sends_nothing_after_it_has_expired(self, installation: Installation) -> None:
        mine = claim(installation, laptop("S-1"))
        installation.clock.forward(minutes=3)
        installation.recover()
        with pytest.raises(SerialInFlight, match="took too long"):
            installation.creator.send(mine, laptop("S-1"))
        assert ("create" in installation.asset_store.calls, next_tag()) == (False, "W12-0001")

    def test_does_not_expire_once_it_is_sent(self, installation: Installation) -> None:
        mine = claim(installation, laptop("S-1"))

        def create(_new: NewAsset, do: Do) -> int:
            installation.clock.forward(minutes=3)  # the lease of a claim would have expired
            with transaction() as session:
                assert creations.end_lapsed(session, now=installation.clock()) == 0
            with transaction() as session:
                assert creations.claim(session, laptop("S-1"), actor=ADA, now=installation.clock()) is None, (
                    "a duplicate could be created now"
                )
            return do()

        installation.asset_store.on_create = create
        installation.creator.send(mine, laptop("S-1"))


class TestAnAssetOfAnotherUser:
    def test_with_the_serial_number_prevents_a_duplicate(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        foreign = installation.asset_store.add("by hand", serial="S-1")
        installation.pass_hours(1)
        assert holder_of("W12-0001")[0] == "released"
        with pytest.raises(SerialTaken) as refusal:
            installation.creator.create(laptop("S-1"))
        assert refusal.value.fields["asset_id"] == foreign

    def test_with_a_tag_of_the_webhook_retains_it_and_the_reserved_one_is_released(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        foreign = installation.asset_store.add("by hand", serial="S-1")
        tags.on_asset_created(transaction, asset_id=foreign, asset_name="by hand", prefix="W12-", now=installation.clock())
        installation.pass_hours(1)
        assert (holder_of("W12-0002"), next_tag()) == (("assigned", foreign), "W12-0001")
        with pytest.raises(SerialTaken):
            installation.creator.create(laptop("S-1"))

    def test_with_the_tag_as_its_name_is_not_mistaken_for_the_created_one(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        installation.asset_store.add("W12-0001", serial="OTHER-1")
        installation.pass_hours(1)
        assert states("S-1") == ["failed"]

    def test_that_got_the_released_tag_is_not_mistaken_for_the_created_one(self, installation: Installation) -> None:
        lose(installation, "S-1", created=False)
        installation.clock.forward(minutes=11)
        confirm_tags_first(installation)
        assert installation.creator.create(laptop("OTHER-1")).tag == "W12-0001"
        installation.pass_hours(1)
        assert (states("S-1"), inconsistencies(installation.asset_store)) == (["failed"], [])

    @pytest.mark.parametrize("assets", [1, 2])
    def test_with_the_tag_as_its_name_prevents_the_reuse_of_the_tag(self, installation: Installation, assets: int) -> None:
        lose(installation, "S-1", created=False)
        for number in range(assets):
            installation.asset_store.add("W12-0001", serial=f"OTHER-{number}")
        installation.clock.forward(seconds=16)
        installation.recover()
        installation.clock.forward(minutes=10)
        installation.recover()
        assert next_tag() == "W12-0002"


class TestTheJobThatConfirmsTags:
    @pytest.mark.parametrize("created", [True, False], ids=["created", "not created"])
    def test_may_run_first_and_nothing_is_lost_or_duplicated(self, installation: Installation, created: bool) -> None:
        lose(installation, "S-1", created=created)
        installation.clock.forward(minutes=11)
        confirm_tags_first(installation)
        installation.pass_hours(1)
        assert (states("S-1"), inconsistencies(installation.asset_store)) == (["created" if created else "failed"], [])
        assert next_tag() == ("W12-0002" if created else "W12-0001")


def test_an_error_that_arrives_after_the_jobs_search_ends_the_creation(installation: Installation) -> None:
    def create(_new: NewAsset, _do: Do) -> int:
        installation.clock.forward(minutes=3)
        installation.recover()
        raise AssetStoreRefused("No.")

    installation.asset_store.on_create = create
    with pytest.raises(AssetStoreRefused):
        installation.creator.create(laptop("S-1"))
    assert (states("S-1"), next_tag()) == (["failed"], "W12-0001")


def test_creations_that_ended_long_ago_are_deleted_and_open_ones_are_not(installation: Installation) -> None:
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
