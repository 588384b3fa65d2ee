"""Seed document 3, as people run the program: each point of its test checklist, its `curl` lines, and its workflow with two people on
phones whose messages arrive at stand-ins of the providers."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.functional.web.test_pages import FAINT, OVERFLOW, SMALL_TARGETS
from tests.services.chromium import watched
from tests.services.local_server import wait_until
from tests.services.providers import Twilio
from tests.services.server import RunningServer
from tests.services.smtp_server import SmtpServer
from tests.services.ticket_taps import MOST_TO_APPROVE, PHONE, approve_from_message

# As they stand in the document.
REGISTER = r"""
curl -X POST http://localhost:5000/api/register \
  -H "Content-Type: application/json" \
  -d '{"username":"testuser","email":"test@example.com","phone":"+12025551234","password":"password123"}'
"""
LOGIN = r"""
curl -X POST http://localhost:5000/api/login \
  -H "Content-Type: application/json" \
  -d '{"username":"testuser","password":"password123"}'
"""
CREATE = r"""
curl -X POST http://localhost:5000/api/tickets \
  -H "Content-Type: application/json" \
  -d '{"created_by_id":1,"assigned_to_id":2,"cable_type":"Cat6","cable_length":"100ft","cable_gauge":"23AWG","location":"Building A","priority":"medium"}'
