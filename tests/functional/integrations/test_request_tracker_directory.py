"""The directory that Request Tracker is: our words, our errors."""

import pytest

from request_tracker_utils.directory.request_tracker import RequestTrackerDirectory
from request_tracker_utils.directory.service import (
    AssetNotFound,
    Directory,
    DirectoryInvalid,
    DirectoryRefused,
    DirectoryUnreachable,
    NewAsset,
)
from request_tracker_utils.integrations.rt import RtClient
from tests.services.request_tracker import RequestTracker

pytestmark = pytest.mark.rt


@pytest.fixture
def directory(client: RtClient) -> Directory:
    return RequestTrackerDirectory(client, default_catalog="General assets")


def test_an_asset_is_created_found_renamed_and_given_to_somebody(directory: Directory, fresh: str) -> None:
    new = NewAsset(fresh, serial=f"{fresh}-s", model="Latitude", manufacturer="Dell", fields={"Funding Source": "Title I"})
    made = directory.get(directory.create(new))
    assert (made.name, made.serial, made.model, made.manufacturer, made.catalog) == (
        fresh,
        f"{fresh}-s",
        "Latitude",
        "Dell",
        "General assets",
    )
    assert made.fields["Funding Source"] == "Title I"
    assert directory.find_by_name(fresh) == directory.find_by_serial(f"{fresh}-S") == [made]
    assert directory.search(fresh, catalog="General assets").assets == [made]
    assert list(directory.query(f"Name = '{fresh}'", limit=5)) == [[made]]
    assert (directory.count(f"Name = '{fresh}'"), list(directory.query(f"Name = '{fresh}'", limit=5, beyond=made.id))) == (1, [])
    assert directory.find_by_serials([f"{fresh}-S", "nobody has this one"]) == [made]
    assert list(directory.get_many([made.id])) == [[made]]
    assert list(directory.names_beginning_with(fresh)) == [[(made.id, fresh)]]
    assert directory.rename(made.id, f"{fresh}-2") == fresh
    directory.set_holder(made.id, "student1004")
    found = directory.get(made.id)
    assert (found.name, found.holder, found.owner) == (f"{fresh}-2", "student1004", "student1004")


def test_what_somebody_holds_is_searched_by_text_and_catalog_too_and_comes_in_pages(directory: Directory, fresh: str) -> None:
    made = [directory.create(NewAsset(f"{fresh}-{number}", "Cables", model="HDMI" if number else "VGA")) for number in range(3)]
    for asset_id in made:
        directory.set_holder(asset_id, "student1009")
    assert [asset.id for asset in directory.search("", holder="Student1009").assets] == made[::-1]
    assert [asset.id for asset in directory.search("hdmi", catalog="cables", holder="student1009").assets] == made[:0:-1]
    assert directory.search(fresh, catalog="Chromebooks", holder="student1009").assets == []
    assert directory.search(fresh, holder="student100").assets == []
    first, second = (directory.search(fresh, holder="student1009", page=page, page_size=2) for page in (1, 2))
    assert ([asset.id for asset in first.assets], first.more) == (made[:0:-1], True)
    assert ([asset.id for asset in second.assets], second.more) == (made[:1], False)


def test_an_asset_that_is_not_there_is_not_found(directory: Directory) -> None:
    for asset_id in (999_999, 0, -1, 2**31):
        with pytest.raises(AssetNotFound, match="Asset not found"):
            directory.get(asset_id)
    with pytest.raises(AssetNotFound):
        directory.rename(999_999, "x")
    with pytest.raises(AssetNotFound):
        directory.set_holder(999_999, "student1001")


def test_what_does_not_fit_is_invalid(directory: Directory) -> None:
    for call in (
        lambda: directory.create(NewAsset("x", fields={"Nope": "x"})),
        lambda: directory.create(NewAsset("123")),
        lambda: directory.rename(1, "123"),
        lambda: directory.set_holder(1, "no such user"),
        lambda: list(directory.query("id IN (1,3)", limit=5)),
        lambda: directory.count("id IN (1,3)"),
    ):
        with pytest.raises(DirectoryInvalid):
            call()


def test_catalogs_and_addresses_are_those_of_request_tracker(directory: Directory, request_tracker: RequestTracker) -> None:
    assert directory.kind == "rt"
    assert directory.catalogs() == ["Cables", "Chromebooks", "General assets"]
    assert directory.page_address(7) == f"{request_tracker.url}/Asset/Display.html?id=7"


def test_errors_of_the_connection_keep_their_meaning(request_tracker: RequestTracker) -> None:
    with RtClient(request_tracker.url, "1-14-bad") as client, pytest.raises(DirectoryRefused, match="RT_TOKEN") as refused:
        RequestTrackerDirectory(client, default_catalog="x").get(1)
    assert refused.value.status == 502
    with RtClient("http://127.0.0.1:1", "1-14-bad", retry_within=0) as client, pytest.raises(DirectoryUnreachable, match="RT_URL"):
        list(RequestTrackerDirectory(client, default_catalog="x").get_many([1]))
