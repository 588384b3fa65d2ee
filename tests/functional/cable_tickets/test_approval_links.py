"""What the links in messages do: as pages and as JSON, once, and only for their approver."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from request_tracker_utils.cable_tickets import approvers
from request_tracker_utils.cable_tickets.approval_links import Decision
from request_tracker_utils.cable_tickets.archiving import archive, purge, restore
from request_tracker_utils.cable_tickets.fields import Item
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.cable_tickets.steps import step
from request_tracker_utils.web.registry import registry_of
from tests.services.approving import CABLE, absent, changed, changing, events, id_of, path_to, requested, ticket
from tests.services.apps import signed_in, user
from tests.services.messages import stored_messages
from tests.services.tables import check_all

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
REJECT = Decision.REJECT


@pytest.fixture(autouse=True)
def people(app: Flask) -> None:
    for name in ("ada", "grace", "linus", "bob"):
        user(app, "staff", name, email=f"{name}@example.org")


def new(app: Flask, to: str = "grace", *items: Item, by: str = "ada", **fields: object) -> int:
    with app.app_context():
        return requested(by, to, *items, now=fields.pop("now", datetime.now(UTC)), **fields)  # type: ignore[arg-type]


def link(app: Flask, number: int, name: str = "grace", decision: Decision = Decision.APPROVE) -> str:
    with app.app_context():
        return path_to(number, name, decision)


def status(app: Flask, number: int) -> str:
    with app.app_context():
        return ticket(number).status


def history(app: Flask, number: int) -> list[tuple[str, str]]:
    with app.app_context():
        return events(number)


def page(answer: TestResponse) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def setting(app: Flask, **settings: object) -> None:
    registry_of(app).settings = registry_of(app).settings.model_copy(update=settings)


def test_a_link_shows_the_ticket_and_its_button_approves_it(app: Flask, client: FlaskClient) -> None:
    number = new(app, "grace", CABLE, Item("Cat6", "50 ft", "23AWG", 3), location="Building A", notes="For the lab")
    for path in (link(app, number), link(app, number).removeprefix("/api")):
        shown = client.get(path, headers=HTML)
        assert (shown.status_code, shown.mimetype) == (200, "text/html")
        text = page(shown)
        for part in (
            "ada requests:",
            "1 × Cat6 100 ft",
            "3 × Cat6 50 ft",
            "23AWG",
            "Building A",
            "For the lab",
            "grace",
            ">Approve request</button>",
        ):
            assert part in text
        assert text.count('<button class="btn btn-primary') == 1
        assert "/sign-out" not in text
        assert shown.headers["Cache-Control"] == "no-store"
        assert shown.headers.getlist("Referrer-Policy") == ["no-referrer"]
    done = client.post(path, headers=HTML)
    assert done.status_code == 200
    assert f"Ticket {number} was approved." in page(done)
    assert status(app, number) == "approved"
    assert history(app, number)[-1] == ("approved", "grace")
    again = client.post(path, headers=HTML)
    assert again.status_code == 410
    assert re.search(rf"Ticket {number} was approved by grace on \d{{4}}-\d\d-\d\d \d\d:\d\d\.", page(again))


def test_programs_get_json(app: Flask, client: FlaskClient) -> None:
    number = new(app, location="Building A")
    for path in (link(app, number), link(app, number).removeprefix("/api")):
        shown = client.get(path)
        assert shown.json["created_by"] == "ada"
        assert shown.json["items"] == [{"cable_type": "Cat6", "cable_length": "100 ft", "cable_gauge": "", "quantity": 1}]
        assert (shown.json["approver"], shown.json["status"]) == ("grace", "pending_approval")
        assert shown.headers["Cache-Control"] == "no-store"
        assert shown.headers.getlist("Referrer-Policy") == ["no-referrer"]
    done = client.post(path)
    assert (done.status_code, done.json["message"]) == (200, f"Ticket {number} was approved.")
    assert (done.json["ticket"]["status"], done.json["ticket"]["decided_by"]) == ("approved", "grace")
    for answer in (client.post(path), client.get(path), client.get(path.replace("approve", "reject"))):
        assert (answer.status_code, answer.json["code"]) == (410, "approval_link_closed")
        assert {name: answer.json[name] for name in ("link_state", "status_now", "decided_by")} == {
            "link_state": "decided",
            "status_now": "approved",
            "decided_by": "grace",
        }
        assert answer.json["decided_at"] == done.json["ticket"]["decided_at"]


def test_a_rejection_asks_for_its_reason(app: Flask, client: FlaskClient) -> None:
    for number, (given, reason) in enumerate(
        [
            ({"json": {"reason": " Not in the budget "}}, "Not in the budget"),
            ({"data": {"reason": "Ask <b>Bob</b> 🧵"}}, "Ask <b>Bob</b> 🧵"),
            ({"data": {"quick": "Not needed"}}, "Not needed"),
            ({"data": {"quick": "Not needed", "reason": "Typed"}}, "Typed"),
        ],
        1,
    ):
        path = link(app, new(app), decision=REJECT)
        shown = page(client.get(path, headers=HTML))
        assert "Reject this request?" in shown
        assert 'name="quick" value="Not needed"' in shown
        for empty in ({}, {"json": {}}, {"json": {"reason": " "}}, {"data": {"reason": "\n"}}, {"json": {"reason": "x" * 1001}}):
            refused = client.post(path, **empty)
            assert (refused.status_code, refused.json["code"], refused.json["field"]) == (400, "invalid_ticket_field", "reason")
        assert client.post(path, json={"reason": 7}).status_code == 400
        assert client.post(path, json=[1]).status_code == 400
        again = client.post(path, data={"reason": ""}, headers=HTML)
        assert (again.status_code, "Enter a reason" in page(again)) == (400, True)
        assert client.post(path, headers=HTML, **given).status_code == 200
        with app.app_context():
            assert (ticket(number).status, ticket(number).rejection_reason) == ("rejected", reason)
        used = client.get(path)
        assert (used.status_code, used.json["error"].endswith(f"Reason: {reason}")) == (410, True)
        assert reason.replace("<", "&lt;").replace(">", "&gt;") in page(client.get(path, headers=HTML))


def test_invalid_tokens_reveal_nothing_about_the_ticket(app: Flask, client: FlaskClient) -> None:
    number, other = new(app, location="Vault 7"), new(app, "linus")
    token = link(app, number).rpartition("/")[2]
    last = "A" if token[-1] != "A" else "B"
    paths = {
        "of another ticket": f"/api/tickets/{other}/approve/{token}",
        "half": f"/api/tickets/{number}/approve/{token[:14]}",
        "twice": f"/api/tickets/{number}/approve/{token}{token}",
        "one letter wrong": f"/api/tickets/{number}/approve/{token[:-1]}{last}",
        "in lower case": f"/api/tickets/{number}/approve/{token.lower()}",
        "of a later revision": f"/api/tickets/{number}/approve/AAAJ{token[4:]}",
        "no ticket": f"/api/tickets/999/approve/{token}",
        "ticket 0": f"/api/tickets/0/approve/{token}",
        "huge ticket": f"/api/tickets/{2**80}/approve/{token}",
        "emoji": f"/api/tickets/{number}/approve/🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵",
        "other alphabet": f"/api/tickets/{number}/approve/{'+' * 28}",
        "long": f"/api/tickets/{number}/approve/{'A' * 5000}",
    }
    answers = {(answer.status_code, answer.get_data()) for path in paths.values() for answer in (client.get(path), client.post(path))}
    assert len(answers) == 1, "all are the same"
    assert answers.pop()[0] == 404
    shown = client.get(paths["of another ticket"], headers=HTML)
    assert (shown.status_code, "Vault" in page(shown), shown.headers["Cache-Control"]) == (404, False, "no-store")
    for path in (f"/api/tickets/x/approve/{token}", f"/api/tickets/-1/approve/{token}", f"/api/tickets/{number}/delete/{token}"):
        assert client.get(path).status_code == 404
    assert (status(app, number), status(app, other)) == ("pending_approval", "pending_approval")


def test_fifty_gets_and_heads_change_nothing(app: Flask, client: FlaskClient) -> None:
    number = new(app)
    before, messages = history(app, number), len(stored_messages(app))
    for path in (link(app, number), link(app, number, decision=REJECT)):
        for accept in ({}, HTML):
            for _ in range(13):
                assert client.get(path, headers=accept).status_code == 200
                assert client.head(path, headers=accept).status_code == 200
    assert (status(app, number), history(app, number), len(stored_messages(app))) == ("pending_approval", before, messages)
    assert client.put(path).status_code == 405


def test_links_die_with_what_happens_to_the_ticket_and_say_so(app: Flask, client: FlaskClient) -> None:
    def dead(what: str, state: str, words: str) -> None:
        number = new(app)
        path = link(app, number)
        with app.app_context():
            linus = id_of("linus")
            with changing("ada", now=datetime.now(UTC)) as change:
                found = change.locked(number)
                if what == "decided elsewhere":
                    step(change, found, TicketStatus.APPROVED)
                elif what == "reassigned":
                    found.revision += 1
                    approvers.ask(change, found, linus)
                elif what == "edited":
                    found.revision += 1
                    approvers.ask_again(change, found)
                elif what == "archived":
                    archive(change, found)
                elif what == "restored":
                    archive(change, found)
                    restore(change, found)
        for answer in (client.get(path), client.post(path), client.post(path.replace("approve", "reject"), json={"reason": "No"})):
            assert (answer.status_code, answer.json["link_state"]) == (410, state)
            assert words in answer.json["error"]
        assert words in page(client.get(path, headers=HTML))
        assert (status(app, number) == "approved") == (what == "decided elsewhere")

    check_all(
        [
            ("decided elsewhere", "decided", "was approved by ada on"),
            ("reassigned", "reassigned", "was reassigned to somebody else"),
            ("edited", "replaced", "Use the link in the newest message"),
            ("archived", "archived", "was archived"),
            ("restored", "replaced", "Use the link in the newest message"),
        ],
        dead,
    )


def test_the_new_link_works_where_the_old_one_is_dead(app: Flask, client: FlaskClient) -> None:
    number = new(app)
    old = link(app, number)
    with app.app_context(), changing("ada", now=datetime.now(UTC)) as change:
        found = change.locked(number)
        found.revision += 1
        approvers.ask_again(change, found)
    assert link(app, number) != old
    assert client.post(old).status_code == 410
    assert client.post(link(app, number)).status_code == 200


def test_a_purged_ticket_leaves_no_link(app: Flask, client: FlaskClient) -> None:
    user(app, "admin", "root")
    number = new(app)
    path = link(app, number)
    with app.app_context(), changing("root") as change:
        archive(change, change.locked(number))
        purge(change, change.locked(number, archived=True))
    assert client.post(path).json["code"] == "unknown_approval_link"
    again = new(app)
    assert client.post(path.replace(f"/{number}/", f"/{again}/")).status_code == 404, "SQLite assigns the id again"


def test_links_expire(app: Flask, client: FlaskClient) -> None:
    setting(app, approval_link_days=14)
    asked = {"in time": -timedelta(days=13, hours=23), "late": -timedelta(days=14), "clock set back": timedelta(days=1)}
    found = {}
    for name, since in asked.items():
        number = new(app, now=datetime.now(UTC) + since)
        answer = client.get(link(app, number))
        found[name] = answer.json.get("link_state", answer.json.get("status"))
        if found[name] == "expired":
            assert "has expired. Sign in" in answer.json["error"]
            assert client.post(link(app, number)).status_code == 410
            assert status(app, number) == "pending_approval"
    assert found == {"in time": "pending_approval", "late": "expired", "clock set back": "expired"}


def test_it_acts_as_the_approver_of_the_token_whoever_is_signed_in(app: Flask) -> None:
    admin = signed_in(app, "admin", "root")
    with admin.session_transaction() as cookie:
        cookie["_flashes"] = [("success", "A message for root")]
    number = new(app)
    shown = page(admin.get(link(app, number), headers=HTML))
    assert ("root" in shown, ">grace<" in shown) == (False, True)
    assert admin.post(link(app, number), headers={"Authorization": "Bearer wrong"}).status_code == 200
    assert history(app, number)[-1] == ("approved", "grace")
    assert "A message for root" in page(admin.get("/", headers=HTML)), "it was not used up"


def test_a_substitute_has_a_link_of_their_own(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        absent("grace", "bob", datetime.now(UTC).date() - timedelta(days=1), datetime.now(UTC).date() + timedelta(days=1))
    number = new(app)
    assert link(app, number) != link(app, number, "bob")
    assert client.get(link(app, number, "bob")).json["approver"] == "bob for grace"
    assert "bob for grace" in page(client.get(link(app, number, "bob"), headers=HTML))
    assert client.post(link(app, number, "bob")).json["ticket"]["decided_by"] == "bob for grace"
    assert history(app, number)[-1] == ("approved", "bob for grace")
    assert "was approved by bob for grace" in client.post(link(app, number)).json["error"]


def test_people_who_may_not_decide_any_more_learn_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        absent("linus", "bob", datetime.now(UTC).date() - timedelta(days=1), datetime.now(UTC).date() + timedelta(days=1))

    def refused(approver: str, to: str, who: str, columns: dict[str, object]) -> None:
        number = new(app, to, location="Vault 7")
        path = link(app, number, approver)
        with app.app_context():
            before = {"active": True, "role": "staff"}
            changed(who, **columns)
            answers = [client.get(path), client.post(path)]
            shown = page(client.get(path, headers=HTML))
            changed(who, **before)
        for answer in answers:
            assert (answer.status_code, answer.json["link_state"]) == (410, "deactivated")
            assert set(answer.json) == {"error", "code", "link_state"}
        assert "Vault" not in shown
        assert status(app, number) == "pending_approval"
        assert client.post(path).status_code == 200, "active again"

    check_all(
        [
            ("grace", "grace", "grace", {"active": False}),
            ("grace", "grace", "grace", {"role": "student"}),
            ("bob", "linus", "linus", {"active": False}),
            ("bob", "linus", "linus", {"role": "student"}),
            ("bob", "linus", "bob", {"active": False}),
        ],
        refused,
    )


def test_an_approver_who_has_become_the_creator_does_not_decide(app: Flask, client: FlaskClient) -> None:
    number = new(app)
    path = link(app, number)
    with app.app_context():
        grace = id_of("grace")
        with changing("ada") as change:
            change.locked(number).created_by_id = grace
    answer = client.post(path)
    assert (answer.status_code, answer.json["code"]) == (403, "not_your_step")
    with app.app_context():
        changed("grace", role="admin")
    assert client.post(path).status_code == 200, "administrators excepted"


def test_by_get_only_if_the_setting_says_so_and_never_by_head_or_prefetch(app: Flask, client: FlaskClient) -> None:
    setting(app, approve_by_get=True)
    number = new(app)
    path = link(app, number)
    assert client.head(path).status_code == 200
    previews = {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender", "X-Moz": "prefetch", "X-Purpose": "preview"}
    for name, value in previews.items():
        assert client.get(path, headers={name: value, **HTML}).status_code == 200
    assert client.get(path.replace("approve", "reject"), headers=HTML).status_code == 200
    assert status(app, number) == "pending_approval"
    assert f"Ticket {number} was approved" in page(client.get(path, headers=HTML))
    assert history(app, number)[-1] == ("approved", "grace")


def test_notes_are_shown_as_they_were_written(app: Flask, client: FlaskClient) -> None:
    notes = "<script>alert(1)</script> 🧵 " + "x" * 9_900
    number = new(app, notes=notes, location="<b>here</b>")
    shown = client.get(link(app, number), headers=HTML).get_data(as_text=True)
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 🧵 " + "x" * 9_900 in shown
    assert "<b>here" not in shown
    assert client.get(link(app, number)).json["notes"] == notes


def test_a_body_is_small(app: Flask, client: FlaskClient) -> None:
    path = link(app, new(app), decision=REJECT)
    assert client.post(path, json={"reason": "x" * 100_000}).status_code == 413


def test_the_log_has_the_route_of_a_fault_and_not_the_token(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("broken")

    caplog.set_level("DEBUG")
    path = link(app, new(app))
    token = path.rpartition("/")[2]
    assert client.get(path).status_code == 200
    monkeypatch.setattr("request_tracker_utils.cable_tickets.approvals.decide", broken)
    failed = client.post(path)
    assert (failed.status_code, token in failed.get_data(as_text=True)) == (500, False)
    assert "approve/<token>" in caplog.text
    assert token not in caplog.text
