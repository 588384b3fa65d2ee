"""Running apps whose every page has something to show, for pictures and for tests in a browser."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import delete, func, select, update
from werkzeug.serving import WSGIRequestHandler, make_server

from request_tracker_utils.accounts import links, login_events, service, sessions, tokens
from request_tracker_utils.accounts.current.messages import keys
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginKind, User
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import Asset, NewAsset
from request_tracker_utils.assets import checks, imports as asset_imports, lists
from request_tracker_utils.assets.feature import feature as assets
from request_tracker_utils.assets.fields import CreationSettings, NewAssetFields
from request_tracker_utils.assets.service import AssetCreator
from request_tracker_utils.cable_tickets import absences, kits
from request_tracker_utils.cable_tickets.approval_links import Decision, path_of, token_of
from request_tracker_utils.cable_tickets.current import link_keys
from request_tracker_utils.cable_tickets.feature import feature as cable_tickets
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.models import Ticket, TicketApprover
from request_tracker_utils.core.actor import REQUEST_TRACKER, Actor, of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.jobs import JobRun
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.page_settings import PageSetting
from request_tracker_utils.holders.models import HolderDiscrepancy
from request_tracker_utils.imports import service as imports
from request_tracker_utils.imports.row_types import RowTypes
from request_tracker_utils.imports.uploads import inspected
from request_tracker_utils.imports.waiting import Quota
from request_tracker_utils.inventory.feature import feature as inventory
from request_tracker_utils.labels import print_history
from request_tracker_utils.labels.print_history import PrintRecorder
from request_tracker_utils.notifications import suppression
from request_tracker_utils.notifications.models import DeliveryReport, PhoneCode
from request_tracker_utils.optics import service as requests
from request_tracker_utils.optics.feature import feature as optics
from request_tracker_utils.optics.messages import OpticsMessages
from request_tracker_utils.optics.models import OTHER
from request_tracker_utils.optics.service import NewRequest, OpticsAction
from request_tracker_utils.reconciliation.tasks import start_comparison
from request_tracker_utils.students import devices, service as school
from request_tracker_utils.students.feature import feature as students
from request_tracker_utils.students.models import Device
from request_tracker_utils.tags import adoption, prefixes, service as tags, tagging
from request_tracker_utils.tags.adoption import LOG_NAME
from request_tracker_utils.tags.current import RECONCILIATION as TAGS
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.sequence import reset
from request_tracker_utils.tags.tasks import confirm_tags
from request_tracker_utils.tasks.jobs import run_tasks
from request_tracker_utils.tasks.models import ItemState, TaskState
from request_tracker_utils.tasks.service import items
from request_tracker_utils.web.registry import registry, registry_of
from tests.services.apps import PASSWORD, make_app, ready, user
from tests.services.messages import add_message, suppress
from tests.services.showroom_attendance import attendance_pages
from tests.services.showroom_groups import group_pages
from tests.services.showroom_reviews import review_pages
from tests.services.showroom_workdays import workday_pages

NAME = "ada"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"


@dataclass(frozen=True)
class Showroom:
    """A running app. The full one holds the demonstration's assets, and some without a tag, one that waits, one with a problem."""

    url: str
    pages: dict[str, str]
    """Name → path, for somebody who is signed in as an administrator."""
    open_pages: dict[str, str]
    """Name → path, for somebody who is not."""
    others: dict[str, dict[str, str]] = field(default_factory=dict)
    """Name of an account → its pages, for a student and a teacher."""


