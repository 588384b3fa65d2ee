"""Request Tracker as the asset store: its records and errors are translated."""

import pytest

from request_tracker_utils.asset_store.request_tracker import RequestTrackerAssetStore
from request_tracker_utils.asset_store.service import (
    AssetNotFound,
    AssetStore,
    AssetStoreInvalid,
    AssetStoreRefused,
    AssetStoreUnreachable,
    NewAsset,
)
from request_tracker_utils.integrations.rt import RtClient
from tests.services.request_tracker import RequestTracker

pytestmark = pytest.mark.rt


@pytest.fixture
def asset_store(client: RtClient) -> AssetStore:
    return RequestTrackerAssetStore(client, default_catalog="General assets")


def test_an_asset_is_created_found_renamed_and_assigned(asset_store: AssetStore, fresh: str) -> None:
    new = NewAsset(fresh, serial=f"{fresh}-s", model="Latitude", manufacturer="Dell", fields={"Funding Source": "Title I"})
    made = asset_store.get(asset_store.create(new))
    assert (made.name, made.serial, made.model, made.manufacturer, made.catalog) == (
        fresh,
        f"{fresh}-s",
        "Latitude",
        "Dell",
        "General assets",
    )
    assert made.fields["Funding Source"] == "Title I"
    assert asset_store.find_by_name(fresh) == asset_store.find_by_serial(f"{fresh}-S") == [made]
    assert asset_store.search(fresh, catalog="General assets").assets == [made]
    assert list(asset_store.query(f"Name = '{fresh}'", limit=5)) == [[made]]
    assert (asset_store.count(f"Name = '{fresh}'"), list(asset_store.query(f"Name = '{fresh}'", limit=5, after_id=made.id))) == (1, [])
    assert asset_store.find_by_serials([f"{fresh}-S", "nobody has this one"]) == [made]
    assert list(asset_store.get_many([made.id])) == [[made]]
    assert list(asset_store.names_beginning_with(fresh)) == [[(made.id, fresh)]]
    assert asset_store.rename(made.id, f"{fresh}-2") == fresh
    asset_store.set_holder(made.id, "student1004")
    found = asset_store.get(made.id)
    assert (found.name, found.holder, found.owner) == (f"{fresh}-2", "student1004", "student1004")


def test_assets_of_a_holder_are_searched_by_text_and_catalog_and_paged(asset_store: AssetStore, fresh: str) -> None:
    made = [asset_store.create(NewAsset(f"{fresh}-{number}", "Cables", model="HDMI" if number else "VGA")) for number in range(3)]
    for asset_id in made:
        asset_store.set_holder(asset_id, "student1009")
    assert [asset.id for asset in asset_store.search("", holder="Student1009").assets] == made[::-1]
    assert [asset.id for asset in asset_store.search("hdmi", catalog="cables", holder="student1009").assets] == made[:0:-1]
    assert asset_store.search(fresh, catalog="Chromebooks", holder="student1009").assets == []
    assert asset_store.search(fresh, holder="student100").assets == []
    first, second = (asset_store.search(fresh, holder="student1009", page=page, page_size=2) for page in (1, 2))
    assert ([asset.id for asset in first.assets], first.more) == (made[:0:-1], True)
    assert ([asset.id for asset in second.assets], second.more) == (made[:1], False)


def test_an_asset_that_does_not_exist_is_not_found(asset_store: AssetStore) -> None:
    for asset_id in (999_999, 0, -1, 2**31):
        with pytest.raises(AssetNotFound, match="Asset not found"):
            asset_store.get(asset_id)
    with pytest.raises(AssetNotFound):
        asset_store.rename(999_999, "x")
    with pytest.raises(AssetNotFound):
        asset_store.set_holder(999_999, "student1001")


def test_invalid_values_are_rejected(asset_store: AssetStore) -> None:
    for call in (
        lambda: asset_store.create(NewAsset("x", fields={"Nope": "x"})),
        lambda: asset_store.create(NewAsset("123")),
        lambda: asset_store.rename(1, "123"),
        lambda: asset_store.set_holder(1, "no such user"),
        lambda: list(asset_store.query("id IN (1,3)", limit=5)),
        lambda: asset_store.count("id IN (1,3)"),
    ):
        with pytest.raises(AssetStoreInvalid):
            call()


def test_catalogs_and_addresses_are_those_of_request_tracker(asset_store: AssetStore, request_tracker: RequestTracker) -> None:
    assert asset_store.kind == "rt"
    assert asset_store.catalogs() == ["Cables", "Chromebooks", "General assets"]
    assert asset_store.page_address(7) == f"{request_tracker.url}/Asset/Display.html?id=7"


def test_connection_errors_are_translated(request_tracker: RequestTracker) -> None:
    with RtClient(request_tracker.url, "1-14-bad") as client, pytest.raises(AssetStoreRefused, match="RT_TOKEN") as refused:
        RequestTrackerAssetStore(client, default_catalog="x").get(1)
    assert refused.value.status == 502
    with RtClient("http://127.0.0.1:1", "1-14-bad", retry_within=0) as client, pytest.raises(AssetStoreUnreachable, match="RT_URL"):
        list(RequestTrackerAssetStore(client, default_catalog="x").get_many([1]))
