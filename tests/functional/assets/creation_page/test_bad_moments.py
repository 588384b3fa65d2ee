"""Creating assets while answers are lost, the server is down, labels fail, or another user scans the same cart."""

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
    fill_in,
    has_focus,
    opened,
    row,
    scan,
    tags_of,
    wait_for,
)
from tests.services.apps import PASSWORD

pytestmark = pytest.mark.chromium


def test_a_reload_in_the_middle_loses_nothing_and_creates_nothing_twice(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"SN-{number}" for number in range(12)]
    with opened(browser, server, expected=AWAY) as page:
        page.on("dialog", lambda dialog: dialog.accept())  # the browser asks because creations are pending
        fill_in(page)
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


def test_an_asset_with_a_lost_answer_counts_as_created_and_is_labelled(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        fill_in(page)
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


def test_a_label_that_is_printed_while_the_list_is_refreshed_stays_printed(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        fill_in(page)
        labels: list[Route] = []
        page.route("**/labels/print?*", lambda route: labels.append(route) if not labels else route.continue_())
        scan(page, "SN-1")
        expect(row(page, "SN-1")).to_contain_text("waiting for the printer")
        lost: list[int] = []

        def lose(route: Route) -> None:
            if route.request.method == "POST":
                lost.append(route.fetch().status if not lost else 0)
                route.abort() if len(lost) == 1 else route.continue_()
                return
            stale = route.fetch()
            labels[0].continue_()
            expect(page.locator("#list [data-printed]")).to_have_count(1)
            route.fulfill(response=stale)

        page.route(re.compile("/assets/create$"), lose)
        scan(page, "SN-2")
        wait_for(page, 2)
        expect(page.locator("#list [data-printed]")).to_have_count(2)
        assert (lost[0], page.evaluate("printed")) == (201, ["W12-0001", "W12-0002"])
    assert created(app) == tags_of(["SN-1", "SN-2"])


def test_a_window_is_not_closed_by_mistake_while_creations_are_pending(browser: Browser, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        fill_in(page)
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


def test_the_queue_continues_when_the_server_is_back(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"SN-{number}" for number in range(8)]
    with opened(browser, server, expected=AWAY) as page:
        fill_in(page)
        scan(page, *serials[:2])
        wait_for(page, 2)
        expect(page.locator("#list [data-printed]")).to_have_count(2)
        server.stop()
        scan(page, *serials[2:])
        expect(page.locator('#list [data-state="later"]')).to_contain_text("The server could not be reached. Retrying automatically.")
        expect(page.locator('#list [data-state="waiting"]')).to_have_count(5)
        server.start()
        wait_for(page, 8)
    assert created(app) == tags_of(serials)


def test_a_temporary_failure_is_retried_automatically_and_then_manually(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        fill_in(page)
        page.clock.install()
        silent = (500, {"success": False, "error": "Failed to create asset in RT: Connection timeout", "retry": True})
        asked = answered(page, *[silent] * 5)
        scan(page, "SN-1")
        expect(row(page, "SN-1")).to_contain_text("Connection timeout Retrying automatically.")
        for pause in (1_100, 3_100, 9_100, 27_100):
            expect(row(page, "SN-1")).to_have_attribute("data-state", "later")
            with page.expect_response(re.compile("/assets/create$")):
                page.clock.fast_forward(pause)
        expect(row(page, "SN-1")).to_have_attribute("data-state", "stuck")
        row(page, "SN-1").get_by_role("button", name="Retry").click()
        wait_for(page, 1)
        assert len({str(request.post_data) for request in asked}) == 1
    assert created(app) == tags_of(["SN-1"])


def test_a_serial_number_that_another_user_is_creating_does_not_delay_others(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server) as page:
        fill_in(page)
        busy = {"success": False, "error": "It is being created.", "field": "serial_number", "retry": True}
        answered(page, (400, busy))
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
    assert created(app) == tags_of(["SN-2", "SN-1"])


def test_an_unknown_outcome_is_resolved(browser: Browser, app: Flask, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = EmbeddedAssetStore.create

    def silent(self: EmbeddedAssetStore, new: NewAsset) -> int:
        monkeypatch.setattr(EmbeddedAssetStore, "create", whole)
        whole(self, new)
        raise AssetStoreUnreachable("The asset store does not answer.")

    monkeypatch.setattr(EmbeddedAssetStore, "create", silent)
    with opened(browser, server, expected=AWAY) as page:
        fill_in(page)
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
        expect(page.locator("#list [data-printed]")).to_have_count(2)
    assert created(app) == tags_of(["SN-1", "SN-2"])


def test_a_label_that_does_not_load_is_printed_again_from_its_row(browser: Browser, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        fill_in(page)
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


def test_a_label_that_could_not_be_rendered_is_not_printed_automatically(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        fill_in(page)
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


def test_a_user_who_is_signed_out_in_the_middle_loses_nothing(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server) as page:
        fill_in(page)
        scan(page, "SN-1")
        wait_for(page, 1)
        expect(page.locator("#list [data-printed]")).to_have_count(1)
        page.context.clear_cookies()
        scan(page, "SN-2", "SN-3")
        expect(page.locator("#signed-out")).to_be_visible()
        expect(page.locator('#list [data-state="waiting"]')).to_have_count(2)
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Name").fill("staff")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        wait_for(page, 3)
    assert created(app) == tags_of(["SN-1", "SN-2", "SN-3"])


def test_two_users_who_scan_the_same_cart_at_once_create_each_asset_once(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"SN-{number}" for number in range(6)]
    with opened(browser, server) as one, opened(browser, server) as other:
        for page in (one, other):
            fill_in(page)
        for serial in serials:
            scan(one, serial)
            scan(other, serial)
        for page in (one, other):
            expect(page.locator('#list [data-state="waiting"], #list [data-state="sending"]')).to_have_count(0, timeout=30_000)
        numbers = [page.locator('#list [data-state="created"]').count() for page in (one, other)]
        assert sum(numbers) == 6
    assert sorted(serial for serial, _ in created(app)) == serials