@contextmanager
def full_showroom(folder: Path) -> Iterator[Showroom]:
    app = ready(make_app(folder, app_url="http://utils.example.org", registration="open"))
    with app.app_context():
        for feature in (assets, students, inventory, optics, cable_tickets):
            assert feature.demo is not None
            feature.demo.fill()
        untagged_id, troubled_id = _special_assets()
        _administered(folder)
        _runs()
        _tasks()
        _differences()
        _holder_differences()
        _labels()
        cart_id = _cart()
        roster_id = _rosters()
    user(app, "admin", NAME)
    _optics(app)
    filling = (attendance_pages, workday_pages, review_pages, group_pages)
    attendance = {name: path for pages in filling for name, path in pages(app, Actor(NAME)).items()}
    tickets = _tickets(app)
    key = _people(app)
    links_to_decide = _approvals(app, tickets["pending_approval"])
    _settings(app)
    failed_id, uncertain_id = _messages(app)
    tag = _of_student(app)
    others = {
        "e.galois": {
            "my-home": "/",
            "my-devices": "/my/devices",
            "my-record": "/my/record",
            "my-device": f"/devices/{tag}",
            "student-notifications": "/me/notifications",
        },
        "new.student": {"my-home-not-linked": "/", "my-devices-not-linked": "/my/devices"},
        "a.turing": {
            "teacher-home": "/",
            "my-punches-not-linked": "/punches/mine",
            "my-workdays-not-linked": "/workdays/mine",
            "teacher-students": "/students",
            "teacher-device": f"/devices/{tag}",
            "teacher-overdue": "/devices/overdue",
            "teacher-messages": "/notifications",
            "teacher-optics": "/optics",
            "teacher-tickets": "/tickets/list",
            "teacher-request-cable": "/tickets/new",
            "teacher-ticket": f"/tickets/{tickets['in_progress']}",
        },
    }
    pages = {
        "home": "/",
        **attendance,
        "assets": "/assets",
        "assets-found": "/assets?q=Chromebook&catalog=Chromebooks",
        "assets-not-found": "/assets?q=nothing+like+this",
        "asset": "/assets/60",
        "asset-untagged": f"/assets/{untagged_id}",
        "asset-problem": f"/assets/{troubled_id}",
        "new-assets": "/assets/create",
        "scanned-asset": "/assets?q=W12-0060",
        "held-assets": "/assets?holder=marie.curie",
        "import": "/assets/import",
        "import-list": f"/assets/import/{cart_id}",
        "import-lists": "/assets/import/lists",
        "students": "/students",
        "students-found": "/students?q=ho&grade=9&grade=10",
        "student": "/students/026000",
        "student-edit": "/students/026000/edit",
        "student-new": "/students/new",
        "devices": "/devices",
        "devices-overdue": "/devices/overdue",
        "device": "/devices/W12-0001",
        "device-edit": "/devices/W12-0001/edit",
        "device-new": "/devices/new",
        "device-not-added": "/devices/W12-0062",
        "devices-not-added": "/devices?q=W12-0062",
        "students-import": "/students/import",
        "students-list": f"/students/imports/{roster_id}",
        "students-list-imported": f"/students/imports/{roster_id - 2}",
        "rollover": "/students/rollover",
        "leavers": "/students/leavers?last_grade=12",
        "stock": "/stock",
        "stock-found": "/stock?q=cat6+7ft",
        "stock-low": "/stock?only=low",
        "stock-row": "/stock/2",
        "stock-receive": "/stock/receive?cable_type=Cat6&cable_length=7+ft",
        "stock-receipt": "/stock/receive/1",
        "stock-take-out": "/stock/take-out",
        "stock-take-out-offers": "/stock/take-out?cable_type=Cat6&cable_length=100ft&quantity=1",
        "stock-take-out-cut": "/stock/take-out?cable_type=Cat6A&cable_length=40ft&quantity=3",
        "stock-take-out-none": "/stock/take-out?cable_type=Cat6A&cable_length=40m&quantity=3",
        "stock-counts": "/stock/count",
        "stock-count": "/stock/count/1",
        "stock-movements": "/stock/movements",
        "stock-reorder": "/stock/reorder",
        "cable-types": "/stock/cable-types",
        "tickets-dashboard": "/tickets",
        "tickets": "/tickets/list?tab=all",
        "tickets-found": "/tickets/list?tab=all&q=library&status=pending_approval",
        "tickets-none": "/tickets/list?tab=mine",
        "request-cable": "/tickets/new?kit=1",
        "kits": "/tickets/kits",
        "kit": "/tickets/kits/1",
        **{f"ticket-{status.replace('_', '-')}": f"/tickets/{ticket_id}" for status, ticket_id in tickets.items()},
        "ticket-deleted": f"/tickets/{tickets['deleted']}?include_deleted=true",
        "ticket-edited": f"/tickets/{tickets['approved']}/edit",
        "optics": "/optics",
        "optics-requests": "/optics/requests",
        "optics-requests-all": "/optics/requests?status=all",
        "optics-request": "/optics/requests/4",
        "optics-request-archived": "/optics/requests/1",
        "optics-parts": "/optics/parts",
        "stock-import": "/stock/import",
        "deliveries-import": "/stock/receive/import",
        "labels": "/labels/batch?asset_ids=1,2,3",
        "labels-scan": "/labels/scan",
        "labels-printed": "/labels/prints",
        "labels-never-scanned": "/labels/prints/unscanned?days=0",
        "scan-station": "/students/scan",
        "scan-station-damaged": "/students/scan?mode=damaged",
        "scan-station-commands": "/students/scan/commands",
        "tags-pending": "/tags/pending",
        "untagged": "/tags/untagged?catalog=General+assets",
        "sweep": "/admin/asset-tags/sweep",
        "tasks": "/tasks",
        "task": "/tasks/1",
        "task-running": "/tasks/2",
        "asset-tags": "/admin/asset-tags",
        "asset-tags-reset": "/admin/asset-tags/reset/W12-",
        "asset-tags-audit": "/admin/asset-tags/audit",
        "asset-tags-audit-none": "/admin/asset-tags/audit?q=nothing+like+this",
        "differences": "/admin/asset-tags/differences",
        "differences-of-a-kind": "/admin/asset-tags/differences?kind=misspelt",
        "holder-differences": "/students/differences",
        "holder-differences-of-a-kind": "/students/differences?kind=holder",
        "webhook": "/webhook",
        "api": "/openapi/",
        "me": "/me",
        "people": "/admin/people",
        "person": "/admin/people/2",
        "person-teacher": "/admin/people/3",
        "person-student": "/admin/people/4",
        "person-student-not-linked": "/admin/people/5",
        "new-person": "/admin/people/new",
        "invitations": "/admin/people/invitations",
        "sign-ins": "/admin/sign-ins",
        "messages": "/notifications",
        "messages-failed": "/notifications?status=failed&channel=email&from=2026-01-01",
        "messages-none": "/notifications?to=nobody",
        "message-failed": f"/notifications/{failed_id}",
        "message-uncertain": f"/notifications/{uncertain_id}",
        "test-message": "/notifications/test",
        "suppressed-addresses": "/notifications/suppressed",
        "my-notifications": "/me/notifications",
        "absences": "/me/absences",
        "personal-data": "/admin/personal-data",
        "status": "/admin",
        "jobs": "/admin/jobs",
        "job": "/admin/jobs/confirm-tags",
        "settings": "/admin/settings",
        "settings-email": "/admin/settings/email",
        "settings-sms": "/admin/settings/sms",
        "access": "/admin/access",
        "data": "/admin/data/",
        "data-table": "/admin/data/asset_tags/?flt0_state_equals=assigned&sort=1",
        "data-row": "/admin/data/asset_tags/details/?id=3",
        "data-none": "/admin/data/waiting_assets/",
        "error-404": "/no/such/page",
        "label-large": "/labels/print?asset_id=1&size=large",
        "label-small": "/labels/print?asset_id=1&size=small",
        "label-sheet": "/labels/print?asset_id=1&size=avery-5160",
        "label-debug": "/labels/debug?asset_id=1&size=small",
        "label-calibration": "/labels/calibration?size=large",
    }
    open_pages = {
        "sign-in": "/sign-in",
        "password": f"/password/{key}",
        "forgot-password": "/forgot-password",
        "register": "/register",
        **links_to_decide,
    }
    with served(app) as url:
        yield Showroom(url, pages, open_pages, others)


