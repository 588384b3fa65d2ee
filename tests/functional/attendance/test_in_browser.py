"""The pages of terminals, punches and people in a real browser, with a simulated terminal on loopback and one that pushes."""

from collections.abc import Iterator
from contextlib import contextmanager
from csv import DictReader
from datetime import datetime
from io import StringIO
from threading import Event, Thread

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from request_tracker_utils.attendance import jobs, people_changes
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.attendance.reading import TerminalUser
from request_tracker_utils.attendance.storing import store_users
from request_tracker_utils.core.db import transaction
from request_tracker_utils.tasks.jobs import run_tasks
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import PASSWORD, user
from tests.services.attendance import ADA, NOW, added, record
from tests.services.attendance_logs import punches, terminal_with
from tests.services.attendance_network import attendance_network
from tests.services.attendance_push import PushingTerminal, by_client
from tests.services.chromium import watched
from tests.services.punching import store
from tests.services.push_settings import allow_pushing
from tests.services.showroom import served

pytestmark = pytest.mark.chromium

ALL_DAYS = "/punches?from=&to="


@contextmanager
def opened(browser: Browser, app: Flask, path: str) -> Iterator[Page]:
    """A page of the app, with an administrator signed in. Its links and `goto` need only paths."""
    user(app, "admin", "ada")
    with served(app) as url, watched(browser, base_url=url) as page:
        page.goto(f"/sign-in?next={path}")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}{path}")
        yield page


@contextmanager
def running_tasks(app: Flask) -> Iterator[None]:
    """Runs the tasks that are queued in a thread of their own, as the job does, and waits for their end."""

    def run() -> None:
        with app.app_context():
            run_tasks()

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)
        assert not thread.is_alive()


def listed(page: Page, *columns: int) -> list[tuple[str, ...]]:
    """These columns of the list of punches, oldest first."""
    rows = page.locator("#punches tbody tr").all()
    return [tuple(row.locator("td").nth(column).inner_text() for column in columns) for row in reversed(rows)]


def test_a_terminal_is_added_tested_and_polled_and_its_records_are_listed(app: Flask, browser: Browser) -> None:
    registry_of(app).settings = registry_of(app).settings.model_copy(update={"terminal_allow_loopback": True})
    may_answer, waits = Event(), Event()

    def wait(_command: int) -> None:
        waits.set()
        may_answer.wait(30)

    # Each network has a thread of its own, so only the second terminal waits.
    with attendance_network() as first, attendance_network() as second, opened(browser, app, "/terminals") as page:
        entrance = first.add(terminal_with(5, serial_number="ENTRANCE1", comm_key=4711))
        gym = second.add(terminal_with(3, serial_number="GYM1"))
        page.locator("section.panel").get_by_role("link", name="Add terminal").click()
        page.get_by_label("Name", exact=True).fill("Entrance")
        page.get_by_label("IP address").fill(entrance.address)
        page.get_by_label("Port", exact=True).fill(str(entrance.port))
        page.get_by_label("Communication key").fill("4711")
        page.get_by_label("Time zone").fill("UTC")
        page.get_by_role("button", name="Test connection").click()
        expect(page.get_by_role("status").filter(has_text="The terminal answers. Serial number: ENTRANCE1")).to_be_visible()
        page.get_by_label("Communication key").fill("4711")  # it is never shown again
        page.get_by_role("button", name="Save terminal").last.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Entrance")
        with app.app_context():
            added("Gym", gym.address, port=gym.port, timezone="UTC", timeout=60)
        gym.on_command = wait
        page.goto("/terminals")
        page.get_by_role("button", name="Poll all terminals").click()
        expect(page.locator('[data-of="count"]')).to_have_text("0 of 2")
        with running_tasks(app):
            try:
                expect(page.locator('[data-of="count"]')).to_have_text("1 of 2", timeout=20_000)
                assert waits.is_set()
                expect(page.locator('[data-of="state"]')).to_have_text("running")
            finally:
                may_answer.set()
            expect(page.get_by_text("2 terminals were polled.")).to_be_visible()
        expect(page.get_by_role("row", name="Entrance")).to_contain_text("5 records, 5 new.")
        expect(page.get_by_role("row", name="Gym")).to_contain_text("3 records, 3 new.")

        page.goto("/terminals")
        expect(page.get_by_text("Working", exact=True)).to_have_count(2)
        page.goto(ALL_DAYS)
        made = [(name, each) for name, count in (("Entrance", 5), ("Gym", 3)) for each in punches(count)]
        expected = [(str(each.time), f"{each.user.name} {each.user.user_id}", name) for name, each in made]
        assert sorted(listed(page, 0, 1, 2)) == sorted(expected)
        exported = page.request.get("/punches/punches.csv?from=&to=").text().removeprefix("\ufeff")
        columns = ("terminal", "user_id", "terminal_time", "status", "punch_state")
        assert sorted(tuple(row[each] for each in columns) for row in DictReader(StringIO(exported))) == sorted(
            (name, each.user.user_id, each.time.isoformat(), str(each.status), str(each.punch)) for name, each in made
        )


