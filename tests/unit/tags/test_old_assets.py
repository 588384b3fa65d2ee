"""The webhook's secret is not enough to rename an asset that is not new: confirmation reads when the asset was created."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import adoption, confirmation, lookup, prefixes, service, tagging
from request_tracker_utils.tags.models import DiscrepancyKind, PendingAsset, TagDiscrepancy, TagEvent
from request_tracker_utils.tags.options import KINDS, Resolution
from tests.services.asset_stores import FailingAssetStore
from tests.services.tables import check_all
from tests.unit.tags.conftest import ADA, NOW, preview
from tests.unit.tags.reconciling import compare, entry, found, last_event, of, resolve, row

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def created(asset_store: FailingAssetStore, at: datetime, name: str = "Laptop", **fields: str) -> int:
    asset_id = asset_store.asset(name, **fields)
    with transaction() as session:
        session.execute(update(EmbeddedAsset).where(EmbeddedAsset.id == asset_id).values(created_at=at))
    return asset_id


def call(asset_id: int, name: str | None = None, *, at: datetime = NOW) -> str:
    tag = service.on_asset_created(transaction, asset_id=asset_id, asset_name=name, prefix="W12-", now=at)
    assert tag is not None
    return tag.tag


def confirm(asset_store: FailingAssetStore, at: datetime = NOW + MINUTE) -> int:
    return confirmation.confirm_due(transaction, asset_store, actor=ADA, clock=lambda: at)


def test_an_old_asset_is_not_renamed_but_listed(asset_store: FailingAssetStore) -> None:
    asset_id = created(asset_store, NOW - 400 * DAY)
    tag = call(asset_id)
    assert confirm(asset_store) == 1
    assert asset_store.get(asset_id).name == "Laptop"
    assert found() == {("renamed", tag, asset_id, "Laptop")}
    assert (row(tag).asset_id, row(tag).due_at, row(tag).confirmed_at) == (asset_id, None, None)
    assert row(tag).problem == (
        "The webhook was called for this asset at 2026-03-02 08:00 UTC, but the asset was created at 2025-01-26 08:00 UTC, so it was not "
        "renamed. Decide under Differences whether to rename it or to remove its tag."
    )
    assert last_event(tag) == ("stuck", "ada")
    with reading() as session:
        reason = session.scalars(select(TagEvent.reason).where(TagEvent.tag == tag).order_by(TagEvent.id.desc())).first()
        counts, pending = lookup.pending_counts(session), lookup.pending_tags(session)
    assert (reason, counts, [each.tag for each in pending]) == (row(tag).problem, {"pending": 0, "failing": 1}, [tag])
    assert (confirm(asset_store, NOW + DAY), call(asset_id, at=NOW + DAY)) == (0, tag)
    compare(asset_store, NOW + 2 * DAY)
    assert found() == {("renamed", tag, asset_id, "Laptop")}


def test_the_age_at_the_time_of_the_call_counts(asset_store: FailingAssetStore) -> None:
    def check(age: timedelta, checked_after: timedelta, is_renamed: bool) -> None:
        asset_id = created(asset_store, NOW - age)
        tag = call(asset_id)
        confirm(asset_store, NOW + checked_after)
        assert (asset_store.get(asset_id).name == tag) is is_renamed

    check_all(
        [
            (timedelta(0), MINUTE, True),
            (timedelta(seconds=5), 9 * DAY, True),
            (DAY, MINUTE, True),
            (DAY + HOUR, MINUTE, True),
            (DAY + HOUR + MINUTE, MINUTE, False),
            (DAY + 2 * HOUR, 9 * DAY, False),
            (-2 * DAY, MINUTE, True),
        ],
        check,
    )


def test_a_call_before_the_adoption_counts_from_when_it_was_made(asset_store: FailingAssetStore) -> None:
    with transaction() as session:
        prefixes.create(session, "LIB-", actor=ADA, now=NOW)
    new, old = created(asset_store, NOW), created(asset_store, NOW - 9 * DAY)
    for asset_id in (new, old):
        assert service.on_asset_created(transaction, asset_id=asset_id, asset_name=None, prefix="LIB-", now=NOW) is None
    assert adoption.adopt(transaction, asset_store, prefix="W12-", file=None, actor=ADA, now=NOW + 3 * DAY) == 2
    confirm(asset_store, NOW + 3 * DAY + MINUTE)
    assert [asset_store.get(asset_id).name for asset_id in (new, old)] == ["LIB-0001", "Laptop"]
    with reading() as session:
        assert session.scalars(select(PendingAsset)).all() == []


def test_staff_and_the_sweep_tag_assets_of_any_age(asset_store: FailingAssetStore) -> None:
    by_hand, swept, missed = (created(asset_store, NOW - 900 * DAY) for _ in range(3))
    service.assign_manually(transaction, asset_store, text="W12-0500", asset_id=by_hand, actor=ADA, now=NOW)
    tagging.tag_asset(transaction, asset_store, asset_store.get(swept), prefix="W12-", actor=ADA, now=NOW)
    service.on_asset_created(transaction, asset_id=missed, asset_name=None, prefix="W12-", now=NOW, actor=ADA)  # a job renames it
    confirm(asset_store)
    assert all(asset_store.get(asset_id).name.startswith("W12-") for asset_id in (by_hand, swept, missed))
    assert found() == set()


def test_no_call_has_an_old_asset_renamed_by_another_way(asset_store: FailingAssetStore) -> None:
    """A name that is a tag, a name that another asset has, a deleted asset, and a retry."""
    named = created(asset_store, NOW - 9 * DAY, "W12-0042")
    victims = [created(asset_store, NOW - 9 * DAY, f"Laptop {number}") for number in range(3)]
    assert call(victims[0], "W12-0077") == "W12-0077"
    assert call(victims[1], "W12-0042") == "W12-0042"
    deleted = call(victims[2])
    with transaction() as session:
        session.execute(update(EmbeddedAsset).where(EmbeddedAsset.id == victims[2]).values(status="deleted"))
    confirm(asset_store)
    with transaction() as session:
        service.retry_confirmation(session, "W12-0077", now=NOW + HOUR)
    for later in (HOUR, DAY):
        confirm(asset_store, NOW + later + MINUTE)
    names = [asset_store.get(asset_id).name for asset_id in (named, *victims)]
    assert names == ["W12-0042", "Laptop 0", "Laptop 1", "Laptop 2"]
    assert ("gone", deleted, victims[2], "Laptop 2") in found()


def test_an_asset_of_unknown_age_counts_as_old(asset_store: FailingAssetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asset_id = created(asset_store, NOW)
    call(asset_id)
    usual = asset_store.get(asset_id)
    ageless = type(usual)(usual.id, usual.name)
    monkeypatch.setattr(asset_store, "get_many", lambda _ids: iter([[ageless]]))
    confirm(asset_store)
    assert asset_store.get(asset_id).name == "Laptop"


def test_a_person_renames_the_asset_or_removes_the_tag(asset_store: FailingAssetStore) -> None:
    renamed, removed = created(asset_store, NOW - 9 * DAY, "One"), created(asset_store, NOW - 9 * DAY, "W12-0300")
    tags = [call(renamed), call(removed)]
    confirm(asset_store)
    offered = [[option.resolution for option in entry(asset_store, of("renamed", each)).options] for each in (renamed, removed)]
    assert offered == [[Resolution.RENAME_ASSET, Resolution.REMOVE_TAG, Resolution.IGNORE]] * 2
    assert entry(asset_store, of("renamed", renamed)).facts["problem"] == row(tags[0]).problem
    resolve(asset_store, of("renamed", renamed), Resolution.RENAME_ASSET)
    resolve(asset_store, of("renamed", removed), Resolution.REMOVE_TAG)
    assert (asset_store.get(renamed).name, row(tags[0]).problem, row(tags[0]).confirmed_at is not None) == (tags[0], None, True)
    assert (asset_store.get(removed).name, row(tags[1]).state, preview()) == ("W12-0300", "released", tags[1])


def test_renaming_all_leaves_these_out_and_removing_takes_them_alone(asset_store: FailingAssetStore) -> None:
    stopped, changed = created(asset_store, NOW - 9 * DAY, "One"), created(asset_store, NOW)
    call(stopped)
    call(changed)
    confirm(asset_store)
    asset_store.rename(changed, "Changed by hand")
    compare(asset_store, NOW + DAY)
    assert {asset_id for _kind, _tag, asset_id, _name in found()} == {stopped, changed}
    kind = next(kind for kind in KINDS if kind.value == DiscrepancyKind.RENAMED)
    with reading() as session:
        eligible = {
            option.resolution: session.scalars(select(TagDiscrepancy.asset_id).where(option.eligible)).all() for option in kind.bulk
        }
    assert eligible == {Resolution.RENAME_ASSET: [changed], Resolution.REMOVE_TAG: [stopped]}