@contextmanager
def empty_showroom(folder: Path) -> Iterator[Showroom]:
    """Nobody has an account yet."""
    app = ready(make_app(folder))
    with app.app_context(), transaction() as session:
        key = links.new_setup_key(session, now=utc_now())
    with served(app) as url:
        yield Showroom(url, {"assets-none": "/assets", "home-none": "/"}, {"set-up": f"/set-up/{key}"})


def _optics(app: Flask) -> None:
    """Requests of the administrator's own."""
    with app.app_context(), transaction() as session:
        ada = Actor(NAME, user_id=session.scalars(select(User.id).where(User.name == NAME)).one())
        for part, other, quantity in (("SFP-10G-LR", "", 6), (OTHER, "Bidi pair for the stadium, 1310/1490 nm", 2), ("SFP-1G-T", "", 1)):
            change: dict[str, Any] = {"actor": ada, "now": utc_now(), "messages": OpticsMessages()}
            made, _repeated = requests.create(session, NewRequest(part, other, quantity), **change)
            if part == "SFP-1G-T":
                requests.decide(session, made.id, OpticsAction.DENY, note="There are three on the shelf.\nTake one.", **change)


def _tickets(app: Flask) -> dict[str, int]:
    """The demonstration's tickets: the newest ID of each status. The administrator is asked about the first, and there are two kits."""
    with app.app_context(), transaction() as session:
        for name, pieces in (("Classroom", 2), ("Office desk", 1)):
            kits.add_kit(session, name=name, items=[Item("Cat6", "7 ft", quantity=pieces), Item("Cat6", "100 ft", "23 AWG")])
        newest = session.execute(select(Ticket.status, func.max(Ticket.id)).group_by(Ticket.status)).all()
        return {status: ticket_id for status, ticket_id in newest}  # noqa: C416 — mypy does not accept dict(newest)