"""  # noqa: E501
PASSWORD = "tulips on the moon"
SMALL: dict[str, Any] = {**PHONE, "color_scheme": "dark"}


@dataclass
class Installation:
    """Testuser (1) asks, bob (2) decides, ada is an administrator, grace works in the stock room."""

    server: RunningServer
    mail: SmtpServer
    sms: Twilio
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, name: str, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """A request with the person's token. Status and body."""
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        answer = requests.request(method, self.server.url + path, headers=headers, timeout=30, **options)
        return answer.status_code, answer.json()

    def register(self, name: str) -> dict[str, Any]:
        body = {"username": name, "email": f"{name}@example.com", "phone": "", "password": PASSWORD}
        answer = requests.post(f"{self.server.url}/api/register", json=body, timeout=30)
        assert answer.status_code == 201, answer.text
        self.tokens[name] = answer.json()["access_token"]
        return dict(answer.json()["user"])

    def id_of(self, name: str) -> int:
        return next(int(user["id"]) for user in self.call("ada", "GET", "/api/users")[1] if user["username"] == name)

    def created(self, **fields: object) -> dict[str, Any]:
        body = {"assigned_to_id": 2, "cable_type": "Cat6", "cable_length": "100ft", **fields}
        status, answer = self.call("testuser", "POST", "/api/tickets", json=body)
        assert status == 201, answer
        return dict(answer["ticket"])

    def emails(self, address: str, about: int) -> list[str]:
        """Subject and text of the emails about a ticket to this address."""
        found = []
        for received in list(self.mail.accepted):
            body = received.message.get_body(("plain",))
            assert body is not None
            text = f"{received.message['Subject']}\n{body.get_content()}"
            if received.recipients == [address] and re.search(rf"\b(ticket|Ticket) {about}\b|/tickets/{about}\b", text):
                found.append(text)
        return found

    def email(self, address: str, about: int, number: int = 1) -> str:
        """The text of the person's `number`th email about the ticket, when it has arrived."""
        wait_until(lambda: len(self.emails(address, about)) >= number, within=30)
        return self.emails(address, about)[number - 1]

    def link(self, decision: str, about: int, number: int = 1) -> str:
        """Of the message to bob."""
        text = self.email("bob@example.com", about, number)
        return re.findall(rf"\S+/tickets/{about}/{decision}/\S+", text)[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with ExitStack() as stack:
        mail, sms = stack.enter_context(SmtpServer()), stack.enter_context(Twilio())
        settings = {"registration": "open", **mail.settings(), **sms.settings()}
        server = stack.enter_context(RunningServer(tmp_path_factory.mktemp("tickets"), **settings))
        made = Installation(server, mail, sms)
        status, registered = curl(REGISTER.replace("password123", PASSWORD), made)
        assert (status, registered["user"]["id"]) == (201, 1), registered
        made.tokens["testuser"] = registered["access_token"]
        assert made.register("bob")["id"] == 2
        for name, role in (("ada", "admin"), ("grace", "staff")):
            options = ("--role", role, "--email", f"{name}@example.com", "--password-stdin")
            server.run("users", "create", name, *options, typed=PASSWORD + "\n")
            answer = requests.post(f"{server.url}/api/login", json={"username": name, "password": PASSWORD}, timeout=30)
            made.tokens[name] = answer.json()["access_token"]
        cable = {"vendor": "Graybar", "items": [{"cable_type": "Cat6", "cable_length": "100ft", "quantity": 50}]}
        assert made.call("ada", "POST", "/api/cable-receiving", json=cable)[0] == 201
        yield made


def curl(line: str, site: Installation, *, token: str = "") -> tuple[int, dict[str, Any]]:
    """Runs a line of the document, with the host and port of the server, and the token of a person."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = line.strip().replace("http://localhost:5000", site.server.url)
    if token:
        command += f' -H "Authorization: Bearer {token}"'
    command += " -s -w '\\n%{http_code}' --noproxy '*'"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


# The test checklist of the document.


def test_users_can_register_and_login(site: Installation) -> None:
    assert curl(REGISTER.replace("password123", PASSWORD), site)[0] == 409, "the name is taken"
    status, signed_in = curl(LOGIN.replace("password123", PASSWORD), site)
    assert (status, signed_in["user"]["username"]) == (200, "testuser")
    assert site.register("newcomer")["role"] == "user"
    assert curl(LOGIN, site)[0] == 401


def test_tickets_can_be_created_with_all_fields(site: Installation) -> None:
    assert curl(CREATE, site)[0] == 401, "somebody has to be signed in"
    status, answer = curl(CREATE, site, token=site.tokens["testuser"])
    assert (status, set(answer)) == (201, {"message", "ticket"})
    ticket = answer["ticket"]
    expected = {
        "created_by_id": 1,
        "assigned_to_id": 2,
        "status": "pending_approval",
        "cable_type": "Cat6",
        "cable_length": "100ft",
        "cable_gauge": "23AWG",
        "location": "Building A",
        "priority": "medium",
    }
    assert {name: ticket[name] for name in expected} == expected
    assert "approval_token" not in json.dumps(ticket)
    assert {name: site.call("bob", "GET", f"/api/tickets/{ticket['id']}")[1][name] for name in expected} == expected
    assert curl(CREATE, site, token=site.tokens["bob"])[0] in (400, 403), "nobody asks in the name of somebody else"


def test_notifications_are_sent(site: Installation) -> None:
    ticket = site.created(location="Building A")
    asked = site.email("bob@example.com", ticket["id"])
    assert "Cat6" in asked
    assert "Building A" in asked
    assert "/approve/" in asked
    assert "/reject/" in asked
    assert site.call("bob", "PATCH", f"/api/tickets/{ticket['id']}", json={"status": "approved"})[0] == 200
    assert "approved" in site.email("test@example.com", ticket["id"]).lower()


def test_approval_and_rejection_links_work(site: Installation) -> None:
    """Also without `/api`, as in the document's example."""
    for decision, status, body in (("approve", "approved", {}), ("reject", "rejected", {"reason": "Not in the budget"})):
        for prefix in ("", "/api"):
            ticket = site.created()
            address = site.link(decision, ticket["id"]).replace("/api/tickets", "/tickets").replace("/tickets", f"{prefix}/tickets")
            assert requests.get(address, timeout=30).status_code == 200
            assert site.call("testuser", "GET", f"/api/tickets/{ticket['id']}")[1]["status"] == "pending_approval", "GET changes nothing"
            assert requests.post(address, json=body, timeout=30).status_code == 200
            decided = site.call("testuser", "GET", f"/api/tickets/{ticket['id']}")[1]
            assert decided["status"] == status
            assert requests.post(address, json=body, timeout=30).status_code in (409, 410), "once"
    assert decided["rejection_reason"] == "Not in the budget"


def test_status_updates_work_through_the_full_lifecycle(site: Installation) -> None:
    ticket = site.created()
    path = f"/api/tickets/{ticket['id']}"
    for status in ("approved", "in_progress", "fulfilled", "closed"):
        code, answer = site.call("bob", "PATCH", path, json={"status": status})
        assert (code, answer["ticket"]["status"]) == (200, status), answer
    assert site.call("bob", "PATCH", path, json={"status": "approved"})[0] == 409
    assert site.call("testuser", "DELETE", path)[1]["status"] == "deleted"
    assert site.call("bob", "PATCH", path, json={"status": "closed"})[0] == 410
    assert site.call("testuser", "POST", f"{path}/restore")[1]["ticket"]["status"] == "closed"


def test_the_dashboard_shows_correct_stats(site: Installation) -> None:
    before = site.call("testuser", "GET", "/api/dashboard/stats")[1]
    approved, rejected, archived = (site.created()["id"] for _ in range(3))
    site.call("bob", "PATCH", f"/api/tickets/{approved}", json={"status": "approved"})
    site.call("bob", "PATCH", f"/api/tickets/{rejected}", json={"status": "rejected", "rejection_reason": "x", "reason": "x"})
    site.call("testuser", "DELETE", f"/api/tickets/{archived}")
    after = site.call("testuser", "GET", "/api/dashboard/stats")[1]
    names = ("total_tickets", "approved", "rejected", "pending_approval", "archived")
    assert {name: after[name] - before[name] for name in names} == dict(zip(names, (2, 1, 1, 0, 1), strict=True))


def test_filters_work(site: Installation, browser: Browser) -> None:
    """All, Created by Me, Assigned to Me: over the API and on the page."""
    to_bob, to_grace = site.created()["id"], site.created(assigned_to_id=site.id_of("grace"))["id"]
    for name, query, expected in (
        ("bob", "", {to_bob, to_grace}),
        ("testuser", "?mine=created", {to_bob, to_grace}),
        ("bob", "?mine=assigned", {to_bob}),
        ("grace", "?mine=assigned", {to_grace}),
        ("bob", "?mine=created", set()),
    ):
        found = {ticket["id"] for ticket in site.call(name, "GET", f"/api/tickets{query}")[1]}
        assert found & {to_bob, to_grace} == expected, (name, query)
    with watched(browser, **PHONE) as page:
        sign_in(page, site, "bob")
        for tab, expected in (("All", {to_bob, to_grace}), ("Mine", set()), ("To approve", {to_bob})):
            page.goto(f"{site.server.url}/tickets/list?tab=all")
            page.get_by_role("navigation", name="Lists").get_by_role("link", name=tab).tap()
            expect(page.get_by_role("navigation", name="Lists").locator("[aria-current]")).to_contain_text(tab)
            found = {int(each) for each in re.findall(r'href="/tickets/(\d+)"', page.content())}
            assert found & {to_bob, to_grace} == expected, tab


def test_it_is_responsive_on_mobile(site: Installation, browser: Browser) -> None:
    ticket = site.created(location="Wolfeschlegelsteinhausenbergerdorff Elementary, Building C, closet 4", notes="🔌" * 300)["id"]
    with watched(browser, **PHONE) as page:
        sign_in(page, site, "bob")
        for path in (
            "/tickets/list?tab=all",
            "/tickets/new",
            f"/tickets/{ticket}",
            site.link("approve", ticket),
            site.link("reject", ticket),
        ):
            page.goto(path if path.startswith("http") else site.server.url + path)
            looks_right(page)


# The workflow, with two people on phones.


def test_two_people_on_phones_ask_approve_and_fulfill(site: Installation, browser: Browser) -> None:
    """User A asks; user B decides from the message with two taps; A is told; the stock room fulfills; everybody concerned is told."""
    with watched(browser, **PHONE) as asker, watched(browser, **SMALL) as approver, watched(browser, **PHONE) as stock_room:
        sign_in(approver, site, "bob")
        confirm_phone(approver, site, "+12025550111")
        approver.context.clear_cookies()  # the link works for somebody who is not signed in

        sign_in(asker, site, "testuser")
        asker.get_by_role("link", name="Request cable").tap()
        asker.get_by_label("Cable", exact=True).fill("Cat6")
        asker.get_by_label("Length").fill("100 ft")
        asker.get_by_label("Pieces").fill("2")
        asker.get_by_label("Location").fill("New office")
        asker.get_by_label("Approver").select_option("bob")
        asker.get_by_role("radio", name="High").tap()
        looks_right(asker)
        asker.get_by_role("button", name="Send request").last.tap()
        expect(asker.get_by_text("bob was asked by email and text message.")).to_be_visible()
        looks_right(asker)
        number = int(re.findall(r"/tickets/(\d+)", asker.url)[0])

        approver.goto("about:blank")
        text = sms_to(site, "+12025550111", "New office")
        assert "2 × Cat6" in text or "2 x Cat6" in text
        link = re.findall(r"https?://\S+", text)[-1]
        assert link == site.link("approve", number), "the text message has the email's link"
        assert approve_from_message(approver, link) <= MOST_TO_APPROVE
        expect(approver.get_by_text("2 × Cat6 100 ft")).to_be_visible()
        looks_right(approver)
        approver.goto(link)
        expect(approver.locator(".note")).to_contain_text("approved by bob")

        assert "approved" in site.email("test@example.com", number).lower()
        asker.reload()
        expect(asker.get_by_role("heading", name=f"Ticket {number}")).to_contain_text("Approved")
        expect(asker.locator("#history")).to_contain_text("bob approved the request")
        reserved = asker.locator('.ticket-items [data-label="Reserved"]')
        expect(reserved).to_have_text("2")

        sign_in(stock_room, site, "grace")
        stock_room.goto(f"{site.server.url}/tickets/list?tab=fulfill")
        stock_room.get_by_role("link", name=f"{number}", exact=False).first.tap()
        stock_room.get_by_role("button", name="Start work").tap()
        stock_room.get_by_role("button", name="Fulfill everything").tap()
        expect(stock_room.get_by_role("heading", name=f"Ticket {number}")).to_contain_text("Fulfilled")
        looks_right(stock_room)
        assert "cable is ready" in site.email("test@example.com", number, 2).lower()
        asker.reload()
        expect(asker.get_by_role("heading", name=f"Ticket {number}")).to_contain_text("Fulfilled")
        messages = asker.get_by_role("region", name="Messages")
        expect(messages).to_contain_text(re.compile(r"bob · Text message\s+(Sent|Delivered)"))
        looks_right(asker)
        asker.get_by_role("button", name="Close ticket").tap()
        expect(asker.get_by_role("heading", name=f"Ticket {number}")).to_contain_text("Closed")


def test_an_approver_who_cannot_be_reached_is_replaced_on_the_page(site: Installation, browser: Browser) -> None:
    options = ("--role", "staff", "--email", "nobody@example.com", "--password-stdin")
    site.server.run("users", "create", "nils", *options, typed=PASSWORD + "\n")
    number = site.created(assigned_to_id=site.id_of("nils"))["id"]
    with watched(browser, **PHONE) as page:
        sign_in(page, site, "testuser")

        def says_so() -> bool:
            page.goto(f"{site.server.url}/tickets/{number}")
            return page.get_by_text("nils could not be reached").count() == 1

        wait_until(says_so, within=60)
        looks_right(page)
        page.get_by_role("link", name="Send to somebody else").tap()
        page.get_by_label("Approver").select_option(label="bob")
        page.locator("#assign").get_by_role("button", name="Send request").tap()
        expect(page.get_by_text("The request was sent.")).to_be_visible()
        expect(page.get_by_text("nils could not be reached")).to_have_count(0)
        assert "/approve/" in site.email("bob@example.com", number)


def looks_right(page: Page) -> None:
    assert page.evaluate(OVERFLOW) == [0, []]
    assert page.evaluate(FAINT) == []
    assert page.evaluate(SMALL_TARGETS) == []


def sign_in(page: Page, site: Installation, name: str) -> None:
    page.goto(f"{site.server.url}/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").tap()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def confirm_phone(page: Page, site: Installation, number: str) -> None:
    """Enters the code that arrives by text message."""
    page.goto(f"{site.server.url}/me/notifications")
    page.get_by_role("textbox", name="Phone number").fill(number)
    page.get_by_role("button", name="Send code").tap()
    code = re.findall(r"\b\d{6}\b", sms_to(site, number, ""))[0]
    page.get_by_role("textbox", name="Code").fill(code)
    page.get_by_role("button", name="Confirm number").tap()
    expect(page.get_by_text("Text messages to you are sent there.")).to_be_visible()


def sms_to(site: Installation, number: str, containing: str) -> str:
    """The newest text message to the number with these words, when it has arrived."""

    def found() -> list[str]:
        return [each["body"] for each in list(site.sms.accepted) if each["to"] == number and containing in each["body"]]

    wait_until(lambda: bool(found()), within=30)
    return found()[-1]
