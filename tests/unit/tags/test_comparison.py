"""Holding the directory against the tags: everything is found, nothing is invented, and only one who saw all forgets."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import AssetStoreUnreachable
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import comparison, differences, sequence, service
from request_tracker_utils.tags.models import DifferenceKind, Tag, TagSequence
from tests.services.asset_stores import FailingAssetStore, silence
from tests.unit.tags.conftest import ADA, NOW
from tests.unit.tags.difference import LATER, Steps, compare, found, only, tagged, vanish


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def close(settlement: str, at: datetime) -> None:
    with transaction() as session:
        differences.RECORD.close(session, only().id, settlement, actor=ADA, now=at)


class TestAComparison:
    def test_finds_each_kind_of_difference_and_nothing_else(self, asset_store: FailingAssetStore) -> None:
        fine, renamed, lower, gone, deleted, holder = (tagged(asset_store) for _ in range(6))
        asset_store.rename(renamed, "Ms Lee’s laptop")
        asset_store.rename(lower, "w12-0003")
        vanish(gone)
        with transaction() as session:
            session.execute(update(EmbeddedAsset).where(EmbeddedAsset.id == deleted).values(status="deleted", name="scrap"))
        twin = asset_store.asset("W12-0006")
        unknown = asset_store.asset("W12-0900")
        misspelt = [asset_store.asset(name) for name in ("W12-7", "w12-0001", "W12-0001 old", "W12-00009")]
        for name in ("W13-0001", "a laptop", "XW12-0001", "W12", ""):
            asset_store.asset(name)
        assert compare(asset_store) == 10
        assert found() == {
            ("renamed", "W12-0002", renamed, "Ms Lee’s laptop"),
            ("renamed", "W12-0003", lower, "w12-0003"),
            ("gone", "W12-0004", gone, None),
            ("gone", "W12-0005", deleted, "scrap"),
            ("twin", "W12-0006", twin, "W12-0006"),
            ("unknown", "W12-0900", unknown, "W12-0900"),
            ("misspelt", "", misspelt[0], "W12-7"),
            ("misspelt", "", misspelt[1], "w12-0001"),
            ("misspelt", "", misspelt[2], "W12-0001 old"),
            ("misspelt", "", misspelt[3], "W12-00009"),
        }
        assert {fine, holder}.isdisjoint(asset_id for _, _, asset_id, _ in found())

    def test_sees_assets_that_changed_their_tags_among_themselves_as_renamed(self, asset_store: FailingAssetStore) -> None:
        one, other = tagged(asset_store), tagged(asset_store)
        asset_store.rename(one, "W12-0002")
        asset_store.rename(other, "W12-0001")
        compare(asset_store)
        assert found() == {("renamed", "W12-0001", one, "W12-0002"), ("renamed", "W12-0002", other, "W12-0001")}

    def test_takes_a_step_for_each_tag_however_it_stands(self, asset_store: FailingAssetStore) -> None:
        for number in range(130):
            asset_id = tagged(asset_store)
            if number % 3 == 0:
                asset_store.rename(asset_id, f"device {number}")
        steps = Steps()
        assert compare(asset_store, steps=steps) == 44
        assert (steps.total, steps.taken) == (130, 130)

    def test_leaves_tags_alone_that_are_being_worked_on(self, asset_store: FailingAssetStore) -> None:
        created = asset_store.asset("not named yet")
        with transaction() as session:
            service.assign_to_created_asset(session, asset_id=created, asset_name=None, prefix="W12-", now=NOW)
            service.assign_to_created_asset(session, asset_id=5000, asset_name=None, prefix="W12-", now=NOW)
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        asset_store.asset(reserved.tag)
        compare(asset_store, NOW + timedelta(minutes=5))
        assert found() == set()
        compare(asset_store, NOW + timedelta(minutes=30))
        assert found() == {("renamed", "W12-0001", created, "not named yet")}
        compare(asset_store, NOW + timedelta(hours=2))
        assert found() == {("renamed", "W12-0001", created, "not named yet"), ("gone", "W12-0002", 5000, None)}

    def test_does_not_hold_an_old_name_against_a_tag_that_was_changed_meanwhile(self, inside: Flask) -> None:
        class Slow(FailingAssetStore):
            def names_beginning_with(self, prefix: str, *, any_case: bool = False) -> Iterator[list[tuple[int, str]]]:
                names = list(super().names_beginning_with(prefix, any_case=any_case))
                with transaction() as session:  # after the names were read, and before they are looked at
                    session.execute(update(Tag).values(asset_id=777, changed_at=LATER + timedelta(seconds=1)))
                yield from names

        asset_store = Slow()
        tagged(asset_store)
        compare(asset_store)
        assert found() == set()

    def test_reads_a_name_that_begins_with_two_prefixes_as_the_longer_ones(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            session.add(TagSequence(prefix="W12-A-", next_number=1, adopted_at=NOW, created_at=NOW))
        asset_id = asset_store.asset("W12-A-0007")
        compare(asset_store, prefixes=("W12-", "W12-A-"))
        assert found() == {("unknown", "W12-A-0007", asset_id, "W12-A-0007")}

    def test_compares_no_prefix_whose_names_are_not_adopted(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            sequence.create_if_missing(session, "X-", now=NOW)
            assert comparison.ready_prefixes(session) == ["W12-"]

    def test_finds_three_thousand_differences(self, asset_store: FailingAssetStore) -> None:
        with transaction() as session:
            session.add_all(EmbeddedAsset(name=f"W12-{number:04d}", created_at=NOW) for number in range(1, 1501))
            session.add_all(EmbeddedAsset(name=f"W12-{number}x", created_at=NOW) for number in range(1, 1501))
        assert compare(asset_store) == 3000
        with reading() as session:
            counts = differences.RECORD.counts(session)
            first, more = differences.RECORD.page_of(session, DifferenceKind.MISSPELT, after=0, limit=50)
            last, rest = differences.RECORD.page_of(session, DifferenceKind.MISSPELT, after=first[-1].id, limit=2000)
        assert (counts["unknown"], counts["misspelt"], counts["gone"]) == (1500, 1500, 0)
        assert (len(first), more, len(last), rest) == (50, True, 1450, False)


class TestAFurtherComparison:
    def test_keeps_when_a_difference_was_found_and_moves_when_it_was_seen(self, asset_store: FailingAssetStore) -> None:
        asset_store.rename(tagged(asset_store), "old")
        compare(asset_store)
        before = only()
        asset_store.rename(before.asset_id, "older")
        compare(asset_store, LATER + timedelta(days=1))
        after = only()
        assert (after.id, after.found_at, after.name) == (before.id, before.found_at, "older")
        assert after.seen_at > before.seen_at

    def test_settles_what_it_sees_no_more(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        asset_store.rename(asset_id, "W12-0001")
        assert compare(asset_store, LATER + timedelta(days=1)) == 0
        assert (only().settlement, only().settled_by) == ("vanished", "job")

    def test_opens_what_is_there_again(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        for day, name in enumerate(("old", "W12-0001", "old")):
            asset_store.rename(asset_id, name)
            compare(asset_store, LATER + timedelta(days=day))
        assert found() == {("renamed", "W12-0001", asset_id, "old")}
        assert only().settlement is None

    def test_lets_lie_what_was_left_until_its_name_changes(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "Cart 4")
        compare(asset_store)
        close("left", LATER + timedelta(hours=1))
        assert compare(asset_store, LATER + timedelta(days=1)) == 0
        assert (only().settlement, only().settled_by) == ("left", "ada")
        asset_store.rename(asset_id, "Cart 5")
        compare(asset_store, LATER + timedelta(days=2))
        assert found() == {("renamed", "W12-0001", asset_id, "Cart 5")}

    def test_lets_lie_what_stays_without_a_name(self, asset_store: FailingAssetStore) -> None:
        vanish(tagged(asset_store))
        compare(asset_store)
        close("left", LATER + timedelta(hours=1))
        assert compare(asset_store, LATER + timedelta(days=1)) == 0

    def test_does_not_open_again_what_was_settled_while_it_ran(self, asset_store: FailingAssetStore) -> None:
        asset_store.rename(tagged(asset_store), "old")
        compare(asset_store)
        close("called-again", LATER + timedelta(days=1, minutes=1))  # a comparison that began before had read the old name already
        assert compare(asset_store, LATER + timedelta(days=1)) == 0
        assert only().settlement == "called-again"

    def test_forgets_nothing_when_the_directory_stops_answering(self, asset_store: FailingAssetStore) -> None:
        known = tagged(asset_store)
        asset_store.rename(known, "old")
        compare(asset_store)
        asset_store.rename(known, "W12-0001")
        fresh = asset_store.asset("W12-0900")
        tagged(asset_store, "unseen")
        with transaction() as session:
            session.execute(update(EmbeddedAsset).where(EmbeddedAsset.name == "W12-0002").values(name="away"))
        asset_store.fails["get_many"] = silence()
        with pytest.raises(AssetStoreUnreachable):
            compare(asset_store, LATER + timedelta(days=1))
        assert found() == {("renamed", "W12-0001", known, "old"), ("unknown", "W12-0900", fresh, "W12-0900")}

    def test_ends_where_its_watcher_says_so_and_forgets_nothing(self, asset_store: FailingAssetStore) -> None:
        asset_id = tagged(asset_store)
        asset_store.rename(asset_id, "old")
        compare(asset_store)
        asset_store.rename(asset_id, "W12-0001")

        class Enough(Steps):
            def advance(self, steps: int) -> None:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            compare(asset_store, LATER + timedelta(days=1), steps=Enough())
        assert found() == {("renamed", "W12-0001", asset_id, "old")}
