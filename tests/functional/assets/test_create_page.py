"""Creating one laptop after the other in a real browser: with a scanner, through bad moments, and without JavaScript."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Request, Route, expect
from sqlalchemy import func, select
from werkzeug.serving import WSGIRequestHandler, make_server

from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.core.db import db, reading
from request_tracker_utils.directory.current import directory
from request_tracker_utils.directory.embedded import EmbeddedDirectory
from request_tracker_utils.directory.models import DirectoryAsset
from request_tracker_utils.directory.service import DirectoryUnreachable, NewAsset
from request_tracker_utils.labels.models import LabelPrint
from tests.services.chromium import watched
from tests.services.creations import create_confirmed
from tests.services.house import PASSWORD, make_app, ready, user
from tests.services.local_server import wait_until

pytestmark = pytest.mark.chromium

RECORDER = """
  window.print = () => {
    top.printed = [...(top.printed ?? []), document.querySelector(".asset-tag").textContent];
    window.dispatchEvent(new Event("afterprint"));
  };
  const say = window.AudioContext && AudioContext.prototype.createOscillator;
  window.tones = 0;
  AudioContext.prototype.createOscillator = function () { window.tones += 1; return say.call(this); };
"""
SERIAL = "Serial number"
AWAY = "status of (4|5)|ERR_CONNECTION_REFUSED|ERR_FAILED"
"""What the browser itself says of a server that is away or refuses."""


class Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Nothing."""


class Server:
    """The app at one address, which may be stopped and begun again."""

    def __init__(self, app: Flask) -> None:
        self.app, self.port = app, 0
        self.start()

    def start(self) -> None:
        self._http = make_server("127.0.0.1", self.port, self.app, threaded=True, request_handler=Quiet)
        self.port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = ready(make_app(tmp_path, app_url="http://utils.example.org"))
    user(app, "staff")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    running = Server(app)
    yield running
    running.stop()


