"""Further prefixes, and the catalogs whose assets get them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.assets.fields import CreationSettings
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.tags import adoption, prefixes, sequence, service, tagging
from request_tracker_utils.tags.errors import PrefixNotFound, PrefixTaken, SequenceNotReady
from request_tracker_utils.tags.models import TagEvent, TagSequence, WaitingAsset
from tests.services.asset_stores import FailingAssetStore
from tests.services.creations import creator, laptop
from tests.unit.tags.conftest import ADA, NOW


@pytest.fixture
def asset_store(inside: Flask) -> FailingAssetStore:
    return FailingAssetStore()


def make(prefix: str) -> None:
    with transaction() as session:
        prefixes.add(session, prefix, actor=ADA, now=NOW)


def map_catalog(catalog: str, prefix: str) -> None:
    with transaction() as session:
        prefixes.map_catalog(session, catalog, prefix, actor=ADA, now=NOW)


def adopt(asset_store: FailingAssetStore) -> int:
    return adoption.adopt(transaction, asset_store, prefix="W12-", file=None, actor=ADA, now=NOW)


def known() -> list[str]:
    with reading() as session:
        return sequence.prefixes(session)


def created(asset_id: int, name: str | None = None, catalog: str | None = None) -> str | None:
    tag = service.on_asset_created(transaction, asset_id=asset_id, asset_name=name, catalog=catalog, prefix="W12-", now=NOW)
    return tag.tag if tag else None


def test_a_new_prefix_gives_tags_only_after_the_directorys_names_are_adopted(asset_store: FailingAssetStore) -> None:
    held = asset_store.asset("LAB-0041")
    make("LAB-")
    map_catalog("Chromebooks", "LAB-")
    with pytest.raises(SequenceNotReady), reading() as session:
        sequence.preview(session, "LAB-")
    assert created(900, catalog="Chromebooks") is None
    assert created(901) == "W12-0001", "other catalogs do not wait"
    assert adopt(asset_store) == 2
    with reading() as session:
        assert service.tag_of_asset(session, held).tag == "LAB-0041"  # type: ignore[union-attr]
        assert service.tag_of_asset(session, 900).tag == "LAB-0042"  # type: ignore[union-attr]
    assert created(902, catalog="Chromebooks") == "LAB-0043"


def test_assets_that_wait_keep_their_own_prefix(asset_store: FailingAssetStore) -> None:
    make("LAB-")
    map_catalog("Chromebooks", "LAB-")
    assert created(5, catalog="Chromebooks") is None
    assert created(6, "LAB-0007") is None, "its name may be a tag of the new prefix"
    with transaction() as session:
        prefixes.unmap_catalog(session, "Chromebooks", actor=ADA, now=NOW)
    adopt(asset_store)
    with reading() as session:
        assert [service.tag_of_asset(session, asset_id).tag for asset_id in (5, 6)] == ["LAB-0001", "LAB-0007"]  # type: ignore[union-attr]
        assert not session.scalars(select(WaitingAsset)).all()


def test_an_asset_of_a_prefix_that_is_made_during_the_adoption_waits_for_the_next_one(inside: Flask) -> None:
    class Slow(FailingAssetStore):
        def names_beginning_with(self, prefix: str) -> Iterator[list[tuple[int, str]]]:
            if known() == ["W12-"]:
                make("LAB-")
                map_catalog("Chromebooks", "LAB-")
                assert created(5, catalog="Chromebooks") is None
            return super().names_beginning_with(prefix)

    with transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    assert [adopt(Slow()), adopt(Slow()), adopt(Slow())] == [0, 1, 0]
    assert created(5) == "LAB-0001"


@pytest.mark.parametrize("prefix", ["", "-A", "LAB1", "LAB 2-", "LÄB-", "x" * 17, "LAB-\n", "<b>", "7"])
def test_a_prefix_of_no_form_is_refused(inside: Flask, prefix: str) -> None:
    with pytest.raises(Invalid, match="ends with no digit"):
        make(prefix)
    assert known() == ["W12-"]


@pytest.mark.parametrize("prefix", ["W12-", "w12-"])
def test_a_prefix_that_there_is_but_for_capitals_is_refused(inside: Flask, prefix: str) -> None:
    with pytest.raises(PrefixTaken, match="W12-"):
        make(prefix)


def test_of_two_who_make_a_prefix_in_other_capitals_at_once_one_makes_it(inside: Flask) -> None:
    together = Barrier(2)

    def press(prefix: str) -> AppError | None:
        with inside.app_context():
            together.wait()
            try:
                make(prefix)
            except AppError as error:
                return error
            return None

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(press, ("Lab-", "LAB-")))
    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "PrefixTaken"]
    assert len(known()) == 2


def test_a_catalog_is_mapped_only_to_a_prefix_that_exists(inside: Flask) -> None:
    with pytest.raises(PrefixNotFound):
        map_catalog("Chromebooks", "LAB-")


def test_new_and_old_assets_get_the_tags_of_their_catalog(asset_store: FailingAssetStore) -> None:
    make("LAB-")
    map_catalog("Chromebooks", "LAB-")
    adopt(asset_store)
    call = {"prefix": "W12-", "actor": ADA, "now": NOW}

    def add(catalog: str, default: str = "") -> str:
        return creator(asset_store, CreationSettings(catalog=default)).create(laptop(catalog=catalog)).tag

    assert [add("Chromebooks"), add("Cables"), add("", "Chromebooks"), add("")] == ["LAB-0001", "W12-0001", "LAB-0002", "W12-0002"]
    old = asset_store.asset("an old one", catalog="Chromebooks")
    assert tagging.give_tag(transaction, asset_store, asset_store.get(old), **call).tag == "LAB-0003"  # type: ignore[arg-type]
    assert asset_store.get(old).name == "LAB-0003"


def test_another_prefix_takes_the_place_of_the_one_before_and_none_leads_to_the_default(inside: Flask) -> None:
    make("LAB-")
    map_catalog("Chromebooks", "LAB-")
    map_catalog("Chromebooks", "W12-")
    with reading() as session:
        assert [(row.catalog, row.prefix, row.changed_by) for row in prefixes.of_catalogs(session)] == [("Chromebooks", "W12-", "ada")]
    with transaction() as session:
        assert prefixes.unmap_catalog(session, "Chromebooks", actor=ADA, now=NOW)
        assert not prefixes.unmap_catalog(session, "Chromebooks", actor=ADA, now=NOW)
    with reading() as session:
        assert prefixes.prefix_of(session, "Chromebooks", "W12-") == "W12-"
        rows = session.execute(select(TagEvent.action, TagEvent.tag, TagEvent.reason).order_by(TagEvent.id)).all()
    assert [tuple(row) for row in rows] == [
        ("prefix", "LAB-", None),
        ("catalog", "LAB-", "for new assets of Chromebooks"),
        ("catalog", "W12-", "for new assets of Chromebooks"),
        ("catalog", "W12-", "no longer for new assets of Chromebooks"),
    ]


@pytest.mark.parametrize("catalog", [None, "", "chromebooks", "x" * 1000, "'; DROP TABLE asset_tags"])
def test_a_catalog_that_is_not_mapped_gets_the_default(inside: Flask, catalog: str | None) -> None:
    make("LAB-")
    map_catalog("Chromebooks", "LAB-")
    assert created(5, catalog=catalog) == "W12-0001"
