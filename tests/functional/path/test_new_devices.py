"""A cart of new assets is assigned at once: from the creation in a real Request Tracker to the holders there."""

import time
from dataclasses import dataclass
from itertools import count

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from request_tracker_utils.assets.batch import start_creating
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students.models import Device
from tests.functional.path.conftest import Install
from tests.services.creations import laptop
from tests.services.installation import Installation, Surroundings
from tests.services.local_server import wait_until
from tests.services.proxy import Gate
from tests.services.scan_station import entries, idle, opened, says, scan
from tests.services.school import School

pytestmark = pytest.mark.rt

CART = 8
_numbers = count(1)


@dataclass
class Cart:
    installation: Installation
    around: Surroundings
    serials: list[str]
    tags: dict[str, int]
    """Tag → asset, in the order of the serial numbers."""

    def holder(self, asset_id: int) -> str:
        asset = self.around.rt.asset(asset_id)
        owner = str(asset["Owner"]["id"])
        return owner if [each["id"] for each in asset["HeldBy"]] == [owner] else ""

    def devices(self) -> dict[str, tuple[str | None, str, int | None]]:
        with self.installation.app.app_context(), reading() as session:
            found = session.scalars(select(Device).order_by(Device.tag_key))
            return {device.asset_tag: (device.serial_number, device.model, device.asset_id) for device in found}


@pytest.fixture
def cart(install: Install, surroundings: Surroundings, kind: str) -> Cart:
    """Assets that a task has just created, a student whose number is that of a user in Request Tracker, and no devices."""
    name = f"ND{next(_numbers)}{kind[0]}"
    installation = install(kind, prefix=f"{name}-", rt_student_user=name + "{student_id}")
    surroundings.tells(installation.server.url)
    School(installation.app).student("1001")
    assert surroundings.rt.rest("POST", "user", json={"Name": f"{name}1001"}).status_code == 201
    serials = [f"{name}S{number:04}" for number in range(CART)]
    with installation.app.app_context(), transaction() as session:
        start_creating(session, [laptop(serial) for serial in serials], title="A cart", actor=Actor("ada"), now=utc_now())
    installation.run_tasks()
    ids = [asset_id for serial in serials for asset_id in surroundings.rt.assets_with_serial(serial)]
    tag_of = installation.tags_of(ids)
    return Cart(installation, surroundings, serials, {tag_of[asset_id]: asset_id for asset_id in ids})


@pytest.mark.chromium
def test_a_new_cart_is_scanned_at_once_and_its_holders_arrive(cart: Cart, browser: Browser) -> None:
    tags = list(cart.tags)
    codes = [*tags[:3], tags[3].lower(), *cart.serials[4:6], f"{cart.installation.server.url}/assets/{cart.tags[tags[6]]}"]
    with opened(browser, cart.installation.server, name=cart.installation.name) as page:
        scan(page, "MODE:LOOKUP", *codes)
        idle(page)
        assert cart.devices() == {}
        scan(page, "MODE:ASSIGN", "1001", *codes)
        idle(page)
        expect(entries(page, "failed")).to_have_count(0)
        assert cart.devices() == {
            tag: (serial, "Chromebook 3100", cart.tags[tag]) for tag, serial in zip(tags[:7], cart.serials[:7], strict=True)
        }
        user = cart.installation.settings["rt_student_user"].format(student_id="1001")
        wait_until(lambda: {cart.holder(cart.tags[tag]) for tag in tags[:7]} == {user}, within=60)
        assert cart.holder(cart.tags[tags[7]]) == ""
        # Not a tag of anybody: that is certain only while Request Tracker answers.
        unknown = cart.installation.tag(9999)
        scan(page, unknown)
        says(page, "Failed", f"No device has the tag {unknown}. Scan again, or add the device.")
        with Gate() as gate, cart.around.line.meddling(lambda _call, forward: (gate.wait(), forward())[1]):
            started = time.monotonic()
            scan(page, tags[7])
            says(
                page,
                "Failed",
                f"“{tags[7]}” is unknown here. Request Tracker did not answer within a second. Try again, or check Request Tracker. "
                "Then scan again.",
            )
            assert time.monotonic() - started < 10
            scan(page, "MODE:RETURN", tags[0])  # known here: nobody waits
            says(page, tags[0])
        scan(page, "MODE:ASSIGN", "1001", tags[7])
        idle(page)
    wait_until(lambda: cart.holder(cart.tags[tags[7]]) == user, within=60)
    assert len(cart.devices()) == CART
    assert School(cart.installation.app).miscounted() == []


def test_the_api_assigns_new_assets_and_knows_which_tags_request_tracker_lacks(cart: Cart, surroundings: Surroundings) -> None:
    tags, call = list(cart.tags), cart.installation.call
    named_there = cart.installation.tag(7000)
    asset_id = surroundings.rt.create_asset(named_there, catalog="Cables")
    row = call("GET", f"/api/devices/{tags[0].lower()}").json()
    assert (row["id"], row["asset_tag"], row["serial_number"], row["model"]) == (None, tags[0], cart.serials[0], "Chromebook 3100")
    missing = call("GET", f"/api/devices/{cart.installation.tag(9999)}")
    assert (missing.status_code, missing.json()["error"]) == (404, "Device not found")
    assert call("GET", f"/api/devices/{named_there}").json()["asset_id"] == asset_id  # while there are no devices, all catalogs count
    assert call("POST", "/api/students/1001/checkin", json={"asset_tag": tags[0]}).status_code == 200
    elsewhere = call("GET", f"/api/devices/{named_there}")
    assert (elsewhere.status_code, "is in the catalog Cables" in elsewhere.json()["reason"]) == (404, True)
    batch = [{"student_id": "1001", "asset_tag": tag} for tag in (tags[1], named_there, tags[2])]
    results = call("POST", "/api/devices/batch-checkin", json={"operations": batch}).json()["results"]
    assert [each["status"] for each in results] == ["success", "error", "success"]
    assert call("DELETE", f"/api/devices/{tags[3]}").status_code == 200
    assert call("POST", "/api/students/1001/checkin", json={"asset_tag": tags[3]}).status_code == 404
    assert call("POST", "/api/devices", json={"asset_tag": tags[3]}).status_code == 201
    wait_until(lambda: cart.devices()[tags[3]] == (cart.serials[3], "Chromebook 3100", cart.tags[tags[3]]), within=60)
    assert set(cart.devices()) == set(tags[:4])