@contextmanager
def opened(browser: Browser, server: Server, **settings: Any) -> Iterator[Page]:
    """The page, for somebody who is signed in; what would be printed is written down."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/sign-in?next=/assets/create")
    page.get_by_label("Name").fill("staff")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Add assets")).to_be_visible()
    kept = context.storage_state()
    context.close()
    with watched(browser, before=RECORDER, storage_state=kept, **settings) as page:
        page.goto(f"{server.url}/assets/create")
        yield page


def say_what(page: Page, **more: str) -> None:
    """Fills in what all laptops have in common; the cursor is in the serial field again."""
    for label, value in {"Manufacturer": "Dell", "Model": "Chromebook 3100", **more}.items():
        page.get_by_label(label).fill(value)
    page.get_by_label(SERIAL).focus()


def scan(page: Page, *serials: str) -> None:
    for serial in serials:
        page.keyboard.type(f"{serial}\n")


def created(app: Flask) -> list[tuple[str, str]]:
    """Serial number and name of all assets, in their order."""
    with app.app_context(), reading() as session:
        return [(each.serial, each.name) for each in session.scalars(select(DirectoryAsset).order_by(DirectoryAsset.id))]


def tags_of(serials: list[str]) -> list[tuple[str, str]]:
    return [(serial, f"W12-{number:04}") for number, serial in enumerate(serials, 1)]


def wait_for(page: Page, count: int) -> None:
    expect(page.locator('#list [data-state="created"]')).to_have_count(count, timeout=60_000)


def row(page: Page, serial: str) -> Any:
    return page.locator(f'#list [data-serial="{serial.lower()}"]')


def answered(page: Page, *answers: tuple[int, dict[str, Any]]) -> list[Request]:
    """The next creations are answered so; those after them by the server. Returns what was asked."""
    asked: list[Request] = []

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        asked.append(route.request)
        if len(asked) <= len(answers):
            status, body = answers[len(asked) - 1]
            route.fulfill(status=status, json=body)
        else:
            route.continue_()

    page.route(re.compile("/assets/create$"), answer)
    return asked


def has_focus(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_sixty_laptops_are_scanned_in_a_row_without_leaving_the_scanner(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"5CD{number:05}XK" for number in range(60)]
    with opened(browser, server) as page:
        checks: list[str] = []
        page.on("request", lambda request: checks.append(request.url) if "validate-serial" in request.url else None)
        page.keyboard.type(f"{serials[0]}\n")  # the field has the focus already; what is missing is asked for
        page.keyboard.type("Dell\n")
        page.keyboard.type("Chromebook 3100\n")
        scan(page, *serials[1:])
        assert (page.get_by_label(SERIAL).input_value(), has_focus(page)) == ("", "serial_number")
        wait_for(page, 60)
        expect(page.locator("#count")).to_have_text("60")
        expect(page.locator("#list [data-printed]")).to_have_count(60, timeout=60_000)
        assert page.evaluate("printed") == [tag for _, tag in tags_of(serials)]
        expect(page.locator("#next-tag")).to_have_text("W12-0061")
        assert (has_focus(page), checks, page.locator(".print-frame").count()) == ("serial_number", [], 0)
        page.reload()
        expect(page.locator("#list [data-printed]")).to_have_count(60)
    assert created(app) == tags_of(serials)
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(LabelPrint)) == 60


def test_a_reload_in_the_middle_loses_nothing_and_creates_nothing_twice(browser: Browser, app: Flask, server: Server) -> None:
    serials = [f"SN-{number}" for number in range(12)]
    with opened(browser, server, expected=AWAY) as page:
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


def test_a_serial_number_that_is_taken_is_put_back_for_the_next_scan_to_replace(browser: Browser, app: Flask, server: Server) -> None:
    with app.app_context():
        directory().create(NewAsset("Cart 4", serial="OLD-1"))
    with opened(browser, server) as page:
        say_what(page)
        scan(page, "old-1")
        field = page.get_by_label(SERIAL)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_value("old-1")
        expect(field).to_have_accessible_description(re.compile(r"already exists \(Asset #1\)"))
        expect(row(page, "old-1")).to_contain_text("already exists (Asset #1)")
        assert page.evaluate("[getSelection().toString(), document.activeElement.id]")[1] == "serial_number"
        scan(page, "NEW-1")
        wait_for(page, 1)
        expect(field).not_to_have_attribute("aria-invalid", "true")
        row(page, "old-1").get_by_role("button", name="Remove").click()
        expect(row(page, "old-1")).to_have_count(0)
    assert [serial for serial, _ in created(app)] == ["OLD-1", "NEW-1"]


def test_the_same_laptop_scanned_twice_is_no_second_asset_and_says_so(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server) as page:
        say_what(page)
        scan(page, "SN-1")
        wait_for(page, 1)
        scan(page, "SN-1")
        expect(page.locator('#list [data-state="failed"]')).to_contain_text("already exists (Asset #1)")
        page.keyboard.press("Escape")
        assert page.get_by_label(SERIAL).input_value() == ""
    assert created(app) == tags_of(["SN-1"])


@pytest.mark.parametrize(("serial", "words"), [("5CD 21/98", "letters, digits and hyphens only"), ("X" * 51, "at most 50 characters")])
def test_an_unfit_serial_number_is_told_at_once_and_never_sent(browser: Browser, server: Server, serial: str, words: str) -> None:
    with opened(browser, server) as page:
        say_what(page)
        sent: list[str] = []
        page.on(
            "request", lambda request: sent.append(request.url) if "/assets/" in request.url and "/static/" not in request.url else None
        )
        page.keyboard.type(serial)
        expect(page.locator("#serial-check")).to_contain_text(words)
        page.keyboard.press("Enter")
        expect(page.get_by_label(SERIAL)).to_have_accessible_description(re.compile(words))
        page.wait_for_timeout(600)
        assert (sent, page.get_by_label(SERIAL).input_value()) == ([], serial)


def test_enter_goes_to_what_is_missing_and_keeps_the_serial_number(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server) as page:
        asked = answered(page)
        page.get_by_label("Manufacturer").fill("Dell")
        page.get_by_label(SERIAL).focus()
        scan(page, "SN-1")
        expect(page.get_by_label("Model")).to_be_focused()
        expect(page.get_by_label("Model")).to_have_accessible_description("Model is missing.")
        assert (asked, page.get_by_label(SERIAL).input_value()) == ([], "SN-1")
        page.keyboard.type("Chromebook 3100\n")
        wait_for(page, 1)
        assert has_focus(page) == "serial_number"


def test_what_laptops_have_in_common_stays_until_it_is_cleared(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        say_what(page, **{"Internal name": "Dell CB 3100 #09", "Category": "Laptop", "Funding source": "Title I"})
        asked = answered(page)
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
        assert [request.post_data_json["internal_name"] for request in asked] == ["Dell CB 3100 #09", "Dell CB 3100 #10"]
        page.reload()
        kept = {label: page.get_by_label(label).input_value() for label in ("Manufacturer", "Model", "Internal name", "Funding source")}
        assert kept == {
            "Manufacturer": "Dell",
            "Model": "Chromebook 3100",
            "Internal name": "Dell CB 3100 #11",
            "Funding source": "Title I",
        }
        with page.expect_response("**/assets/batch/clear-form") as cleared:
            page.get_by_role("button", name="Clear").click()
        assert cleared.value.status == 200
        page.reload()
        assert [page.get_by_label(label).input_value() for label in kept] == [""] * 4
        assert page.locator("#model-before option").get_attribute("value") == "Chromebook 3100"


def test_a_name_without_a_number_does_not_stay(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        say_what(page, **{"Internal name": "Front office"})
        scan(page, "SN-1")
        expect(page.get_by_label("Internal name")).to_have_value("")


def test_a_serial_number_is_looked_for_when_typing_pauses(browser: Browser, app: Flask, server: Server) -> None:
    with app.app_context():
        create_confirmed(directory(), "OLD-1")
    with opened(browser, server) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.rpartition("=")[2]) if "validate-serial" in request.url else None)
        said = page.locator("#serial-check")
        page.keyboard.type("OLD-1", delay=20)
        expect(said).to_have_text("Taken by W12-0001")
        assert said.get_by_role("link").get_attribute("href") == "/assets/1"
        page.keyboard.type("2", delay=20)
        expect(said).to_have_text("OLD-12 is free.")
        assert asked == ["OLD-1", "OLD-12"]
        page.keyboard.press("Escape")
        expect(said).to_have_text("")


def test_what_may_be_tried_again_is_tried_again_and_then_offered(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server, expected=AWAY) as page:
        say_what(page)
        page.clock.install()
        silent = (500, {"success": False, "error": "Failed to create asset in RT: Connection timeout", "retry": True})
        asked = answered(page, *[silent] * 5)
        scan(page, "SN-1")
        expect(row(page, "SN-1")).to_contain_text("Connection timeout It is tried again by itself.")
        for pause, count in ((1_100, 2), (3_100, 3), (9_100, 4), (27_100, 5)):
            page.clock.fast_forward(pause)
            wait_until(lambda count=count: page.evaluate("1") == 1 and len(asked) == count)  # type: ignore[misc]
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
    whole = EmbeddedDirectory.create

    def silent(self: EmbeddedDirectory, new: NewAsset) -> int:
        monkeypatch.setattr(EmbeddedDirectory, "create", whole)
        whole(self, new)
        raise DirectoryUnreachable("The directory does not answer.")

    monkeypatch.setattr(EmbeddedDirectory, "create", silent)
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


def test_labels_wait_when_they_are_not_printed_by_themselves(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        page.get_by_label("Print labels by themselves").uncheck()
        page.get_by_label("Label size").select_option("small")
        say_what(page)
        scan(page, "SN-1", "SN-2")
        wait_for(page, 2)
        page.reload()
        expect(page.get_by_label("Print labels by themselves")).not_to_be_checked()
        expect(page.get_by_label("Label size")).to_have_value("small")
        with page.context.expect_page() as popup:
            page.get_by_role("button", name="Print those without a label").click()
        expect(popup.value.locator(".label")).to_have_count(2)
        popup.value.close()
        page.reload()
        expect(page.locator("#list [data-printed]")).to_have_count(2)
        expect(page.get_by_role("button", name="Print those without a label")).to_be_hidden()


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


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_success_and_failure_are_heard_seen_and_said(browser: Browser, server: Server, motion: str) -> None:
    with opened(browser, server, reduced_motion=motion) as page:
        say_what(page)
        scan(page, "SN-1")
        expect(page.locator("#edge")).to_have_class("created-edge is-good")
        expect(page.locator("#said")).to_have_class("created-said is-good")
        expect(page.locator("#said")).to_contain_text("SN-1 · Dell Chromebook 3100")
        moves = page.evaluate("getComputedStyle(document.getElementById('edge')).transitionDuration")
        expect(page.locator("#edge")).to_have_class("created-edge")
        assert (moves, page.evaluate("tones")) == ("0s", 2)
        scan(page, "SN-1")
        expect(page.locator("#edge")).to_have_class("created-edge is-bad")
        expect(page.locator("#said")).to_have_class("created-said is-bad")
        assert page.evaluate("tones") == 4
        page.get_by_label("Sound").uncheck()
        page.reload()
        expect(page.get_by_label("Sound")).not_to_be_checked()
        scan(page, "SN-2")
        wait_for(page, 2)
        assert page.evaluate("tones") == 0


def test_without_javascript_the_form_creates_and_leads_to_the_label(browser: Browser, app: Flask, server: Server) -> None:
    with opened(browser, server, java_script_enabled=False) as page:
        say_what(page)
        page.get_by_label(SERIAL).fill("SN-1")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Print its label now.")).to_be_visible()
        page.goto(f"{server.url}/assets/create")
        expect(row(page, "SN-1").get_by_role("link", name="Print label")).to_have_attribute("href", "/labels/print?asset_id=1&autoprint=1")
        page.get_by_label("Manufacturer").fill("Dell")
        page.get_by_label(SERIAL).fill("SN-2")
        page.get_by_role("button", name="Create the asset").click()
        expect(page.get_by_label("Model")).to_have_accessible_description("Missing required field: model")
    with app.app_context(), reading() as session:
        assert list(session.scalars(select(Creation.state))) == [CreationState.CREATED]
