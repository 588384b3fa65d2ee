"""Assigning tags: to assets that Request Tracker creates, to assets that this program creates, and manually."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.asset_store.service import AssetNotFound, AssetStoreRefused, AssetStoreUnreachable
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.tags import adoption, confirmation, lookup, service
from request_tracker_utils.tags.errors import AssetHasTag, NotATag, TagNotFound, TagTaken
from request_tracker_utils.tags.models import PendingAsset, Tag, TagEvent, TagSequence, TagState
from tests.services.asset_stores import FailingAssetStore, silence
from tests.services.tables import check_all
from tests.unit.tags.conftest import ADA, NOW, preview, tag


def created(asset_id: int, name: str | None = None) -> str | None:
    tag = service.on_asset_created(transaction, asset_id=asset_id, asset_name=name, prefix="W12-", now=NOW)
    return tag.tag if tag else None


def assign(asset_store: FailingAssetStore, text: str, asset_id: int) -> str:
    return service.assign_manually(transaction, asset_store, text=text, asset_id=asset_id, actor=ADA, now=NOW)[0].tag


def reserve() -> Tag:
    with transaction() as session:
        return service.reserve(session, "W12-", actor=ADA, now=NOW)


def bind(reserved: Tag, asset_id: int, name: str | None) -> Tag:
    with transaction() as session:
        return service.bind(session, reserved, asset_id=asset_id, name=name, actor=ADA, now=NOW)


def confirm(asset_store: FailingAssetStore, after: timedelta = timedelta(hours=1)) -> int:
    return confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: NOW + after)


def actions(text: str) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(TagEvent.action).where(TagEvent.tag == text).order_by(TagEvent.id)))


class TestCreatedAssets:
    def test_an_asset_always_gets_the_same_tag(self, inside: Flask) -> None:
        assert [created(7), created(8), created(7)] == ["W12-0001", "W12-0002", "W12-0001"]

    def test_concurrent_calls_for_an_asset_get_one_tag(self, inside: Flask) -> None:
        def call(_: int) -> str | None:
            with inside.app_context():
                return created(7)

        with ThreadPoolExecutor(12) as pool:
            assert set(pool.map(call, range(12))) == {"W12-0001"}
        assert preview() == "W12-0002"

    def test_a_name_that_is_a_reserved_or_free_tag_is_retired(self, inside: Flask) -> None:
        reserved = reserve()
        assert (created(7, reserved.tag), preview()) == (reserved.tag, "W12-0002")
        assert (created(8, "W12-0500"), preview()) == ("W12-0500", "W12-0002"), "a tag ahead does not move the sequence"

    def test_a_name_that_is_another_assets_tag_is_replaced(self, inside: Flask) -> None:
        assert (created(7), created(8, "W12-0001")) == ("W12-0001", "W12-0002")

    def test_unusual_names_do_not_matter(self, inside: Flask) -> None:
        names = ["", 'O\'Neil "quoted"', "<script>alert(1)</script>", "🎒" * 300, "W12-", "W12-00001"]
        assert [created(asset_id, name) for asset_id, name in enumerate(names, start=1)] == [f"W12-{n:04d}" for n in range(1, 7)]

    def test_assets_are_pending_until_the_adoption_and_then_get_a_tag_and_its_name(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            session.execute(update(TagSequence).values(adopted_at=None))
        first, second = asset_store.asset("laptop"), asset_store.asset("tablet")
        assert [created(first), created(second), created(first)] == [None, None, None]
        with reading() as session:
            assert lookup.count_pending_assets(session) == 2
        adoption.adopt(transaction, asset_store, prefix="W12-", file=None, actor=ADA, now=NOW)
        confirm(asset_store)
        assert (asset_store.get(first).name, asset_store.get(second).name) == ("W12-0001", "W12-0002")
        with reading() as session:
            assert not session.scalars(select(PendingAsset)).all()


class TestReservations:
    def test_the_created_asset_gets_the_reserved_tag(self, inside: Flask) -> None:
        assert bind(reserve(), 7, "W12-0001").tag == "W12-0001"
        assert tag("W12-0001").confirmed_at == NOW

    def test_a_tag_from_a_webhook_call_without_name_wins_and_the_reserved_one_is_released(self, inside: Flask) -> None:
        reserved = reserve()
        assert created(7) == "W12-0002"
        assert bind(reserved, 7, "W12-0002").tag == "W12-0002"
        assert preview() == "W12-0001"

    def test_a_webhook_call_with_the_name_returns_the_same_tag(self, inside: Flask) -> None:
        reserved = reserve()
        created(7, reserved.tag)
        assert bind(reserved, 7, "W12-0001").asset_id == 7
        assert preview() == "W12-0002"

    def test_the_reserved_tag_is_not_released_while_the_asset_still_has_its_name(self, asset_store: FailingAssetStore) -> None:
        reserved = reserve()
        asset_id = asset_store.asset(reserved.tag)
        assert created(asset_id) == "W12-0002", "a webhook call without name"
        bind(reserved, asset_id, reserved.tag)
        assert preview() == "W12-0003"
        for hour in range(1, 5):
            confirm(asset_store, timedelta(hours=hour))
        assert (asset_store.get(asset_id).name, preview()) == ("W12-0002", "W12-0001")

    def test_it_is_confirmed_only_if_its_name_was_read(self, inside: Flask) -> None:
        bind(reserve(), 7, "")
        assert (tag("W12-0001").asset_id, tag("W12-0001").confirmed_at) == (7, None)

    def test_a_creation_that_outlasts_its_reservation_neither_takes_nor_releases_another_assets_tag(
        self, asset_store: FailingAssetStore
    ) -> None:
        reserved = reserve()
        confirm(asset_store, timedelta(hours=1))
        confirm(asset_store, timedelta(hours=2))
        assert created(77) == "W12-0001", "it was released and assigned again"
        with transaction() as session:
            service.cancel_reservation(session, reserved, actor=ADA, now=NOW, reason="late")
        assert (tag("W12-0001").state, tag("W12-0001").asset_id) == (TagState.ASSIGNED, 77)
        assert bind(reserved, 5, "W12-0001").tag == "W12-0002"
        assert tag("W12-0001").asset_id == 77


class TestManualAssignment:
    def test_the_asset_is_renamed_immediately_and_repeating_it_is_allowed(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("old name")
        assert assign(asset_store, "W12-0001", asset_id) == "W12-0001"
        assert asset_store.get(asset_id).name == "W12-0001"
        assert (tag("W12-0001").state, tag("W12-0001").previous_name) == (TagState.ASSIGNED, "old name")
        assert preview() == "W12-0002"
        assert assign(asset_store, "W12-0001", asset_id) == "W12-0001"

    def test_a_tag_ahead_does_not_move_the_sequence(self, asset_store: FailingAssetStore) -> None:
        assign(asset_store, "W12-0003", asset_store.asset())
        assert preview() == "W12-0001"
        assert [created(n) for n in (50, 51, 52)] == ["W12-0001", "W12-0002", "W12-0004"]

    def test_a_tag_in_use_and_an_asset_with_another_tag_are_refused(self, asset_store: FailingAssetStore) -> None:
        created(77)
        asset_id = asset_store.asset()
        with pytest.raises(TagTaken, match="asset 77 has it") as refusal:
            assign(asset_store, "W12-0001", asset_id)
        assert refusal.value.fields["asset_id"] == 77
        created(asset_id)
        with pytest.raises(AssetHasTag, match="W12-0002"):
            assign(asset_store, "W12-0009", asset_id)
        reserve()
        with pytest.raises(TagTaken, match="reserved for an asset that is being created"):
            assign(asset_store, "W12-0003", asset_store.asset())

    def test_a_text_that_is_not_a_tag_is_refused(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset()

        def check(text: str) -> None:
            with pytest.raises(NotATag):
                assign(asset_store, text, asset_id)

        check_all(["laptop", "W12-1", "X1-0001", "W12-00001", "W12-0000"], check)

    def test_a_missing_asset_and_a_refusal_use_up_no_tag(self, asset_store: FailingAssetStore) -> None:
        with pytest.raises(AssetNotFound):
            assign(asset_store, "W12-0001", 999)
        assert preview() == "W12-0001"
        asset_store.fails["rename"] = AssetStoreRefused("No.")
        with pytest.raises(AssetStoreRefused):
            assign(asset_store, "W12-0001", asset_store.asset())
        assert (preview(), tag("W12-0001").state) == ("W12-0001", TagState.RELEASED)

    @pytest.mark.parametrize("carried_out", [True, False])
    def test_an_unanswered_rename_is_resolved_by_the_job(self, asset_store: FailingAssetStore, carried_out: bool) -> None:
        asset_id = asset_store.asset()
        asset_store.fails["rename"], asset_store.after = silence(), carried_out
        with pytest.raises(AssetStoreUnreachable):
            assign(asset_store, "W12-0001", asset_id)
        assert preview() == "W12-0002", "nobody else gets it while its state is unknown"
        asset_store.fails.clear()
        confirm(asset_store)
        confirm(asset_store, timedelta(hours=2))
        if carried_out:
            assert (tag("W12-0001").state, tag("W12-0001").asset_id) == (TagState.ASSIGNED, asset_id)
        else:
            assert (tag("W12-0001").state, preview()) == (TagState.RELEASED, "W12-0001")


class TestConfirmation:
    def test_the_asset_is_renamed_once(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("laptop")
        created(asset_id, "laptop")
        assert confirm(asset_store) == 1
        assert asset_store.get(asset_id).name == "W12-0001"
        assert confirm(asset_store) == 0
        assert actions("W12-0001") == ["assigned", "renamed"]

    def test_an_asset_with_the_right_name_is_not_renamed(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("W12-0001")
        created(asset_id, "W12-0001")
        confirm(asset_store)
        assert "rename" not in asset_store.calls
        assert actions("W12-0001") == ["bound", "confirmed"]

    def test_assets_are_read_in_batches_of_a_hundred(self, asset_store: FailingAssetStore) -> None:
        for _ in range(150):
            created(asset_store.asset())
        assert confirm(asset_store) == 150
        assert asset_store.calls.count("get_many") == 2

    def test_it_is_retried_soon_if_the_asset_store_is_unreachable_and_with_back_off_if_it_refuses(
        self, asset_store: FailingAssetStore
    ) -> None:
        created(asset_store.asset())
        now = NOW + timedelta(minutes=1)
        for error, pauses in ((silence(), [30, 30, 30]), (AssetStoreRefused("No."), [5, 15, 45, 135])):
            asset_store.fails["get_many"] = error
            for pause in pauses:
                with pytest.raises(type(error)):
                    confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda moment=now: moment)
                due = tag("W12-0001").due_at
                assert due == now + timedelta(seconds=pause)
                now = due
        assert tag("W12-0001").problem == "No."

    def test_a_missing_asset_does_not_block_others(self, asset_store: FailingAssetStore) -> None:
        gone = 4000
        created(gone)
        created(asset_store.asset())
        assert confirm(asset_store) == 1

    def test_the_tag_of_an_asset_that_never_appears_is_released(self, asset_store: FailingAssetStore) -> None:
        created(4000)
        for hour in range(1, 5):
            confirm(asset_store, timedelta(hours=hour))
            assert tag("W12-0001").state == TagState.ASSIGNED
        confirm(asset_store, timedelta(hours=5))
        assert (tag("W12-0001").state, preview()) == (TagState.RELEASED, "W12-0001")

    def test_a_printed_tag_is_never_released(self, asset_store: FailingAssetStore) -> None:
        created(4000)
        with transaction() as session:
            service.mark_printed(session, [(4000, "W12-0001")], now=NOW)
        for hour in range(1, 9):
            confirm(asset_store, timedelta(hours=hour))
        assert (tag("W12-0001").state, preview()) == (TagState.ASSIGNED, "W12-0002")
        assert "label was printed" in str(tag("W12-0001").problem)

    def test_a_tag_that_an_asset_is_named_after_is_never_released(self, asset_store: FailingAssetStore) -> None:
        created(4000)
        named = asset_store.asset("W12-0001")
        for hour in range(1, 6):
            confirm(asset_store, timedelta(hours=hour))
        assert tag("W12-0001").asset_id == named

    def test_a_reservation_is_bound_if_its_process_died_after_the_creation(self, asset_store: FailingAssetStore) -> None:
        reserve()
        asset_id = asset_store.asset("W12-0001")
        confirm(asset_store)
        assert (tag("W12-0001").state, tag("W12-0001").asset_id) == (TagState.ASSIGNED, asset_id)

    def test_a_reservation_is_released_if_its_process_died_before_the_creation(self, asset_store: FailingAssetStore) -> None:
        reserve()
        confirm(asset_store, timedelta(seconds=30))
        assert tag("W12-0001").attempts == 0, "the creation may still be under way"
        confirm(asset_store, timedelta(hours=1))
        assert tag("W12-0001").state == TagState.RESERVED, "one absence is not enough: the asset may appear"
        confirm(asset_store, timedelta(hours=2))
        assert (tag("W12-0001").state, preview()) == (TagState.RELEASED, "W12-0001")

    def test_concurrent_processes_confirm_each_tag_once(self, inside: Flask, asset_store: FailingAssetStore) -> None:
        for _ in range(40):
            created(asset_store.asset())

        def sweep(_: int) -> int:
            with inside.app_context():
                return confirm(FailingAssetStore())

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(sweep, range(4))) == 40


class TestPendingTags:
    def test_tags_that_are_retried_are_pending_and_not_failing(self, asset_store: FailingAssetStore) -> None:
        created(asset_store.asset())
        asset_store.fails["get_many"] = silence()
        with pytest.raises(AssetStoreUnreachable):
            confirm(asset_store)
        with reading() as session:
            assert lookup.pending_counts(session) == {"pending": 1, "failing": 0}

    def test_a_label_with_another_name_marks_no_tag_as_printed_and_is_reported(self, inside: Flask) -> None:
        created(7)
        created(8)
        with transaction() as session:
            assert service.mark_printed(session, [(7, "laptop 3"), (8, "W12-0002"), (9, "no tag")], now=NOW) == {7: "W12-0001"}
        assert (tag("W12-0001").printed_at, tag("W12-0002").printed_at) == (None, NOW)

    def test_a_failing_tag_can_be_retried(self, asset_store: FailingAssetStore) -> None:
        created(4000)
        with transaction() as session:
            service.mark_printed(session, [(4000, "W12-0001")], now=NOW)
        for hour in range(1, 9):
            confirm(asset_store, timedelta(hours=hour))
        with transaction() as session:
            assert lookup.pending_counts(session) == {"pending": 0, "failing": 1}
            assert [each.tag for each in lookup.pending_tags(session)] == ["W12-0001"]
            service.retry_confirmation(session, "W12-0001", now=NOW)
        assert tag("W12-0001").due_at == NOW
        with pytest.raises(TagNotFound), transaction() as session:
            service.retry_confirmation(session, "W12-0999", now=NOW)


class TestAdoption:
    def adopt(self, asset_store: FailingAssetStore, **more: object) -> int:
        with transaction() as session:
            session.execute(update(TagSequence).values(adopted_at=None))
        return adoption.adopt(transaction, asset_store, **{"prefix": "W12-", "file": None, "actor": ADA, "now": NOW, **more})  # type: ignore[arg-type]

    def test_names_in_the_asset_store_are_imported_as_tags_and_claim_their_numbers(self, asset_store: FailingAssetStore) -> None:
        ids = [asset_store.asset(name) for name in ("W12-0001", "W12-0040", "w12-0099", "laptop", "XW12-0500", "W12-0007")]
        assert self.adopt(asset_store) == 3
        assert (preview(), tag("W12-0040").asset_id) == ("W12-0041", ids[1])
        asset_store.asset("W12-00077")
        assert (self.adopt(asset_store), preview()) == (0, "W12-0078"), "it is not a tag, but claims a number"

    def test_duplicate_names_are_recorded(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("W12-0001")
        asset_store.asset("W12-0001")
        assert self.adopt(asset_store) == 1
        assert actions("W12-0001") == ["adopted", "duplicate"]

    def test_repeating_it_changes_nothing(self, asset_store: FailingAssetStore) -> None:
        for number in range(250):
            asset_store.asset(f"W12-{number + 1:04d}")
        assert [self.adopt(asset_store), self.adopt(asset_store)] == [250, 0]
        assert preview() == "W12-0251"

    def test_the_legacy_sequence_file_has_the_next_number(self, asset_store: FailingAssetStore, tmp_path: Path) -> None:
        file = tmp_path / "asset_tag_sequence.txt"
        file.write_text("abc")
        with pytest.raises(Invalid, match="ASSET_TAG_SEQUENCE_FILE"):
            self.adopt(asset_store, file=file)
        file.write_text("1234\n")
        self.adopt(asset_store, file=file)
        assert preview() == "W12-1234"
