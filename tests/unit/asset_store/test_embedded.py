"""The embedded asset store implements its interface."""

import pytest
from flask import Flask

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetNotFound, AssetStore, AssetStoreInvalid, NewAsset
from request_tracker_utils.core.db import reading, transaction
from tests.services.tables import check_all


@pytest.fixture
def asset_store(app: Flask):  # type: ignore[no-untyped-def]
    with app.app_context():
        yield EmbeddedAssetStore(transaction, reading, "https://tags.example.org", "General assets")


def test_an_asset_is_created_found_renamed_and_assigned(asset_store: AssetStore) -> None:
    new = NewAsset("W12-0001", "Chromebooks", "AbC-1", "Chromebook 3100", "Dell", {"Funding Source": "Title I"}, status="in-use")
    created = asset_store.get(asset_store.create(new))
    assert (created.model, created.manufacturer, created.catalog, created.status) == ("Chromebook 3100", "Dell", "Chromebooks", "in-use")
    assert asset_store.find_by_name("W12-0001") == [created]
    assert asset_store.find_by_serial("aBc-1") == [created]
    assert (asset_store.find_by_name("w12-0001"), asset_store.find_by_serial("")) == ([], [])
    assert created.fields == {"Funding Source": "Title I"}
    assert asset_store.page_address(created.id) == f"https://tags.example.org/assets/{created.id}"
    assert asset_store.rename(created.id, "new") == "W12-0001"
    asset_store.set_holder(created.id, "student1001")
    changed = asset_store.get(created.id)
    assert (changed.name, changed.holder, changed.owner) == ("new", "student1001", "student1001")
    asset_store.set_holder(created.id, "")
    assert asset_store.get(created.id).holder == ""


def test_many_assets_are_returned_in_the_given_order_without_unknown_ones(asset_store: AssetStore) -> None:
    ids = [asset_store.create(NewAsset(f"asset {number}")) for number in range(150)]
    found = [asset.id for chunk in asset_store.get_many([*reversed(ids), 9999, -1, 2**40, ids[0]]) for asset in chunk]
    assert found[:150] == list(reversed(ids))


def test_an_unknown_number_is_not_found(asset_store: AssetStore) -> None:
    def check(asset_id: int) -> None:
        with pytest.raises(AssetNotFound):
            asset_store.get(asset_id)

    check_all([0, -1, 4711, 2**31, 2**70], check)


def test_names_are_found_by_their_beginning_with_case_and_without_wildcards(asset_store: AssetStore) -> None:
    for name in ("W12-0001", "w12-0002", "W12_0003", "XW12-0004", "W12-0005"):
        asset_store.create(NewAsset(name))
    assert [name for chunk in asset_store.names_beginning_with("W12-") for _, name in chunk] == ["W12-0001", "W12-0005"]
    any_case = [name for chunk in asset_store.names_beginning_with("W12-", any_case=True) for _, name in chunk]
    assert any_case == ["W12-0001", "w12-0002", "W12-0005"]


def test_a_search_takes_wildcards_literally_and_pages_newest_first_by_catalog(asset_store: AssetStore) -> None:
    asset_store.create(NewAsset("100% wool"))
    asset_store.create(NewAsset("1000 wool"))
    assert [asset.name for asset in asset_store.search("100%").assets] == ["100% wool"]
    for number in range(7):
        asset_store.create(NewAsset(f"asset {number}", "Chromebooks" if number % 2 else "Cables"))
    first, second = (asset_store.search("asset", page=page, page_size=5) for page in (1, 2))
    assert ([asset.name for asset in second.assets], first.more, second.more) == (["asset 1", "asset 0"], True, False)
    assert len(asset_store.search("", catalog="Chromebooks").assets) == 3
    assert "Cables" in asset_store.catalogs()


def test_the_results_of_a_query_are_chunked_by_id_and_counted(asset_store: AssetStore) -> None:
    ids = [asset_store.create(NewAsset(f"asset {number}")) for number in range(130)]
    asset_store.create(NewAsset("another"))
    chunks = list(asset_store.query("asset", limit=500))
    assert ([len(chunk) for chunk in chunks], [asset.id for chunk in chunks for asset in chunk]) == ([100, 30], ids)
    assert [asset.id for chunk in asset_store.query("asset", limit=5, after_id=ids[99]) for asset in chunk] == ids[100:105]
    assert (asset_store.count("asset"), asset_store.count("no such thing")) == (130, 0)
    with pytest.raises(AssetStoreInvalid):
        next(asset_store.query("  ", limit=10))
    with pytest.raises(AssetStoreInvalid):
        asset_store.count("  ")


def test_many_serials_are_found_in_any_case_and_none_for_those_without_an_asset(asset_store: AssetStore) -> None:
    created = [asset_store.get(asset_store.create(NewAsset("x", serial=f"Ser-{number}"))) for number in range(120)]
    asset_store.create(NewAsset("without a serial number"))
    serials = [f"sER-{number}" for number in reversed(range(120))]
    assert asset_store.find_by_serials([*serials, "", "nobody's", "ser-1", "' OR 1=1 --"]) == created
    named = asset_store.get(asset_store.create(NewAsset("W12-0001", serial="other")))
    assert asset_store.find_by_serials_or_names(["SER-7", ""], ["W12-0001", "w12-0002", ""]) == [created[7], named]


def test_invalid_values_are_refused_with_their_field(asset_store: AssetStore) -> None:
    def check(field: str, new: NewAsset) -> None:
        with pytest.raises(AssetStoreInvalid) as error:
            asset_store.create(new)
        assert error.value.fields["field"] == field

    check_all([("name", NewAsset("x" * 256)), ("serial", NewAsset("x", serial="a\nb")), ("model", NewAsset("x", model="\x00"))], check)