def _approvals(app: Flask, ticket_id: int) -> dict[str, str]:
    """The links of a ticket's approver. The administrator is absent from today on, and decides for a colleague next week."""
    with app.app_context(), transaction() as session:
        ada, grace = (service.user_named(session, name).id for name in (NAME, "grace.hopper"))
        today = utc_now().date()
        for person, substitute, days in ((ada, grace, 0), (grace, ada, 7)):
            begin, end = (today + timedelta(days=days + more) for more in (0, 4))
            absences.plan(session, person, substitute_id=substitute, begin=begin.isoformat(), end=end.isoformat(), today=today)
        row = session.scalars(select(TicketApprover).where(TicketApprover.ticket_id == ticket_id)).first()
        assert row is not None
        return {decision.value: path_of(ticket_id, decision, token_of(row, link_keys)) for decision in Decision}


def _settings(app: Flask) -> None:
    """Some that were entered on a page. A row that cannot be decrypted is to be entered again. Nothing is set up completely."""
    page_settings = registry_of(app).page_settings
    with app.app_context():
        texts = {"smtp_host": "mail.school.example.org", "smtp_tls": "tls", "smtp_password": "a password of the mail server"}
        version = page_settings.refresh().version
        with transaction() as session:
            page_settings.store(session, texts, version=version, actor=of_command(), now=utc_now())
            session.add(PageSetting(name="twilio_auth_token", ciphertext="of another key", changed_at=utc_now(), changed_by="ada"))
        page_settings.refresh()


