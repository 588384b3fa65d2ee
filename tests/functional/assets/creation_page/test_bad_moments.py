"""Creating laptops while answers are lost, the server is away, labels fail, or somebody else scans the same cart."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Browser, Route, expect

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import AssetStoreUnreachable, NewAsset
from tests.functional.assets.creation_page.scanning import (
    AWAY,
    Server,
    answered,
    created,
    has_focus,
    opened,
    row,
    say_what,
    scan,
    tags_of,
    wait_for,
)
from tests.services.apps import PASSWORD

pytestmark = pytest.mark.chromium


def test_a_reload_in_the_middle_loses_nothing_and_creates_nothing_twice(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"SN-{number}" for number in range(12)]
    with opened(browser, server, expected=AWAY) as page:
        page.on("dialog", lambda dialog: dialog.accept())  # the browser asks about what waits
        say_what(page)
        scan(page, *serials[:6])
        page.reload()
        scan(page, *serials[6:9])
        page.reload()
        page.reload()
        scan(page, *serials[9:])
        wait_for(page, 12)
        expect(page.locator("#list [data-printed]")).to_have_count(12, timeout=30_000)
        expect(page.locator('#list [data-state="failed"]')).to_have_count(0)
    assert created(app) == tags_of(serials)


def test_an_asset_of_which_the_answer_was_lost_counts_as_done_and_is_labelled(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        say_what(page)
        lost: list[int] = []

        def lose_first(route: Route) -> None:
            if route.request.method == "POST" and not lost:
                lost.append(route.fetch().status)
                route.abort()
            else:
                route.continue_()

        page.route(re.compile("/assets/create$"), lose_first)
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
        expect(page.locator("#list [data-printed]")).to_have_count(2)
        assert (lost, page.evaluate("printed")) == ([201], ["W12-0001", "W12-0002"])
    assert created(app) == tags_of(["SN-1", "SN-2"])


def test_a_window_is_not_closed_by_mistake_while_laptops_wait(browser: Browser, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        say_what(page)
        page.route(re.compile("/assets/create$"), lambda route: route.abort() if route.request.method == "POST" else route.continue_())
        scan(page, "SN-1", "SN-2")
        expect(page.locator('#list [data-state="later"]')).to_be_visible()
        page.close(run_before_unload=True)
        page.wait_for_timeout(300)
        assert asked == ["beforeunload"]
        page.get_by_role("link", name="Students").first.click()
        page.wait_for_url("**/students**")
        page.goto(f"{server.url}/assets/create")
        expect(page.locator("#list")).to_contain_text("SN-2")
        assert asked == ["beforeunload"]


def test_the_queue_goes_on_when_the_server_is_back(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"SN-{number}" for number in range(8)]
    with opened(browser, server, expected=AWAY) as page:
        say_what(page)
        scan(page, *serials[:2])
        wait_for(page, 2)
        expect(page.locator("#list [data-printed]")).to_have_count(2)
        server.stop()
        scan(page, *serials[2:])
        expect(page.locator('#list [data-state="later"]')).to_contain_text("The program cannot be reached. It is tried again by itself.")
        expect(page.locator('#list [data-state="waiting"]')).to_have_count(5)
        server.start()
        wait_for(page, 8)
    assert created(app) == tags_of(serials)


def test_what_may_be_tried_again_is_tried_again_and_then_offered(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        say_what(page)
        page.clock.install()
        silent = (500, {"success": False, "error": "Failed to create asset in RT: Connection timeout", "retry": True})
        asked = answered(page, *[silent] * 5)
        scan(page, "SN-1")
        expect(row(page, "SN-1")).to_contain_text("Connection timeout It is tried again by itself.")
        for pause in (1_100, 3_100, 9_100, 27_100):
            expect(row(page, "SN-1")).to_have_attribute("data-state", "later")
            with page.expect_response(re.compile("/assets/create$")):
                page.clock.fast_forward(pause)
        expect(row(page, "SN-1")).to_have_attribute("data-state", "stuck")
        row(page, "SN-1").get_by_role("button", name="Try again").click()
        wait_for(page, 1)
        assert len({str(request.post_data) for request in asked}) == 1
    assert created(app) == tags_of(["SN-1"])


def test_one_serial_number_that_waits_for_somebody_else_holds_nobody_up(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server) as page:
        say_what(page)
        busy = {"success": False, "error": "It is being created.", "field": "serial_number", "retry": True}
        answered(page, (400, busy))
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
    assert created(app) == tags_of(["SN-2", "SN-1"])


def test_a_directory_that_falls_silent_is_found_out_about(
    browser: Browser, app: Flask, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = EmbeddedAssetStore.create

    def silent(self: EmbeddedAssetStore, new: NewAsset) -> int:
        monkeypatch.setattr(EmbeddedAssetStore, "create", whole)
        whole(self, new)
        raise AssetStoreUnreachable("The directory does not answer.")

    monkeypatch.setattr(EmbeddedAssetStore, "create", silent)
    with opened(browser, server, expected=AWAY) as page:
        say_what(page)
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
        expect(page.locator("#list [data-printed]")).to_have_count(2)
    assert created(app) == tags_of(["SN-1", "SN-2"])


def test_a_label_that_does_not_load_is_printed_again_from_its_row(browser: Browser, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        say_what(page)
        page.route("**/labels/print?*", lambda route: route.fulfill(status=503, body="not now"))
        scan(page, "SN-1")
        again = row(page, "SN-1").get_by_text("Retry print")
        expect(again).to_be_visible()
        expect(page.locator("#said")).to_have_class("created-said is-bad")
        page.unroute("**/labels/print?*")
        again.click()
        expect(row(page, "SN-1")).to_have_attribute("data-printed", "")
        expect(again).to_be_hidden()
        assert (page.evaluate("printed"), has_focus(page)) == (["W12-0001"], "serial_number")


def test_a_label_that_could_not_be_drawn_is_not_printed_by_itself(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        say_what(page)
        body = {
            "success": True,
            "asset_id": 7,
            "asset_tag": "W12-0007",
            "serial_number": "SN-1",
            "label_printed": False,
            "message": "",
            "retry_print_url": "/labels/print?asset_id=7",
        }
        answered(page, (201, body))
        scan(page, "SN-1")
        expect(row(page, "SN-1").get_by_text("Retry print")).to_be_visible()
        assert page.locator(".print-frame").count() == 0


def test_somebody_who_is_signed_out_in_the_middle_loses_nothing(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server) as page:
        say_what(page)
        scan(page, "SN-1")
        wait_for(page, 1)
        expect(page.locator("#list [data-printed]")).to_have_count(1)
        page.context.clear_cookies()
        scan(page, "SN-2", "SN-3")
        expect(page.locator("#signed-out")).to_be_visible()
        expect(page.locator('#list [data-state="waiting"]')).to_have_count(2)
        page.get_by_role("link", name="Sign in again").click()
        page.get_by_label("Name").fill("staff")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        wait_for(page, 3)
    assert created(app) == tags_of(["SN-1", "SN-2", "SN-3"])


def test_of_two_who_scan_the_same_cart_at_once_each_laptop_is_created_once(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"SN-{number}" for number in range(6)]
    with opened(browser, server) as one, opened(browser, server) as other:
        for page in (one, other):
            say_what(page)
        for serial in serials:
            scan(one, serial)
            scan(other, serial)
        for page in (one, other):
            expect(page.locator('#list [data-state="waiting"], #list [data-state="sending"]')).to_have_count(0, timeout=30_000)
        numbers = [page.locator('#list [data-state="created"]').count() for page in (one, other)]
        assert sum(numbers) == 6
    assert sorted(serial for serial, _ in created(app)) == serials
