"""Giving tags: to created assets, to assets under way, by hand."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.asset_store.service import AssetNotFound, AssetStoreRefused, AssetStoreUnreachable
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import adoption, confirmation, sequence, service
from request_tracker_utils.tags.errors import AssetHasTag, NotATag, TagNotFound, TagTaken
from request_tracker_utils.tags.models import Tag, TagEvent, TagSequence, TagState, WaitingAsset
from tests.services.asset_stores import FailingAssetStore, silence

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Actor("ada")


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def created(asset_id: int, name: str | None = None) -> str | None:
    tag = service.on_asset_created(transaction, asset_id=asset_id, asset_name=name, prefix="W12-", now=NOW)
    return tag.tag if tag else None


def by_hand(asset_store: FailingAssetStore, text: str, asset_id: int) -> str:
    return service.confirm_by_hand(transaction, asset_store, text=text, asset_id=asset_id, actor=ADA, now=NOW).tag


def tag(text: str) -> Tag:
    with reading() as session:
        return session.scalars(select(Tag).where(Tag.tag == text)).one()


def next_tag() -> str:
    with reading() as session:
        return str(sequence.preview(session, "W12-"))


def confirm(asset_store: FailingAssetStore, after: timedelta = timedelta(hours=1)) -> int:
    return confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: NOW + after)


def actions(text: str) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(TagEvent.action).where(TagEvent.tag == text).order_by(TagEvent.id)))


class TestAnAssetThatWasCreated:
    def test_always_gets_the_same_tag(self, inside: Flask) -> None:
        assert [created(7), created(8), created(7)] == ["W12-0001", "W12-0002", "W12-0001"]

    def test_gets_one_tag_however_many_calls_come_at_once(self, inside: Flask) -> None:
        def call(_: int) -> str | None:
            with inside.app_context():
                return created(7)

        with ThreadPoolExecutor(12) as pool:
            assert set(pool.map(call, range(12))) == {"W12-0001"}
        assert next_tag() == "W12-0002"

    def test_keeps_the_reserved_tag_that_it_was_created_under(self, inside: Flask) -> None:
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        assert created(7, reserved.tag) == reserved.tag
        assert next_tag() == "W12-0002"

    def test_keeps_a_tag_that_somebody_typed_ahead_and_the_sequence_stays(self, inside: Flask) -> None:
        assert created(7, "W12-0500") == "W12-0500"
        assert next_tag() == "W12-0001"

    def test_gets_another_tag_when_its_name_is_somebody_elses(self, inside: Flask) -> None:
        assert created(7) == "W12-0001"
        assert created(8, "W12-0001") == "W12-0002"

    def test_bears_no_grudge_for_odd_names(self, inside: Flask) -> None:
        for asset_id, name in enumerate(["", 'O\'Neil "quoted"', "<script>alert(1)</script>", "🎒" * 300, "W12-", "W12-00001"], start=1):
            assert created(asset_id, name) == f"W12-{asset_id:04d}"

    def test_waits_until_tags_can_be_given_and_then_gets_one_and_its_name(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            session.execute(update(TagSequence).values(adopted_at=None))
        first, second = asset_store.asset("laptop"), asset_store.asset("tablet")
        assert [created(first), created(second), created(first)] == [None, None, None]
        adoption.adopt(transaction, asset_store, prefix="W12-", file=None, actor=ADA, now=NOW)
        confirm(asset_store)
        assert (asset_store.get(first).name, asset_store.get(second).name) == ("W12-0001", "W12-0002")
        with reading() as session:
            assert not session.scalars(select(WaitingAsset)).all()


class TestAnAssetThatWeCreate:
    def test_has_the_reserved_tag(self, inside: Flask) -> None:
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        with transaction() as session:
            assert service.bind(session, reserved, asset_id=7, name="W12-0001", actor=ADA, now=NOW).tag == "W12-0001"
        assert tag("W12-0001").confirmed_at == NOW

    def test_adopts_the_tag_that_the_bare_webhook_gave_and_frees_its_own(self, inside: Flask) -> None:
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        assert created(7) == "W12-0002"
        with transaction() as session:
            assert service.bind(session, reserved, asset_id=7, name="W12-0002", actor=ADA, now=NOW).tag == "W12-0002"
        assert next_tag() == "W12-0001"

    def test_is_the_same_one_when_the_webhook_was_first_with_its_name(self, inside: Flask) -> None:
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        created(7, reserved.tag)
        with transaction() as session:
            assert service.bind(session, reserved, asset_id=7, name="W12-0001", actor=ADA, now=NOW).asset_id == 7
        assert next_tag() == "W12-0002"

    def test_keeps_its_reserved_tag_taken_while_the_directory_still_calls_it_so(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        asset_id = asset_store.asset(reserved.tag)
        assert created(asset_id) == "W12-0002", "the bare webhook gave another, and its name was not taken"
        with transaction() as session:
            service.bind(session, reserved, asset_id=asset_id, name=reserved.tag, actor=ADA, now=NOW)
        assert next_tag() == "W12-0003"
        for hour in range(1, 5):
            confirm(asset_store, timedelta(hours=hour))
        assert (asset_store.get(asset_id).name, next_tag()) == ("W12-0002", "W12-0001")

    def test_is_confirmed_only_when_its_name_was_read_back(self, inside: Flask) -> None:
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        with transaction() as session:
            service.bind(session, reserved, asset_id=7, name="", actor=ADA, now=NOW)
        assert (tag("W12-0001").asset_id, tag("W12-0001").confirmed_at) == (7, None)

    def test_takes_nobody_elses_tag_when_it_outlasted_its_reservation(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        confirm(asset_store, timedelta(hours=1))
        confirm(asset_store, timedelta(hours=2))
        assert created(77) == "W12-0001", "it was given up and given again"
        with transaction() as session:
            late = service.bind(session, reserved, asset_id=5, name="W12-0001", actor=ADA, now=NOW)
        assert (late.tag, tag("W12-0001").asset_id) == ("W12-0002", 77)

    def test_gives_nobody_elses_tag_back_when_its_refusal_came_late(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        confirm(asset_store, timedelta(hours=1))
        confirm(asset_store, timedelta(hours=2))
        created(77)
        with transaction() as session:
            service.give_back(session, reserved, actor=ADA, now=NOW, reason="late")
        assert (tag("W12-0001").state, tag("W12-0001").asset_id) == (TagState.ASSIGNED, 77)


class TestATagGivenByHand:
    def test_is_the_assets_name_at_once(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("old name")
        assert by_hand(asset_store, "W12-0001", asset_id) == "W12-0001"
        assert asset_store.get(asset_id).name == "W12-0001"
        assert (tag("W12-0001").state, tag("W12-0001").previous_name) == (TagState.ASSIGNED, "old name")
        assert next_tag() == "W12-0002"

    def test_never_moves_the_sequence_when_it_lies_ahead(self, asset_store: FailingAssetStore) -> None:
        by_hand(asset_store, "W12-0003", asset_store.asset())
        assert next_tag() == "W12-0001"
        assert [created(n) for n in (50, 51, 52)] == ["W12-0001", "W12-0002", "W12-0004"]

    def test_may_be_given_to_the_same_asset_again(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset()
        assert [by_hand(asset_store, "W12-0001", asset_id) for _ in range(2)] == ["W12-0001"] * 2

    def test_is_refused_with_the_holder_when_it_is_not_free(self, asset_store: FailingAssetStore) -> None:
        created(77)
        with pytest.raises(TagTaken, match="asset 77 has it") as refusal:
            by_hand(asset_store, "W12-0001", asset_store.asset())
        assert refusal.value.fields["asset_id"] == 77

    def test_is_refused_for_an_asset_that_has_another(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset()
        created(asset_id)
        with pytest.raises(AssetHasTag, match="W12-0001"):
            by_hand(asset_store, "W12-0009", asset_id)

    @pytest.mark.parametrize("text", ["laptop", "W12-1", "X1-0001", "W12-00001", "W12-0000"])
    def test_must_be_a_tag(self, asset_store: FailingAssetStore, text: str) -> None:
        with pytest.raises(NotATag):
            by_hand(asset_store, text, asset_store.asset())

    def test_is_not_spent_on_an_asset_that_does_not_exist(self, asset_store: FailingAssetStore) -> None:
        with pytest.raises(AssetNotFound):
            by_hand(asset_store, "W12-0001", 999)
        assert next_tag() == "W12-0001"

    def test_is_not_spent_when_the_directory_refuses(self, asset_store: FailingAssetStore) -> None:
        asset_store.fails["rename"] = AssetStoreRefused("No.")
        with pytest.raises(AssetStoreRefused):
            by_hand(asset_store, "W12-0001", asset_store.asset())
        assert (next_tag(), tag("W12-0001").state) == ("W12-0001", TagState.RELEASED)

    @pytest.mark.parametrize("carried_out", [True, False])
    def test_is_settled_afterwards_when_the_directory_fell_silent(self, asset_store: FailingAssetStore, carried_out: bool) -> None:
        asset_id = asset_store.asset()
        asset_store.fails["rename"], asset_store.after = silence(), carried_out
        with pytest.raises(AssetStoreUnreachable):
            by_hand(asset_store, "W12-0001", asset_id)
        assert next_tag() == "W12-0002", "nobody else may have it while its fate is unknown"
        asset_store.fails.clear()
        confirm(asset_store)
        confirm(asset_store, timedelta(hours=2))
        if carried_out:
            assert (tag("W12-0001").state, tag("W12-0001").asset_id) == (TagState.ASSIGNED, asset_id)
        else:
            assert (tag("W12-0001").state, next_tag()) == (TagState.RELEASED, "W12-0001")


class TestConfirming:
    def test_names_the_asset_and_is_done(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("laptop")
        created(asset_id, "laptop")
        assert confirm(asset_store) == 1
        assert asset_store.get(asset_id).name == "W12-0001"
        assert confirm(asset_store) == 0
        assert actions("W12-0001") == ["assigned", "renamed"]

    def test_leaves_a_name_that_is_right_alone(self, asset_store: FailingAssetStore) -> None:
        asset_id = asset_store.asset("W12-0001")
        created(asset_id, "W12-0001")
        confirm(asset_store)
        assert "rename" not in asset_store.calls
        assert actions("W12-0001") == ["bound", "confirmed"]

    def test_asks_for_a_hundred_at_once(self, asset_store: FailingAssetStore) -> None:
        for _ in range(150):
            created(asset_store.asset())
        assert confirm(asset_store) == 150
        assert asset_store.calls.count("get_many") == 2

    def test_is_due_again_soon_while_the_asset_store_is_unreachable_and_after_growing_pauses_when_it_refuses(
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

    def test_one_refused_name_holds_up_no_other(self, asset_store: FailingAssetStore) -> None:
        gone = 4000
        created(gone)
        created(asset_store.asset())
        assert confirm(asset_store) == 1

    def test_releases_the_tag_of_an_asset_that_never_appeared(self, asset_store: FailingAssetStore) -> None:
        created(4000)
        for hour in range(1, 5):
            confirm(asset_store, timedelta(hours=hour))
            assert tag("W12-0001").state == TagState.ASSIGNED
        confirm(asset_store, timedelta(hours=5))
        assert (tag("W12-0001").state, next_tag()) == (TagState.RELEASED, "W12-0001")

    def test_never_releases_a_tag_that_was_printed(self, asset_store: FailingAssetStore) -> None:
        created(4000)
        with transaction() as session:
            service.mark_printed(session, [(4000, "W12-0001")], now=NOW)
        for hour in range(1, 9):
            confirm(asset_store, timedelta(hours=hour))
        assert (tag("W12-0001").state, next_tag()) == (TagState.ASSIGNED, "W12-0002")
        assert "label was printed" in str(tag("W12-0001").problem)

    def test_never_releases_a_tag_whose_name_the_directory_holds(self, asset_store: FailingAssetStore) -> None:
        created(4000)
        bearer = asset_store.asset("W12-0001")
        for hour in range(1, 6):
            confirm(asset_store, timedelta(hours=hour))
        assert tag("W12-0001").asset_id == bearer

    def test_settles_a_reservation_whose_process_died_after_the_asset_was_created(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            service.reserve(session, "W12-", actor=ADA, now=NOW)
        asset_id = asset_store.asset("W12-0001")
        confirm(asset_store)
        assert (tag("W12-0001").state, tag("W12-0001").asset_id) == (TagState.ASSIGNED, asset_id)

    def test_settles_a_reservation_whose_process_died_before_the_asset_was_created(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            service.reserve(session, "W12-", actor=ADA, now=NOW)
        confirm(asset_store, timedelta(seconds=30))
        assert tag("W12-0001").attempts == 0, "the creation may still be under way"
        confirm(asset_store, timedelta(hours=1))
        assert tag("W12-0001").state == TagState.RESERVED, "once is not enough: the asset may appear"
        confirm(asset_store, timedelta(hours=2))
        assert (tag("W12-0001").state, next_tag()) == (TagState.RELEASED, "W12-0001")

    def test_two_processes_at_once_do_each_tag_once(self, inside: Flask, asset_store: FailingAssetStore) -> None:
        for _ in range(40):
            created(asset_store.asset())

        def sweep(_: int) -> int:
            with inside.app_context():
                return confirm(FailingAssetStore())

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(sweep, range(4))) == 40


class TestWhatWaits:
    def test_counts_what_heals_by_itself_apart_from_what_needs_a_person(self, asset_store: FailingAssetStore) -> None:
        created(asset_store.asset())
        asset_store.fails["get_many"] = silence()
        with pytest.raises(AssetStoreUnreachable):
            confirm(asset_store)
        with reading() as session:
            assert service.waiting(session) == {"unconfirmed": 1, "problems": 0}

    def test_a_label_that_bears_another_name_marks_no_tag_as_printed_and_is_named(self, inside: Flask) -> None:
        created(7)
        created(8)
        with transaction() as session:
            assert service.mark_printed(session, [(7, "laptop 3"), (8, "W12-0002"), (9, "no tag")], now=NOW) == {7: "W12-0001"}
        assert (tag("W12-0001").printed_at, tag("W12-0002").printed_at) == (None, NOW)

    def test_a_person_may_have_a_tag_looked_after_at_once(self, asset_store: FailingAssetStore) -> None:
        created(4000)
        with transaction() as session:
            service.mark_printed(session, [(4000, "W12-0001")], now=NOW)
        for hour in range(1, 9):
            confirm(asset_store, timedelta(hours=hour))
        with transaction() as session:
            assert [each.tag for each in service.stumbled(session)] == ["W12-0001"]
            service.look_again(session, "W12-0001", now=NOW)
        assert tag("W12-0001").due_at == NOW
        with pytest.raises(TagNotFound), transaction() as session:
            service.look_again(session, "W12-0999", now=NOW)


class TestAdopting:
    def adopt(self, asset_store: FailingAssetStore, **more: object) -> int:
        with transaction() as session:
            session.execute(update(TagSequence).values(adopted_at=None))
        return adoption.adopt(transaction, asset_store, **{"prefix": "W12-", "file": None, "actor": ADA, "now": NOW, **more})  # type: ignore[arg-type]

    def test_counts_what_the_directory_holds_as_given(self, asset_store: FailingAssetStore) -> None:
        ids = [asset_store.asset(name) for name in ("W12-0001", "W12-0040", "w12-0099", "laptop", "XW12-0500", "W12-0007")]
        assert self.adopt(asset_store) == 3
        assert (next_tag(), tag("W12-0040").asset_id) == ("W12-0041", ids[1])

    def test_a_name_spelt_otherwise_takes_its_number_too(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("W12-00077")
        assert (self.adopt(asset_store), next_tag()) == (0, "W12-0078")

    def test_two_assets_of_one_name_are_noted(self, asset_store: FailingAssetStore) -> None:
        asset_store.asset("W12-0001")
        asset_store.asset("W12-0001")
        assert self.adopt(asset_store) == 1
        assert actions("W12-0001") == ["adopted", "duplicate"]

    def test_twice_changes_nothing(self, asset_store: FailingAssetStore) -> None:
        for number in range(250):
            asset_store.asset(f"W12-{number + 1:04d}")
        assert [self.adopt(asset_store), self.adopt(asset_store)] == [250, 0]
        assert next_tag() == "W12-0251"

    def test_takes_the_older_installations_number(self, asset_store: FailingAssetStore, tmp_path) -> None:  # type: ignore[no-untyped-def]
        file = tmp_path / "asset_tag_sequence.txt"
        file.write_text("1234\n")
        self.adopt(asset_store, file=file)
        assert next_tag() == "W12-1234"

    def test_says_what_is_wrong_with_the_older_file(self, asset_store: FailingAssetStore, tmp_path) -> None:  # type: ignore[no-untyped-def]
        file = tmp_path / "asset_tag_sequence.txt"
        file.write_text("abc")
        with pytest.raises(Exception, match="ASSET_TAG_SEQUENCE_FILE"):
            self.adopt(asset_store, file=file)
