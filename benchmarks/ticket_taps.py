"""How many taps a cable ticket takes on a phone, in Chromium: asking with a chip, and approving from the message."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from benchmarks.report import COUNT, Row, say
from request_tracker_utils.cable_tickets import approval_links, kits
from request_tracker_utils.cable_tickets.approval_links import Decision
from request_tracker_utils.cable_tickets.current import link_keys
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.models import TicketApprover
from request_tracker_utils.core.db import reading, transaction
from tests.services.apps import PASSWORD, make_app, ready, user
from tests.services.chromium import MISSING, chromium, executable
from tests.services.showroom import served
from tests.services.ticket_taps import MOST_TO_APPROVE, MOST_TO_ASK, PHONE, approve_from_message, ask_with_chip

KIT = "Classroom"
ASKING = Row("Taps that create a cable ticket with a chip, from the home page", None, MOST_TO_ASK, COUNT, "", at_least=False)
APPROVING = Row("Taps that approve a cable ticket, from the message", None, MOST_TO_APPROVE, COUNT, "", at_least=False)


def measure() -> Iterator[Row]:
    if executable() is None:
        yield from (replace(row, detail=f"not run: {MISSING}") for row in (ASKING, APPROVING))
        return
    say("asking for cable on a phone")
    with TemporaryDirectory() as folder, chromium() as browser:
        app = ready(make_app(Path(folder)))
        user(app, "admin", "ada")
        user(app, "teacher", "tess")
        with app.app_context(), transaction() as session:
            kits.add_kit(session, name=KIT, items=[Item("Cat6", "7 ft", quantity=2), Item("Cat6", "100 ft")])
        with served(app) as url:
            page = _phone(browser)
            _sign_in(page, url)
            yield replace(ASKING, value=ask_with_chip(page, KIT), detail="360 × 640, a kit of two items")
            yield replace(APPROVING, value=approve_from_message(_phone(browser), url + _link(app)), detail="the link counts as one")


def _phone(browser: Browser) -> Page:
    return browser.new_context(**PHONE).new_page()  # type: ignore[arg-type]


def _sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_label("Name").fill("tess")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")


def _link(app: Flask) -> str:
    """The path of the link in ada's message."""
    with app.app_context(), reading() as session:
        row = session.scalars(select(TicketApprover)).one()
        return approval_links.path_of(row.ticket_id, Decision.APPROVE, approval_links.token_of(row, link_keys))