def test_a_pending_terminal_is_accepted_and_its_punches_appear_on_open_pages(app: Flask, browser: Browser) -> None:
    allow_pushing(app)
    device = PushingTerminal(by_client(app.test_client()), "PUSH1")
    assert not device.introduce()
    with opened(browser, app, "/terminals") as page:
        page.get_by_role("link", name="Pending terminals").click()
        page.get_by_text("Accept as a new terminal").click()
        page.get_by_label("Name").fill("West gate")
        page.get_by_role("button", name="Add terminal").click()
        expect(page.get_by_text("West gate was added.")).to_be_visible()
        page.goto(ALL_DAYS)
        expect(page.get_by_text("New punches appear here automatically.")).to_be_visible()
        filtered = page.context.new_page()
        filtered.goto(f"{ALL_DAYS}&user_id=18")
        expect(filtered.get_by_role("heading", name="No punches")).to_be_visible()
        device.punch("17\t2026-03-02 08:00:00\t0\t1", "18\t2026-03-02 08:01:00\t0\t1")
        assert (device.introduce(), device.push()) == (True, True)
        rows = page.locator("#punches tbody tr")
        expect(rows).to_have_count(2)
        assert listed(page, 0, 2) == [("2026-03-02 08:00:00", "West gate"), ("2026-03-02 08:01:00", "West gate")]
        expect(filtered.locator("#punches tbody tr")).to_have_count(1)
        expect(filtered.locator("#punches tbody tr")).to_contain_text("08:01:00")
        expect(filtered.get_by_role("heading", name="No punches")).to_have_count(0)


def test_a_conflict_of_names_is_resolved_by_a_merge_that_is_undone(app: Flask, browser: Browser) -> None:
    with app.app_context():
        for number, (user_id, name) in enumerate((("18", "Grace Hopper"), ("40", "Hopper, Grace"))):
            terminal = added(f"Door {number}", f"10.0.0.{50 + number}", site=f"School {number}")
            store(terminal, [record(user_id, f"2026-03-02 08:0{number}")])
            with transaction() as session:
                store_users(session, terminal.id, [TerminalUser(1, user_id, name)], now=NOW)
                people_changes.create(session, PersonFields(name, ids=[SiteId(user_id, f"School {number}")]), actor=ADA, now=NOW)
    with opened(browser, app, "/punches/people/conflicts") as page:
        expect(page.get_by_role("heading", name="One name with several user IDs")).to_be_visible()
        page.get_by_role("button", name="Same person").click()
        expect(page.get_by_text("The conflict was resolved.")).to_be_visible()
        expect(page.get_by_role("heading", name="No conflicts")).to_be_visible()
        page.goto(ALL_DAYS)
        assert [name for (name,) in listed(page, 1)] == ["Grace Hopper 18", "Grace Hopper 40"]
        page.goto("/punches/people/changes")
        page.get_by_role("row", name="Merged").get_by_role("button", name="Undo").click()
        expect(page.get_by_role("row", name="Merged")).to_contain_text("Undone")
        page.goto(ALL_DAYS)
        assert [name for (name,) in listed(page, 1)] == ["Grace Hopper 18", "Hopper, Grace 40"]
        page.goto("/punches/people/conflicts")
        expect(page.get_by_role("button", name="Same person")).to_be_visible()


def test_a_repair_of_a_clock_is_previewed_applied_and_reversed(app: Flask, browser: Browser) -> None:
    with app.app_context():
        store(added(), [record("17", f"2026-03-02 08:0{minute}") for minute in range(4)])

    def times(page: Page) -> list[str]:
        page.goto(ALL_DAYS)
        return [datetime.fromisoformat(time).strftime("%H:%M") for (time,) in listed(page, 0)]

    before, after = ["08:00", "08:01", "08:02", "08:03"], ["07:46", "07:47", "08:00", "08:03"]
    with opened(browser, app, "/punches/clock-repairs") as page:
        page.get_by_label("First punch").fill("#2")
        page.get_by_label("Last punch").fill("#3")
        page.get_by_label("Add to the times").fill("-0:15:00")
        page.get_by_label("Reason").fill("The clock was fast")
        page.get_by_role("button", name="Preview repair").click()
        expect(page.get_by_role("row", name="#2")).to_contain_text("2026-03-02 07:46:00")
        assert times(page) == before, "a preview changes nothing"
        page.go_back()
        page.get_by_role("button", name="Move 2 punches").click()
        expect(page.get_by_role("row", name="The clock was fast")).to_contain_text("applied")
        assert sorted(times(page)) == after
        expect(page.get_by_text("Clock repaired −0:15:00")).to_have_count(2)
        page.goto("/punches/clock-repairs")
        page.get_by_role("button", name="Reverse").click()
        expect(page.get_by_role("row", name="The clock was fast")).to_contain_text("reversed")
        assert times(page) == before


def test_open_alerts_appear_on_an_open_page_and_lead_to_their_terminal(app: Flask, browser: Browser) -> None:
    with app.app_context():
        gym = added("Gym", None)
    with opened(browser, app, "/terminals") as page:
        expect(page.get_by_role("heading", name="Open alerts")).to_have_count(0)
        with app.app_context():
            with transaction() as session:
                session.get_one(Terminal, gym.id).clock_drift = 999
            jobs.check_terminals()
        alert = page.get_by_role("link", name="The clock of Gym is wrong")
        expect(alert).to_be_visible(timeout=20_000)
        alert.click()
        expect(page.get_by_role("heading", name="Gym")).to_be_visible()