def _people(app: Flask) -> str:
    """Some people, what happened to them, and the key of a password link."""
    now = utc_now()
    home, phone = Origin("10.20.4.17", FIREFOX), Origin("10.20.9.80", PHONE)
    for role, name in (("staff", "grace.hopper"), ("teacher", "a.turing"), ("student", "e.galois"), ("student", "new.student")):
        user(app, role, name)
    with app.app_context(), transaction() as session:
        admin, grace, turing = (service.user_named(session, name) for name in (NAME, "grace.hopper", "a.turing"))
        for who, origin in ((admin, home), (grace, phone), (grace, home)):
            sessions.open_session(session, who, lifetime=timedelta(days=14), origin=origin, now=now)
            login_events.record(session, LoginKind.SIGNED_IN, origin, user=who, now=now)
        for who in (admin, grace):
            tokens.create(session, who, label="backup script", expires_at=now + timedelta(days=365), now=now)
        login_events.record(session, LoginKind.FAILED, Origin("203.0.113.80", "curl/8.5"), key="root", now=now)
        login_events.record(session, LoginKind.FORBIDDEN, phone, user=turing, detail="GET /webhook needs tags:webhook:configure", now=now)
        for role, email in (("staff", "k.johnson@example.org"), ("teacher", None)):
            links.invite(session, role=role, email=email, created_by=NAME, keys=keys, now=now)
        return links.new_password_key(session, turing, now=now)


def sign_in(page: Page, showroom: Showroom, name: str = NAME) -> None:
    page.goto(f"{showroom.url}/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{showroom.url}/")


