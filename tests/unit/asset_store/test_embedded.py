"""The embedded directory keeps the promises of its interface."""

import pytest
from flask import Flask

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetNotFound, AssetStore, AssetStoreInvalid, NewAsset
from request_tracker_utils.core.db import reading, transaction


@pytest.fixture
def asset_store(app: Flask):  # type: ignore[no-untyped-def]
    with app.app_context():
        yield EmbeddedAssetStore(transaction, reading, "https://tags.example.org", "General assets")


def test_what_is_created_is_found_by_id_name_and_serial_in_any_case(asset_store: AssetStore) -> None:
    new = NewAsset("W12-0001", "Chromebooks", "AbC-1", "Chromebook 3100", "Dell", {"Funding Source": "Title I"}, status="in-use")
    made = asset_store.get(asset_store.create(new))
    assert (made.model, made.manufacturer, made.catalog, made.status) == ("Chromebook 3100", "Dell", "Chromebooks", "in-use")
    assert asset_store.find_by_name("W12-0001") == [made]
    assert asset_store.find_by_serial("aBc-1") == [made]
    assert (asset_store.find_by_name("w12-0001"), asset_store.find_by_serial("")) == ([], [])
    assert made.fields == {"Funding Source": "Title I"}
    assert asset_store.page_address(made.id) == f"https://tags.example.org/assets/{made.id}"


def test_many_come_in_the_order_asked_and_what_does_not_exist_is_left_out(asset_store: AssetStore) -> None:
    ids = [asset_store.create(NewAsset(f"asset {number}")) for number in range(150)]
    asked = [*reversed(ids), 9999, -1, 2**40, ids[0]]
    found = [asset.id for chunk in asset_store.get_many(asked) for asset in chunk]
    assert found[:150] == list(reversed(ids))


@pytest.mark.parametrize("asset_id", [0, -1, 4711, 2**31, 2**70])
def test_an_unknown_number_is_not_found(asset_store: AssetStore, asset_id: int) -> None:
    with pytest.raises(AssetNotFound):
        asset_store.get(asset_id)


def test_renaming_gives_the_old_name_back(asset_store: AssetStore) -> None:
    made = asset_store.create(NewAsset("old"))
    assert asset_store.rename(made, "new") == "old"
    assert asset_store.get(made).name == "new"


def test_a_holder_is_set_and_taken_away(asset_store: AssetStore) -> None:
    made = asset_store.create(NewAsset("x"))
    asset_store.set_holder(made, "student1001")
    assert (asset_store.get(made).holder, asset_store.get(made).owner) == ("student1001", "student1001")
    asset_store.set_holder(made, "")
    assert asset_store.get(made).holder == ""


def test_names_are_listed_by_their_beginning_with_case_and_without_wildcards(asset_store: AssetStore) -> None:
    for name in ("W12-0001", "w12-0002", "W12_0003", "XW12-0004", "W12-0005"):
        asset_store.create(NewAsset(name))
    assert [name for chunk in asset_store.names_beginning_with("W12-") for _, name in chunk] == ["W12-0001", "W12-0005"]
    assert [name for chunk in asset_store.names_beginning_with("W12-", any_case=True) for _, name in chunk] == [
        "W12-0001",
        "w12-0002",
        "W12-0005",
    ]


def test_search_takes_wildcards_as_they_are(asset_store: AssetStore) -> None:
    asset_store.create(NewAsset("100% wool"))
    asset_store.create(NewAsset("1000 wool"))
    assert [asset.name for asset in asset_store.search("100%").assets] == ["100% wool"]


def test_search_pages_with_the_newest_first_and_by_catalog(asset_store: AssetStore) -> None:
    for number in range(7):
        asset_store.create(NewAsset(f"asset {number}", "Chromebooks" if number % 2 else "Cables"))
    first, second = (asset_store.search("asset", page=page, page_size=5) for page in (1, 2))
    assert ([asset.name for asset in second.assets], first.more, second.more) == (["asset 1", "asset 0"], True, False)
    assert len(asset_store.search("", catalog="Chromebooks").assets) == 3
    assert "Cables" in asset_store.catalogs()


def test_a_query_for_everything_is_refused(asset_store: AssetStore) -> None:
    with pytest.raises(AssetStoreInvalid):
        next(asset_store.query("  ", limit=10))
    with pytest.raises(AssetStoreInvalid):
        asset_store.count("  ")


def test_what_a_query_finds_comes_in_chunks_by_id_and_is_counted(asset_store: AssetStore) -> None:
    ids = [asset_store.create(NewAsset(f"asset {number}")) for number in range(130)]
    asset_store.create(NewAsset("another"))
    chunks = list(asset_store.query("asset", limit=500))
    assert ([len(chunk) for chunk in chunks], [asset.id for chunk in chunks for asset in chunk]) == ([100, 30], ids)
    assert [asset.id for chunk in asset_store.query("asset", limit=5, after_id=ids[99]) for asset in chunk] == ids[100:105]
    assert (asset_store.count("asset"), asset_store.count("no such thing")) == (130, 0)


def test_many_serials_are_found_in_any_case_and_none_for_those_that_nobody_has(asset_store: AssetStore) -> None:
    made = [asset_store.get(asset_store.create(NewAsset("x", serial=f"Ser-{number}"))) for number in range(120)]
    asset_store.create(NewAsset("without a serial number"))
    asked = [f"sER-{number}" for number in reversed(range(120))]
    assert asset_store.find_by_serials([*asked, "", "nobody's", "ser-1", "' OR 1=1 --"]) == made


@pytest.mark.parametrize("new", [NewAsset("x" * 256), NewAsset("x", serial="a\nb"), NewAsset("x", model="\x00")])
def test_what_no_directory_takes_is_refused_with_its_field(asset_store: AssetStore, new: NewAsset) -> None:
    with pytest.raises(AssetStoreInvalid) as refusal:
        asset_store.create(new)
    assert refusal.value.fields["field"] in ("name", "serial", "model")
