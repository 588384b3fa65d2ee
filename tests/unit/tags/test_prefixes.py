"""Prefixes other than the default, and the catalogs that use them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select, update

from request_tracker_utils.assets.fields import CreationSettings
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError, Invalid
from request_tracker_utils.tags import adoption, lookup, prefixes, sequence, service, tagging
from request_tracker_utils.tags.errors import PrefixNotFound, PrefixTaken, SequenceNotReady
from request_tracker_utils.tags.models import PendingAsset, Tag, TagEvent, TagSequence, TagState
from tests.services.asset_stores import FailingAssetStore
from tests.services.creations import creator, laptop
from tests.services.tables import check_all
from tests.unit.tags.conftest import ADA, NOW, preview


def create(prefix: str) -> None:
    with transaction() as session:
        prefixes.create(session, prefix, actor=ADA, now=NOW)


def use_for(catalog: str, prefix: str) -> None:
    with transaction() as session:
        prefixes.set_for_catalog(session, catalog, prefix, actor=ADA, now=NOW)


def adopt(asset_store: FailingAssetStore) -> int:
    return adoption.adopt(transaction, asset_store, prefix="W12-", file=None, actor=ADA, now=NOW)


def existing() -> list[str]:
    with reading() as session:
        return sequence.prefixes(session)


def tag_of(asset_id: int) -> str | None:
    with reading() as session:
        tag = lookup.tag_of_asset(session, asset_id)
    return tag.tag if tag else None


def created(asset_id: int, name: str | None = None, catalog: str | None = None) -> str | None:
    tag = service.on_asset_created(transaction, asset_id=asset_id, asset_name=name, catalog=catalog, prefix="W12-", now=NOW)
    return tag.tag if tag else None


def test_a_new_prefix_is_ready_after_the_adoption_of_existing_tags(asset_store: FailingAssetStore) -> None:
    named = asset_store.asset("LAB-0041")
    create("LAB-")
    use_for("Chromebooks", "LAB-")
    with pytest.raises(SequenceNotReady):
        preview("LAB-")
    assert created(900, catalog="Chromebooks") is None
    assert created(901) == "W12-0001", "other catalogs are not pending"
    assert adopt(asset_store) == 2
    assert (tag_of(named), tag_of(900), created(902, catalog="Chromebooks")) == ("LAB-0041", "LAB-0042", "LAB-0043")


def test_pending_assets_keep_their_own_prefix(asset_store: FailingAssetStore) -> None:
    create("LAB-")
    use_for("Chromebooks", "LAB-")
    assert created(5, catalog="Chromebooks") is None
    assert created(6, "LAB-0007") is None, "its name may be a tag with the new prefix"
    with transaction() as session:
        prefixes.remove_for_catalog(session, "Chromebooks", actor=ADA, now=NOW)
    adopt(asset_store)
    assert [tag_of(5), tag_of(6)] == ["LAB-0001", "LAB-0007"]
    with reading() as session:
        assert not session.scalars(select(PendingAsset)).all()


def test_an_asset_whose_prefix_is_created_during_the_adoption_is_pending_until_the_next_one(inside: Flask) -> None:
    class Slow(FailingAssetStore):
        def names_beginning_with(self, prefix: str) -> Iterator[list[tuple[int, str]]]:
            if existing() == ["W12-"]:
                create("LAB-")
                use_for("Chromebooks", "LAB-")
                assert created(5, catalog="Chromebooks") is None
            return super().names_beginning_with(prefix)

    with transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))
    assert [adopt(Slow()), adopt(Slow()), adopt(Slow())] == [0, 1, 0]
    assert created(5) == "LAB-0001"


def test_an_invalid_prefix_and_one_that_differs_only_in_case_are_refused(inside: Flask) -> None:
    def check(prefix: str, error: type[AppError], message: str) -> None:
        with pytest.raises(error, match=message):
            create(prefix)

    invalid = ["", "-A", "LAB1", "LAB 2-", "LÄB-", "x" * 17, "LAB-\n", "<b>", "7"]
    rows = [(prefix, Invalid, "does not end with a digit") for prefix in invalid]
    check_all([*rows, ("W12-", PrefixTaken, "W12-"), ("w12-", PrefixTaken, "W12-")], check)
    assert existing() == ["W12-"]


def test_only_one_of_two_concurrent_prefixes_that_differ_in_case_is_created(inside: Flask) -> None:
    together = Barrier(2)

    def press(prefix: str) -> AppError | None:
        with inside.app_context():
            together.wait()
            try:
                create(prefix)
            except AppError as error:
                return error
            return None

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(press, ("Lab-", "LAB-")))
    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "PrefixTaken"]
    assert len(existing()) == 2


def test_new_and_existing_assets_get_tags_with_the_prefix_of_their_catalog(asset_store: FailingAssetStore) -> None:
    create("LAB-")
    use_for("Chromebooks", "LAB-")
    adopt(asset_store)

    def add(catalog: str, default: str = "") -> str:
        return creator(asset_store, CreationSettings(catalog=default)).create(laptop(catalog=catalog)).tag

    assert [add("Chromebooks"), add("Cables"), add("", "Chromebooks"), add("")] == ["LAB-0001", "W12-0001", "LAB-0002", "W12-0002"]
    old = asset_store.asset("an old one", catalog="Chromebooks")
    assert tagging.tag_asset(transaction, asset_store, asset_store.get(old), prefix="W12-", actor=ADA, now=NOW).tag == "LAB-0003"
    assert asset_store.get(old).name == "LAB-0003"


def test_the_prefix_of_a_catalog_can_be_replaced_and_removed(inside: Flask) -> None:
    with pytest.raises(PrefixNotFound):
        use_for("Chromebooks", "LAB-")
    create("LAB-")
    use_for("Chromebooks", "LAB-")
    use_for("Chromebooks", "W12-")
    with reading() as session:
        rows = [(row.catalog, row.prefix, row.changed_by) for row in prefixes.catalog_prefixes(session)]
    assert rows == [("Chromebooks", "W12-", "ada")]
    with transaction() as session:
        assert prefixes.remove_for_catalog(session, "Chromebooks", actor=ADA, now=NOW)
        assert not prefixes.remove_for_catalog(session, "Chromebooks", actor=ADA, now=NOW)
    with reading() as session:
        assert prefixes.prefix_for(session, "Chromebooks", "W12-") == "W12-"
        entries = session.execute(select(TagEvent.action, TagEvent.tag, TagEvent.reason).order_by(TagEvent.id)).all()
    assert [tuple(entry) for entry in entries] == [
        ("prefix", "LAB-", None),
        ("catalog", "LAB-", "for new assets in Chromebooks"),
        ("catalog", "W12-", "for new assets in Chromebooks"),
        ("catalog", "W12-", "no longer used for new assets in Chromebooks"),
    ]


def test_other_catalogs_get_the_default_prefix(inside: Flask) -> None:
    create("LAB-")
    use_for("Chromebooks", "LAB-")

    def check(catalog: str | None) -> None:
        with reading() as session:
            assert prefixes.prefix_for(session, catalog, "W12-") == "W12-"

    check_all([None, "", "chromebooks", "x" * 1000, "'; DROP TABLE asset_tags"], check)
    assert created(5, catalog="chromebooks") == "W12-0001"


def test_the_summary_counts_the_tags_of_each_sequence(inside: Flask) -> None:
    with transaction() as session:
        tags = [service.reserve(session, "W12-", actor=ADA, now=NOW) for _ in range(5)]
    with transaction() as session:
        service.release(session, session.get_one(Tag, tags[1].id), actor=ADA, now=NOW, reason="test")
        sequence.create_if_missing(session, "LAB-", now=NOW)
        session.add(Tag(tag="W12-0900", prefix="W12-", number=900, state=TagState.RELEASED, changed_at=NOW))
        session.execute(update(Tag).where(Tag.number == 1).values(due_at=None))
    with reading() as session:
        lab, main = prefixes.summaries(session)
    assert (lab.prefix, lab.is_ready, lab.next_tag, lab.in_use) == ("LAB-", False, "", 0)
    assert (main.next_tag, main.next_number, main.in_use, main.released, main.pending) == ("W12-0002", 6, 4, 2, 3)
