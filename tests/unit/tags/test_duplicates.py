"""Two assets with one name: the webhook assigned a tag that a person had given to another asset by hand."""

from collections.abc import Collection
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import confirmation, lookup, service
from request_tracker_utils.tags.duplicates import PrintedLabels
from request_tracker_utils.tags.models import TagEvent, TagState
from tests.services.asset_stores import FailingAssetStore
from tests.unit.tags.conftest import ADA, NOW, preview, tag
from tests.unit.tags.reconciling import found, mark_printed, tagged


class Labels(PrintedLabels):
    """`on` are assets with labels."""

    def __init__(self, *on: int) -> None:
        self.on = set(on)

    def labelled(self, session: Session, asset_ids: Collection[int]) -> set[int]:
        return self.on & set(asset_ids)


def webhook(asset_store: FailingAssetStore, at: datetime = NOW + timedelta(minutes=1)) -> int:
    """An asset that a person has just created in Request Tracker, with the tag that the webhook answered."""
    asset_id = asset_store.asset("new")
    answered = service.on_asset_created(transaction, asset_id=asset_id, asset_name="new", prefix="W12-", now=at)
    assert answered is not None
    asset_store.rename(asset_id, answered.tag)
    return asset_id


def confirm(asset_store: FailingAssetStore, labels: PrintedLabels | None = None, *, after: timedelta = timedelta(minutes=2)) -> int:
    return confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: NOW + after, labels=labels or PrintedLabels())


def tag_of(asset_id: int) -> str | None:
    with reading() as session:
        own = lookup.tag_of_asset(session, asset_id)
        return own.tag if own else None


def reasons(asset_id: int) -> list[str]:
    """Of the entries about duplicates on the asset's page."""
    with reading() as session:
        query = select(TagEvent.reason).where(TagEvent.asset_id == asset_id, TagEvent.action == "duplicate")
        return [str(reason) for reason in session.scalars(query.order_by(TagEvent.id))]


def names(asset_store: FailingAssetStore, *asset_ids: int) -> list[str]:
    return [asset_store.get(asset_id).name for asset_id in asset_ids]


def test_without_labels_the_asset_that_was_tagged_last_gets_the_next_tag(asset_store: FailingAssetStore) -> None:
    by_hand = asset_store.asset("W12-0001")
    created = webhook(asset_store)
    assert confirm(asset_store) == 2
    assert names(asset_store, by_hand, created) == ["W12-0001", "W12-0002"]
    assert (tag_of(by_hand), tag_of(created)) == (None, "W12-0002")
    assert (tag("W12-0001").is_retired, tag("W12-0002").confirmed_at is not None) == (True, True)
    assert found() == {("unknown", "W12-0001", by_hand, "W12-0001")}
    reason = f"Assets #{created} and #{by_hand} had the name W12-0001. Asset #{created} got W12-0002."
    assert reasons(created) == reasons(by_hand) == [reason]
    assert (confirm(asset_store), preview()) == (0, "W12-0003")


def test_the_next_name_is_searched_for_as_well(asset_store: FailingAssetStore) -> None:
    by_hand = [asset_store.asset(f"W12-{number:04d}") for number in (1, 2, 3)]
    created = webhook(asset_store)
    confirm(asset_store)
    assert names(asset_store, *by_hand, created) == ["W12-0001", "W12-0002", "W12-0003", "W12-0004"]


def test_an_asset_with_a_label_keeps_its_name_and_the_other_gets_the_next_tag(asset_store: FailingAssetStore) -> None:
    by_hand = asset_store.asset("W12-0001")
    created = webhook(asset_store)
    mark_printed(created, "W12-0001", NOW)
    confirm(asset_store)
    assert names(asset_store, by_hand, created) == ["W12-0002", "W12-0001"]
    assert (tag_of(by_hand), tag_of(created), found()) == ("W12-0002", "W12-0001", set())
    reason = f"Assets #{created} and #{by_hand} had the name W12-0001. Asset #{by_hand} got W12-0002."
    assert reasons(by_hand) == reasons(created) == [reason]