def set_up(page: Page, showroom: Showroom) -> None:
    """Makes the first administrator, who is signed in from then on."""
    page.goto(showroom.url + showroom.open_pages["set-up"])
    page.get_by_label("Your name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Repeat the password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(f"{showroom.url}/")


def _of_student(app: Flask) -> str:
    """Links a student with an overdue loaner to the account e.galois, and gives the account a.turing a school. Returns the loaner's tag."""
    with app.app_context(), transaction() as session:
        device = session.scalars(select(Device).where(Device.due_date < utc_now().date()).order_by(Device.due_date)).first()
        assert device is not None
        student = school.get(session, str(device.current_student_id))
        service.user_named(session, "e.galois").student_id = student.id
        service.user_named(session, "a.turing").school = student.building
        return device.asset_tag


def _special_assets() -> tuple[int, int]:
    held = asset_store()
    for number, holder in ((58, "marie.curie"), (57, "a.turing"), (55, "g.hopper")):
        held.set_holder(number, holder)
    held.create(NewAsset("Cart 4, front", "General assets", "EPX40021", "PowerLite L210W", "Epson"))
    untagged = held.create(NewAsset("Office laptop", "General assets", "PF3ZK19Q", "ThinkPad L14 Gen 4", "Lenovo"))
    waiting = held.create(NewAsset("Room 12, front desk", "General assets", "5CD2198XKL", "ProBook 440 G10", "HP"))
    troubled = held.create(NewAsset("Library, shelf", "Chromebooks", "8KQ2LM3", "Chromebook 3100", "Dell"))
    for asset in map(held.get, (waiting, troubled)):
        tags.on_asset_created(transaction, asset_id=asset.id, asset_name=asset.name, prefix="W12-", now=utc_now(), actor=REQUEST_TRACKER)
    with transaction() as session:
        problem = "Request Tracker did not rename the asset: Permission Denied. Check that the token’s user has the right ModifyAsset."
        session.execute(update(Tag).where(Tag.asset_id == troubled).values(problem=problem))
    return untagged, troubled


def _tasks() -> None:
    """One that is done, of which an asset failed; one in its middle."""
    now, ada = utc_now(), Actor(NAME)
    assets = [Asset(100 + number, "Cart 9", f"8KQ{number}LM", "Chromebook 3100", "Dell") for number in range(24)]
    with transaction() as session:
        tagging.set_sweep_catalogs(session, ["Chromebooks", "General assets"], actor=ada, now=now)
        tagging.record_scan(session, found=4, missing=[], catalogs=["Chromebooks", "General assets"], now=now, is_preview=True)
        for minutes, done, state in ((30, 24, TaskState.DONE), (1, 9, TaskState.RUNNING)):
            begun = now - timedelta(minutes=minutes)
            task = tagging.start_tagging(session, assets, title="Tag 24 assets", actor=ada, now=begun)
            task.state, task.started_at, task.done, task.failed = state, begun, done - 1, 1
            task.due_at = now + timedelta(days=1) if state == TaskState.RUNNING else None
            task.ended_at, task.summary = (None, None) if task.due_at else (now, "23 assets have their tags.")
            for item in items(session, task.id, ItemState.PENDING, limit=done):
                item.state, item.note = ItemState.DONE, f"is called W12-{200 + item.position:04d} now"
            item.state, item.note = ItemState.FAILED, "Asset not found"


def _administered(folder: Path) -> None:
    """A second prefix, a catalog that has it and one that is gone, a sequence that was set, and an older installation's log."""
    log = folder / LOG_NAME
    lines = [f"2025-10-08T12:{number:02}:00 - Asset Tag: W12-{number:04d}, Request Tracker ID: {number}" for number in range(1, 41)]
    lines += ["2025-10-08T13:00:00 - Asset Tag: W12-0007, Request Tracker ID: 9", "no line of a log"]
    lines += ["2025-10-08T13:01:00 - Asset Tag: OLD-0001, Request Tracker ID: 12"]
    log.write_text("\n".join(lines), encoding="utf-8")
    ada = Actor(NAME)
    with transaction() as session:
        prefixes.create(session, "LAB-", actor=ada, now=utc_now())
    with transaction() as session:
        prefixes.set_for_catalog(session, "Chromebooks", "LAB-", actor=ada, now=utc_now())
        prefixes.set_for_catalog(session, "Projectors of 2019", "LAB-", actor=ada, now=utc_now())
        reset(session, "W12-", number=1000, reason="New labels begin at 1000.", actor=ada, now=utc_now())
    adoption.adopt(transaction, asset_store(), prefix="W12-", file=None, log=log, actor=ada, now=utc_now())


def _differences() -> None:
    """Each kind of difference between the asset store and the tags, found by a comparison."""
    held, now = asset_store(), utc_now()
    made = [NewAssetFields(f"DIFF{number}", "HP", "ProBook 440 G10") for number in range(4)]
    before = now - timedelta(hours=2)  # young tags are no difference yet
    creator = AssetCreator(transaction, reading, held, CreationSettings(), Actor(NAME), lambda: before)
    renamed, retagged, printed, gone = (creator.create(each).asset_id for each in made)
    confirm_tags()
    held.rename(renamed, "Ms Lee’s laptop")
    held.rename(retagged, "W12-0400")
    for name in ("W12-0020", "W12-0812", "w12-0021", "W12-33 spare"):
        held.create(NewAsset(name, "Chromebooks", f"TWIN{name[-4:]}", "Chromebook 3100", "Dell"))
    with transaction() as session:
        tags.mark_printed(session, [(printed, held.get(printed).name)], now=now)
        session.execute(delete(EmbeddedAsset).where(EmbeddedAsset.id.in_([printed, gone])))
        start_comparison(session, TAGS, actor=of_command(), now=now)
    run_tasks()


def _holder_differences() -> None:
    """Each kind of difference between the asset store and the devices, and a device that could not be synced."""
    now = utc_now()
    rows: list[dict[str, object]] = [
        {"kind": "holder", "asset_tag": "LAB-0101", "asset_id": 60, "asset_name": "LAB-0101", "ours": "1001", "theirs": "marie.curie"},
        {"kind": "holder", "asset_tag": "LAB-0102", "asset_id": 58, "asset_name": "LAB-0102", "ours": "", "theirs": "g.hopper, a.turing"},
        {"kind": "renamed", "asset_tag": "LAB-0103", "asset_id": 57, "asset_name": "Ms Lee’s laptop"},
        {"kind": "unknown_here", "asset_tag": "", "asset_id": 55, "asset_name": "Cart 4, laptop 12", "theirs": "g.hopper"},
        {"kind": "missing_there", "asset_tag": "LAB-0104", "asset_id": 0},
    ]
    with transaction() as session:
        session.add_all(HolderDiscrepancy(found_at=now, seen_at=now, **row) for row in rows)
        device = devices.create(session, {"asset_tag": "LAB-0104", "serial_number": "5CD2198XKQ", "model": "Chromebook 3100"}, now=now)
        device.rt_problem = "No asset is named LAB-0104. Create the asset, or resolve it under Differences."
        device.rt_due_at = now + timedelta(hours=1)


def _cart() -> int:
    """A list of a cart, checked, with most that can stand against one."""
    lines = [
        "Serial Number;Model;Make;Name;Room",
        "5CD2198XKL;ProBook 440 G10;HP;Cart 7, 1;12",
        "PF3ZK19Q",
        "BAD_7;;Dell",
        "TWICE-1;Yoga 11e;Lenovo",
    ]
    lines += [
        "twice-1;ThinkPad L14 Gen 4;Lenovo",
        *(f"CART7-{number:03d};Chromebook 3100;Dell;Cart 7, {number}" for number in range(2, 31)),
    ]
    listed, held = lists.read("\n".join(lines)), {"category": "Laptop", "funding_source": "Title I", "catalog": "Chromebooks"}
    found = checks.check_rows(reading, asset_store(), listed, held)
    with transaction() as session:
        return asset_imports.store(
            session,
            listed,
            source="Cart_7_Lincoln_Elementary_2026-11-25_order_40021.csv",
            defaults=held,
            actor=Actor(NAME),
            now=utc_now(),
            quota=Quota(1 << 40, 1 << 40),
            checked=found,
        ).id


def _rosters() -> int:
    """Students and devices from lists, and another list that was looked through, with most that can stand against one."""
    head = "Student ID,First Name,Last Name,Grade Level,Homeroom,School Name,Email"
    names = [("Grace", "Hopper"), ("Alan", "Turing"), ("Katherine", "Johnson"), ("Edsger", "Dijkstra"), ("Barbara", "Liskov")]
    students = [
        f"{70_000 + number},{first},{last},{number % 13},H{number % 4},North High School," for number, (first, last) in enumerate(5 * names)
    ]
    zeros = [f"00600{number},Zoë,García,9,H1,North High School," for number in range(12, 14)]
    _bring("students", [head, *students, *zeros])
    tags = [f"W12-{9_000 + number},Chromebook 3100,{70_000 + 6 * number}" for number in range(4)]
    _bring("devices", ["Asset Tag,Model,Assigned To", *tags])
    bad = ["70001,Alan,Turing,14,H1,North High School,", "7/1,Mary,Jackson,9,H1,North High School,nobody", "70000,Grace,Hopper,9,,,"]
    new = [
        f"{80_000 + number},Dorothy,Vaughan,{number + 1},H2,Wolfeschlegelsteinhausenbergerdorff Elementary School," for number in range(3)
    ]
    changed = [each.replace("H1", "H7") for each in students[:20]]
    odd = [*(each.lstrip("0") for each in zeros), "80003,José,GarcÃ\u00ada,Room 12,H2,North High School,", "Total students: 28"]
    return _bring("students", ["All students, 2026-11-25", "", head, *changed, *bad, *new, *odd], only_check=True)


def _bring(subject: str, lines: list[str], *, only_check: bool = False) -> int:
    source, ada = "SIS_export_all_schools_2026-11-25_final.csv", Actor(NAME)
    data = "\n".join([*lines, ""]).encode()
    rows = registry().get(RowTypes).named(subject)
    with inspected([data], rows.aliases) as upload:
        facts: dict[str, Any] = {"source": source, "actor": ada, "now": utc_now(), "quota": Quota(*[1 << 30] * 2)}
        file = imports.store(transaction, upload, rows, upload.layout.columns, **facts)
    with transaction() as session:
        imports.map_columns(session, file.id, rows, file.columns, deactivate_missing=only_check)
    for start in (imports.start_preview, imports.start_import)[: 1 if only_check else 2]:
        with transaction() as session:
            start(session, file.id, rows, actor=ada, now=utc_now())
        run_tasks()
    return file.id


def _messages(app: Flask) -> tuple[int, int]:
    """Messages in each state, suppressed addresses, and a code that ada is to enter. Returns one that failed, and an uncertain one."""
    now, sms = utc_now(), {"notification_type": "sms", "address": "+12025550123", "provider": "twilio"}
    add_message(app, NAME, status="delivered", provider="resend", provider_id="49a3999c-0ce1", sent_at=now, created_at=now)
    add_message(app, "a.turing", status="sent", provider="sendgrid", provider_id="14c5d75ce93", sent_at=now, created_at=now)
    add_message(app, status="queued", event="phone-code", created_at=now, due_at=now + timedelta(hours=1), attempts=0, **sms)
    add_message(app, "a.turing", notification_type="chat", address="", created_at=now, status="sending", due_at=now, provider="apprise")
    said = "Resend sends only to its owner until a domain is verified. Verify the domain of the sender at Resend, or set another provider."
    failed = {"error_message": said, "provider": "resend", "provider_id": "49a3999c-0ce2", "attempts": 3}
    failed_id = add_message(app, "a.turing", created_at=now, about="ticket 12 approved, 100 ft of Cat6 for the new office", **failed)
    silent = "Twilio did not answer, and its list of messages could not be read."
    uncertain_id = add_message(app, NAME, status="uncertain", error_message=silent, created_at=now, **sms)
    with app.app_context(), transaction() as session:
        for number, (outcome, detail) in enumerate((("delivered", None), ("bounced", "550 5.1.1 The email account does not exist"))):
            report = {"outcome": outcome, "detail": detail, "at": now + timedelta(seconds=number), "pending": False}
            session.add(DeliveryReport(provider="resend", report_id=f"report-{number}", message_id="49a3999c-0ce2", **report))
        session.add(
            PhoneCode(user_id=service.user_named(session, NAME).id, number="+12025550123", network="", seed="1" * 32, created_at=now)
        )
    for address in ("former.employee@school.example.org", "moved@example.org"):
        suppress(app, address)
    suppress(app, "+12025550199", Channel.SMS, detail="")
    with app.app_context(), transaction() as session:
        reason = "The mailbox works again, says the help desk."
        suppression.release_by_person(session, Channel.EMAIL, "moved@example.org", reason=reason, actor=Actor(NAME), now=now)
    return failed_id, uncertain_id


def _labels() -> None:
    """Prints of some assets' labels; of the first print some labels were scanned."""
    ada, assets = Actor(NAME), range(60, 34, -1)
    held = {asset.id: asset.name for chunk in asset_store().get_many(assets) for asset in chunk}
    for label_format, copies, numbers in (("large", 1, assets[:12]), ("small", 2, assets[12:])):
        PrintRecorder(ada, [], label_format, copies).record([(number, held[number]) for number in numbers])
    with transaction() as session:
        for minutes, number in enumerate(assets[:5]):
            print_history.mark_scanned(session, number, actor=ada, now=utc_now() - timedelta(minutes=minutes))


def _runs() -> None:
    """What the jobs did: one ran, one failed, one runs; others have not begun yet."""
    now, here = utc_now(), f"{socket.gethostname()}:{os.getpid()}"
    error = "Request Tracker did not answer within 20 s. Try again; if it stays so, see to RT."
    with transaction() as session:
        for minutes, ended, rows, said in ((50, 0.4, 3, None), (30, 20, 0, error), (10, 0.2, 12, None)):
            begun = now - timedelta(minutes=minutes)
            run = {"process": here, "started_at": begun, "ended_at": begun + timedelta(seconds=ended), "rows": rows, "error": said}
            session.add(JobRun(job="confirm-tags", **run))
        session.add(JobRun(job="check-asset-store", process=here, started_at=now, ended_at=now, error=error))
        session.add(JobRun(job="adopt-tags", process=here, started_at=now))


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        with app.app_context():
            db.engine.dispose()
