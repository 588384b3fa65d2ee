"""Assets that are not devices yet: they are found like devices, and their first change creates the device."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import delete as delete_rows, select, update

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.students import assignments, devices, scan_station, service
from request_tracker_utils.students.assignments import Assignment
from request_tracker_utils.students.errors import AmbiguousAsset, AssetStoreSilent, DeviceExists, DeviceNotFound, MergedScans, explanation
from request_tracker_utils.students.models import DeletedDevice, Device
from request_tracker_utils.students.scan_codes import ScanContext, resolve
from request_tracker_utils.students.scan_station import Scan
from tests.services.inventory import AssetList
from tests.services.school import ADA, NOW, School
from tests.services.tables import check_all


@pytest.fixture
def assets() -> AssetList:
    """Two assets with tags that were assigned here, one that was named in Request Tracker, and others."""
    return AssetList(
        [
            Asset(5, "W12-0005", "SERIAL5", "Chromebook 3100", catalog="Chromebooks"),
            Asset(6, "not renamed yet", "SER6", "Chromebook 3100", catalog="Chromebooks"),
            Asset(7, "W12-0007", "SER7", catalog="Projectors"),
            Asset(8, "Projector 8", "SER8", catalog="Chromebooks"),
            Asset(9, "W12-0009", "SAME", catalog="Chromebooks"),
            Asset(10, "W12-0009", "SAME", catalog="Chromebooks"),
        ],
        {5: "W12-0005", 6: "W12-0006"},
    )


def context(assets: AssetList, *catalogs: str) -> ScanContext:
    return ScanContext("W12-", lambda url: int(url.rpartition("/")[2]), assets.tags_by_asset, assets.inventory(*catalogs))


def rows() -> list[tuple[str, str | None, str, int | None]]:
    with reading() as session:
        found = session.scalars(select(Device).order_by(Device.id))
        return [(device.asset_tag, device.serial_number, device.model, device.asset_id) for device in found]


def test_codes_and_tags_find_assets_and_write_nothing(school: School, assets: AssetList) -> None:
    def finds(code: str, tag: str) -> None:
        device = resolve(reading, code, context(assets)).device
        assert device is not None
        assert (device.id, device.asset_tag) == (None, tag)

    codes = [
        *[("W12-0005", "W12-0005"), ("w12-0005", "W12-0005"), ("5", "W12-0005"), ("SERIAL5", "W12-0005"), ("serial5", "W12-0005")],
        *[("https://rt.example/5", "W12-0005"), ("W12-0006", "W12-0006"), ("SER6", "W12-0006"), ("https://rt.example/6", "W12-0006")],
        *[("W12-0007", "W12-0007"), ("Projector 8", "Projector 8"), ("]C1W12-0005", "W12-0005"), ("S/N SERIAL5", "W12-0005")],
    ]
    check_all(codes, finds)
    for tag in ("W12-0005", "w12-0006", "W12-0007"):
        assert assets.inventory().find(tag).id is None
    assert rows() == []


def test_assets_that_cannot_be_devices_are_explained(school: School, assets: AssetList) -> None:
    def refuses(code: str, catalogs: tuple[str, ...], error: type[AppError], text: str) -> None:
        with pytest.raises(error) as raised:
            resolve(reading, code, context(assets, *catalogs))
        assert text in explanation(raised.value)
        assert raised.value.fields.get("student_stays") is not False

    check_all(
        [
            ("W12-0007", ("chromebooks",), DeviceNotFound, "W12-0007 is in the catalog Projectors, which has no devices."),
            ("SER8", (), DeviceNotFound, "Asset #8 has no tag yet. Assign a tag to it first."),
            ("https://rt.example/8", (), DeviceNotFound, "Asset #8 has no tag yet."),
            ("https://rt.example/11", (), DeviceNotFound, "Asset #11 does not exist."),
            ("W12-0009", (), AmbiguousAsset, "Several assets in Request Tracker match W12-0009: #9, #10."),
            ("9", (), AmbiguousAsset, "match W12-0009: #9, #10."),
            ("SAME", (), AmbiguousAsset, "match SAME: #9, #10."),
            ("W12-0005W12-0006", (), MergedScans, "W12-0005 and W12-0006"),
            ("W12-0005W12-0005", (), MergedScans, "W12-0005 twice"),
        ],
        refuses,
    )
    school.student("1001")
    with pytest.raises(MergedScans):
        resolve(reading, "1001SERIAL5", context(assets))
    assert rows() == []


def test_only_what_is_unknown_here_is_asked(school: School, assets: AssetList) -> None:
    school.student("1001")
    school.device("W12-0001", serial_number="SER1", asset_id=1)
    for code in ("1001", "W12-0001", "1", "ser1", "https://rt.example/1", "MODE:RETURN"):
        resolve(reading, code, context(assets))
    assets.inventory().find("w12-0001")
    assets.inventory().find_new(["W12-0001"])
    assert assets.asked == []
    resolve(reading, "W12-0006", context(assets))
    (asked,) = assets.asked  # by the number of the asset that has the tag
    assert (asked.asset_ids, asked.names, asked.serials) == ([6], [], [])


def test_a_silent_asset_store_is_not_an_unknown_tag(school: School, assets: AssetList) -> None:
    school.student("1001")
    school.device("W12-0001")
    assets.silent = True
    for code, stays in (("W12-0005", True), ("SERIAL5", False), ("https://rt.example/5", True)):
        with pytest.raises(AssetStoreSilent) as error:
            resolve(reading, code, context(assets))
        assert "is unknown here. Request Tracker did not answer within a second." in error.value.message
        assert error.value.fields["student_stays"] is stays
    with pytest.raises(AssetStoreSilent):
        assets.inventory().find("W12-0005")
    with pytest.raises(MergedScans):
        resolve(reading, "W12-0001W12-0001", context(assets))
    with transaction() as session:
        new = assets.inventory().find_new(["W12-0005", "W12-0001"])
        rows = [Assignment("1001", "W12-0005"), Assignment("1001", "W12-0001")]
        results = assignments.assign_batch(session, rows, new, actor=ADA, now=NOW)
    assert [type(each.error) for each in results] == [AssetStoreSilent, type(None)]


def test_the_first_change_creates_the_device_and_a_refused_one_does_not(school: School, assets: AssetList) -> None:
    school.student("1001")
    school.student("1002", "Alan", "Turing")
    with school.writing() as session:
        service.change(session, service.get(session, "1002"), {"active": False}, now=NOW)

    def assign(code: str, student_id: str) -> None:
        scan = Scan(f"scan-{code}-{student_id}", code, student_id)
        scan_station.assign(reading, transaction, scan, context(assets), actor=ADA, now=NOW, today=NOW.date())

    with pytest.raises(AppError):
        assign("SERIAL5", "1002")
    with pytest.raises(AppError):
        scan_station.return_device(reading, transaction, Scan("scan-return", "SERIAL5"), context(assets), actor=ADA, now=NOW)
    assert rows() == []
    assign("SERIAL5", "1001")
    assert rows() == [("W12-0005", "SERIAL5", "Chromebook 3100", 5)]
    assert school.device_now("W12-0005").catalog == "Chromebooks"
    with school.writing() as session, pytest.raises(DeviceExists):
        devices.create(session, {"asset_tag": "W12-0005"}, now=NOW)
    new = assets.inventory().find_new(["W12-0006", "W12-0007", "W12-0404"])
    with transaction() as session:
        operations = [Assignment("1001", "W12-0006"), Assignment("1002", "W12-0007"), Assignment("1001", "W12-0404")]
        results = assignments.assign_batch(session, operations, new, actor=ADA, now=NOW)
    assert [each.error is None for each in results] == [True, False, False]
    assert [tag for tag, *_more in rows()] == ["W12-0005", "W12-0006"]
    with school.writing() as session:  # nobody has changed it
        devices.create(session, {"asset_tag": "W12-0007"}, now=NOW)
    assert not school.miscounted()


def test_a_deleted_device_is_found_again_only_after_it_was_added(school: School, assets: AssetList) -> None:
    found = assets.inventory().find("W12-0005")
    with transaction() as session:
        devices.delete(session, devices.lock(session, found, now=NOW), now=NOW)
    for code in ("W12-0005", "SERIAL5", "5", "https://rt.example/5"):
        with pytest.raises(DeviceNotFound) as error:
            resolve(reading, code, context(assets))
        assert "The device W12-0005 was deleted on 2026-08-17. Add it to use it again." in explanation(error.value)
    with pytest.raises(DeviceNotFound), transaction() as session:  # it was looked up before the deletion
        devices.lock(session, found, now=NOW)
    assets.silent = True
    with pytest.raises(DeviceNotFound):  # this is known without the asset store
        assets.inventory().find("w12-0005")
    assets.silent = False
    school.device("W12-0005")
    assert assets.inventory().find("W12-0005").id is not None
    with transaction() as session:
        devices.delete(session, devices.get(session, "W12-0005", lock=True), now=NOW)
    with pytest.raises(DeviceNotFound):
        assets.inventory().find("W12-0005")
    assert rows() == []


def test_a_deleted_device_does_not_hide_another_asset_with_its_tag(school: School, assets: AssetList) -> None:
    school.device("W12-0006", asset_id=4711)
    with transaction() as session:
        devices.delete(session, devices.get(session, "W12-0006"), now=NOW)
    assert assets.inventory().find("W12-0006").asset_id == 6


def test_a_device_that_lacks_its_serial_number_or_was_renamed_is_found(school: School, assets: AssetList) -> None:
    """No second row for one asset."""
    school.device("W12-0005")
    school.device("W12-0111", asset_id=7)
    school.device("W12-0006", asset_id=4711)
    ids = {tag: assets.inventory().find(tag).id for tag in ("W12-0005", "W12-0111")}
    assert [resolve(reading, code, context(assets)).device.id for code in ("SERIAL5", "SER7", "W12-0007")] == [  # type: ignore[union-attr]
        ids["W12-0005"],
        ids["W12-0111"],
        ids["W12-0111"],
    ]
    with pytest.raises(AmbiguousAsset) as error:
        resolve(reading, "SER6", context(assets))
    assert "Asset #6 is named W12-0006, but the device W12-0006 is asset #4711." in error.value.message


def test_the_catalogs_of_devices_apply_unless_they_are_set(school: School, assets: AssetList) -> None:
    school.device("W12-0001")
    assert assets.inventory().find("W12-0007").catalog == "Projectors"  # the catalog of W12-0001 is not known yet
    with transaction() as session:
        session.execute(update(Device).values(catalog="Chromebooks", asset_read_at=NOW))
    with pytest.raises(DeviceNotFound) as error:
        assets.inventory().find("W12-0007")
    assert "is in the catalog Projectors" in explanation(error.value)
    assert assets.inventory().find("W12-0005").catalog == "Chromebooks"
    assert assets.inventory("PROJECTORS").find("W12-0007").catalog == "Projectors"
    with pytest.raises(DeviceNotFound):
        assets.inventory("PROJECTORS").find("W12-0005")


class TestRaces:
    def test_two_stations_scan_a_new_asset_at_once(self, app: Flask, school: School, assets: AssetList) -> None:
        school.students(8)
        start = Barrier(8)

        def scan(number: int) -> str:
            with app.app_context():
                found = resolve(reading, "SERIAL5", context(assets)).device
                assert found is not None
                assert found.id is None
                start.wait(60)
                try:
                    with transaction() as session:
                        device = devices.lock(session, found, now=NOW)
                        assignments.assign(session, device, service.get(session, str(1001 + number)), actor=ADA, now=NOW)
                except AppError as error:
                    return error.code
                return "assigned"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(scan, range(8))) == ["assigned", *["device_not_available"] * 7]
        assert len(rows()) == len(school.log()) == 1
        assert not school.miscounted()

    def test_adding_deleting_and_scanning_at_once_end_in_one_order(self, app: Flask, school: School, assets: AssetList) -> None:
        """Whoever commits last decides; a device is never both assigned and deleted."""
        school.student("1001")

        @contextmanager
        def change() -> Iterator[None]:
            start.wait(60)
            try:
                yield
            except AppError as error:
                outcomes.append(error.code)

        def assign(found: Device) -> None:
            with app.app_context(), change(), transaction() as session:
                assignments.assign(session, devices.lock(session, found, now=NOW), service.get(session, "1001"), actor=ADA, now=NOW)
                outcomes.append("assigned")

        def delete(found: Device) -> None:
            with app.app_context(), change(), transaction() as session:
                devices.delete(session, devices.lock(session, found, now=NOW), now=NOW)
                outcomes.append("deleted")

        for _round in range(10):
            found, start, outcomes = assets.inventory().find("W12-0005"), Barrier(2), list[str]()
            with ThreadPoolExecutor(2) as pool:
                for future in [pool.submit(assign, found), pool.submit(delete, found)]:
                    future.result()
            assert sorted(outcomes) in (["assigned", "device_held"], ["deleted", "device_not_found"])
            assert len(rows()) == ("assigned" in outcomes)
            with transaction() as session:
                for device in session.scalars(select(Device)):
                    assignments.return_device(session, device, actor=ADA, now=NOW)
                    session.delete(device)
                session.execute(delete_rows(DeletedDevice))