def test_a_label_of_an_asset_without_a_tag_counts(asset_store: FailingAssetStore) -> None:
    by_hand = asset_store.asset("W12-0001")
    created = webhook(asset_store)
    confirm(asset_store, Labels(by_hand))
    assert names(asset_store, by_hand, created) == ["W12-0001", "W12-0002"]


def test_a_tagged_asset_without_a_label_is_named_after_its_own_tag_again(asset_store: FailingAssetStore) -> None:
    renamed = tagged(asset_store)
    asset_store.rename(renamed, "W12-0002")
    created = webhook(asset_store)
    mark_printed(created, "W12-0002", NOW)
    confirm(asset_store)
    assert names(asset_store, renamed, created) == ["W12-0001", "W12-0002"]
    assert (tag_of(renamed), tag_of(created), preview()) == ("W12-0001", "W12-0002", "W12-0003")


def test_of_two_tagged_assets_without_labels_the_one_that_was_tagged_last_changes(asset_store: FailingAssetStore) -> None:
    renamed = tagged(asset_store)
    asset_store.rename(renamed, "W12-0002")
    created = webhook(asset_store)
    confirm(asset_store)
    assert names(asset_store, renamed, created) == ["W12-0002", "W12-0003"]
    assert (tag_of(renamed), tag_of(created), found()) == ("W12-0001", "W12-0003", {("renamed", "W12-0001", renamed, "W12-0002")})

    first, later = webhook(asset_store), tagged(asset_store)  # W12-0004, W12-0005
    with transaction() as session:
        service.mark_confirmed(session, session.merge(tag("W12-0005")), action="confirmed", actor=ADA, now=NOW)
        session.merge(tag("W12-0005")).changed_at = NOW + timedelta(minutes=2)
    asset_store.rename(later, "W12-0004")
    confirm(asset_store, after=timedelta(minutes=3))
    assert names(asset_store, first, later) == ["W12-0004", "W12-0005"]


@pytest.mark.parametrize("has_tag", [True, False])
def test_if_both_have_labels_a_person_decides(asset_store: FailingAssetStore, has_tag: bool) -> None:
    other = tagged(asset_store, printed=True) if has_tag else asset_store.asset("W12-0001")
    name = "W12-0002" if has_tag else "W12-0001"
    asset_store.rename(other, name)
    created = webhook(asset_store)
    mark_printed(created, name, NOW)
    assert confirm(asset_store, Labels(other)) == 1
    assert names(asset_store, other, created) == [name, name]
    assert found() == {("renamed", "W12-0001", other, name) if has_tag else ("twin", name, other, name)}
    assert all("Choose under Differences" in reason for asset_id in (other, created) for reason in reasons(asset_id))
    assert (len(reasons(other)), len(reasons(created))) == (1, 1)


def test_an_asset_that_is_about_to_be_renamed_is_no_duplicate(asset_store: FailingAssetStore) -> None:
    pending = asset_store.asset("W12-0002")
    service.on_asset_created(transaction, asset_id=pending, asset_name=None, prefix="W12-", now=NOW)
    created = webhook(asset_store)
    assert confirm(asset_store) == 2
    assert names(asset_store, pending, created) == ["W12-0001", "W12-0002"]
    assert (tag("W12-0002").state, reasons(created)) == (TagState.ASSIGNED, [])


def test_a_batch_takes_one_search_for_names(asset_store: FailingAssetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[int] = []
    search = FailingAssetStore.find_by_names
    monkeypatch.setattr(FailingAssetStore, "find_by_names", lambda self, given: searches.append(1) or search(self, given))
    for _ in range(150):
        webhook(asset_store)
    assert (confirm(asset_store), len(searches), asset_store.calls.count("get_many")) == (150, 2, 2)
