"""People of Request Tracker: whose account a user of it is, and what its tokens open here."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask

from request_tracker_utils.accounts import service
from request_tracker_utils.accounts.models import LoginKind, key_hash
from request_tracker_utils.accounts.rt_tokens import INVALID_TTL, MAX_REJECTED, VALID_TTL, RtIdentity, RtTokens, rt_user_named
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.web.registry import registry_of
from tests.functional.accounts.records import account, made, recorded
from tests.services.apps import make_app, user
from tests.services.clocks import MonotonicClock
from tests.services.local_server import Reply
from tests.services.people import Person, errors_in, text_of, token_in
from tests.services.proxy import Proxy, answers, nobody_there
from tests.services.request_tracker import RequestTracker

pytestmark = pytest.mark.rt
STUDENT, REVOKED = "student1004", "student1005"


@pytest.fixture
def line(request_tracker: RequestTracker) -> Iterator[Proxy]:
    """Between this program and Request Tracker."""
    with Proxy(request_tracker.url) as line:
        yield line


@pytest.fixture
def settings(request_tracker: RequestTracker, line: Proxy, database_url: str) -> dict[str, str]:
    return {"database_url": database_url, "rt_url": line.url, "rt_token": request_tracker.token, "rt_timeout": "30"}


@pytest.fixture
def app(settings: dict[str, str], tmp_path: Path) -> Iterator[Flask]:
    """Nobody of Request Tracker is let in without an account."""
    app = make_app(tmp_path, **settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def open_app(settings: dict[str, str], tmp_path: Path) -> Iterator[Flask]:
    """Privileged users of Request Tracker are staff."""
    app = make_app(tmp_path, **settings, rt_privileged_role="staff")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def students_token(request_tracker: RequestTracker) -> str:
    """Of a user who is not privileged."""
    return request_tracker.new_token(STUDENT)


@pytest.fixture
def clock(app: Flask) -> MonotonicClock:
    clock = MonotonicClock()
    registry_of(app).provide(RtTokens, RtTokens(registry_of(app).get(RtTokens).users, clock=clock))
    return clock


def call(app: Flask, token: str, path: str = "/me", scheme: str = "token"):  # type: ignore[no-untyped-def]
    return Person(app).get(path, headers={"Authorization": f"{scheme} {token}"})


def link(app: Flask, name: str, rt_user: str) -> None:
    with app.app_context():
        found = rt_user_named(registry_of(app).find(RtTokens), rt_user)
        with transaction() as session:
            service.link_rt_user(session, service.user_named(session, name), found, actor=of_command(), now=utc_now())


def set_active(app: Flask, name: str, active: bool) -> None:
    act = service.activate if active else service.deactivate
    with app.app_context(), transaction() as session:
        act(session, service.user_named(session, name), actor=of_command(), now=utc_now())


def test_an_account_is_linked_by_name_or_number_and_unlinked(request_tracker: RequestTracker, app: Flask) -> None:
    bob, ada = made(app, "staff", "bob"), Person(app, user(app, "admin", "ada"))
    page = f"/admin/people/{bob}"
    number = request_tracker.clerks_token.split("-")[1]
    for wanted in ("CLERK", " clerk ", number):
        assert ada.submit(f"{page}/rt-user", rt_user=wanted).status_code == 303
        assert (account(app, "bob").rt_user_id, account(app, "bob").rt_user_name) == (int(number), "clerk")
    assert recorded(app, LoginKind.CHANGED)[-1].detail == f"linked to clerk (#{number}) in Request Tracker by ada"
    assert 'value="clerk"' in ada.read(page)
    assert ">bob</a>" in ada.read("/admin/people?q=cleR")
    assert ada.submit(f"{page}/rt-user", rt_user=" ").status_code == 303
    assert (account(app, "bob").rt_user_id, account(app, "bob").rt_user_name) == (None, None)


def test_a_request_tracker_user_is_linked_to_one_account_only(app: Flask) -> None:
    made(app, "staff", "bob")
    carol, ada = made(app, "staff", "carol"), Person(app, user(app, "admin", "ada"))
    link(app, "bob", "clerk")
    answer = ada.submit(f"/admin/people/{carol}/rt-user", rt_user="clerk")
    assert (answer.status_code, list(errors_in(answer))) == (409, ["rt_user"])
    assert account(app, "carol").rt_user_id is None
    assert account(app, "bob").rt_user_name == "clerk"


def test_an_unknown_request_tracker_user_is_an_error_of_the_field(line: Proxy, app: Flask) -> None:
    bob, ada = made(app, "staff", "bob"), Person(app, user(app, "admin", "ada"))
    for wanted, status in (("nobody-there", 404), ("9" * 9, 404), ("../root", 404), ("x" * 201, 400), ("9" * 5_000, 400)):
        answer = ada.submit(f"/admin/people/{bob}/rt-user", rt_user=wanted)
        assert (answer.status_code, list(errors_in(answer))) == (status, ["rt_user"]), wanted
    with line.meddling(nobody_there):
        answer = ada.submit(f"/admin/people/{bob}/rt-user", rt_user="clerk")
        assert (answer.status_code, "Request Tracker" in errors_in(answer)[""]) == (503, True)
    assert account(app, "bob").rt_user_id is None


def test_request_tracker_users_without_an_account_or_role_are_denied(
    request_tracker: RequestTracker, app: Flask, students_token: str
) -> None:
    for token in (request_tracker.token, request_tracker.clerks_token, students_token):
        answer = call(app, token)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert len(recorded(app, LoginKind.TOKEN_REFUSED)) == 1


def test_privileged_users_have_the_role_that_is_set_for_them_and_others_none(
    request_tracker: RequestTracker, open_app: Flask, students_token: str
) -> None:
    for scheme in ("token", "Bearer"):
        assert call(open_app, request_tracker.clerks_token, "/assets/create", scheme).status_code == 200
    assert call(open_app, request_tracker.clerks_token, "/admin/people").status_code == 403
    assert call(open_app, students_token, "/assets/create").status_code == 401
    (used,) = recorded(open_app, LoginKind.TOKEN_USED)
    assert (used.name, used.user_id) == ("clerk (Request Tracker)", None)


def test_the_own_page_explains_a_missing_account(request_tracker: RequestTracker, open_app: Flask) -> None:
    answer = call(open_app, request_tracker.clerks_token)
    assert (answer.status_code, "You have an account in Request Tracker only" in answer.json["error"]) == (403, True)


def test_long_request_tracker_names_are_accepted(request_tracker: RequestTracker, open_app: Flask) -> None:
    name = f"head.of.{'long.' * 30}names.{uuid4().hex}"
    made = request_tracker.rest("POST", "user", json={"Name": name, "Privileged": 1, "EmailAddress": f"{uuid4().hex}@rt.test"})
    assert made.status_code == 201, made.text
    assert call(open_app, request_tracker.new_token(name), "/assets/create").status_code == 200
    (used,) = recorded(open_app, LoginKind.TOKEN_USED)
    assert used.name == f"{name} (Request Tracker)"[:100]


def test_a_linked_user_is_the_account_and_has_its_role(request_tracker: RequestTracker, open_app: Flask, students_token: str) -> None:
    for name, role, rt_user, token in (
        ("ada", "admin", STUDENT, students_token),
        ("bob", "teacher", "clerk", request_tracker.clerks_token),
    ):
        user(open_app, role, name)
        link(open_app, name, rt_user)
        answer = call(open_app, token)
        assert (answer.status_code, f'<h2 id="account-title">{name}</h2>' in text_of(answer)) == (200, True)
    assert call(open_app, students_token, "/admin/people").status_code == 200
    assert call(open_app, request_tracker.clerks_token, "/admin/people").status_code == 403


def test_a_deactivated_linked_account_is_denied(request_tracker: RequestTracker, open_app: Flask) -> None:
    user(open_app, "staff", "bob")
    link(open_app, "bob", "clerk")
    assert call(open_app, request_tracker.clerks_token).status_code == 200
    set_active(open_app, "bob", False)
    assert call(open_app, request_tracker.clerks_token).status_code == 401
    set_active(open_app, "bob", True)
    assert call(open_app, request_tracker.clerks_token).status_code == 200


def test_accounts_are_not_linked_by_equal_names(request_tracker: RequestTracker, app: Flask, open_app: Flask) -> None:
    user(app, "admin", "clerk")
    assert call(app, request_tracker.clerks_token).status_code == 401
    assert call(open_app, request_tracker.clerks_token, "/admin/people").status_code == 403
    assert call(open_app, request_tracker.clerks_token).status_code == 403


def test_answers_are_cached_and_a_revoked_token_expires_with_them(
    request_tracker: RequestTracker, line: Proxy, app: Flask, clock: MonotonicClock
) -> None:
    token = request_tracker.new_token(REVOKED)
    user(app, "staff", "bob")
    link(app, "bob", REVOKED)
    before = len(line.calls)
    assert [call(app, token).status_code for _ in range(3)] == [200, 200, 200]
    assert len(line.calls) == before + 1
    request_tracker.revoke_tokens(REVOKED)
    clock.now += VALID_TTL - 1
    assert call(app, token).status_code == 200
    clock.now += 2
    assert call(app, token).status_code == 401


def test_a_bad_token_is_remembered_for_a_shorter_while(
    request_tracker: RequestTracker, line: Proxy, app: Flask, clock: MonotonicClock
) -> None:
    bad = request_tracker.clerks_token[:-1] + ("a" if request_tracker.clerks_token[-1] != "a" else "b")
    assert [call(app, bad).status_code for _ in range(3)] == [401, 401, 401]
    assert len(line.calls) == 1
    clock.now += INVALID_TTL + 1
    assert call(app, bad).status_code == 401
    assert len(line.calls) == 2


def test_the_cache_contains_no_token(request_tracker: RequestTracker, app: Flask) -> None:
    user(app, "staff", "bob")
    link(app, "bob", "clerk")
    call(app, request_tracker.clerks_token)
    kept = registry_of(app).get(RtTokens)._valid
    assert list(kept) == [key_hash(request_tracker.clerks_token)]
    ((_, identity),) = kept.values()
    assert identity == RtIdentity(int(request_tracker.clerks_token.split("-")[1]), "clerk", True)
    assert request_tracker.clerks_token.rsplit("-", 1)[1] not in str([vars(event) for event in recorded(app)])


def test_a_network_that_shows_many_bad_tokens_waits_and_request_tracker_is_not_asked(
    request_tracker: RequestTracker, line: Proxy, app: Flask, clock: MonotonicClock
) -> None:
    user(app, "staff", "bob")
    link(app, "bob", "clerk")
    asked = len(line.calls)
    statuses = [call(app, f"1-{number}-0123456789abcdef").status_code for number in range(1, MAX_REJECTED + 6)]
    assert statuses == [401] * MAX_REJECTED + [429] * 5
    assert len(line.calls) - asked == MAX_REJECTED
    elsewhere = Person(app, address="198.51.100.4").get("/me", headers={"Authorization": f"token {request_tracker.clerks_token}"})
    assert elsewhere.status_code == 200
    clock.now += INVALID_TTL + 1
    assert call(app, request_tracker.clerks_token).status_code == 200


def test_when_request_tracker_is_down_its_tokens_are_answered_so_and_ours_work(
    request_tracker: RequestTracker, line: Proxy, app: Flask
) -> None:
    bob = Person(app, user(app, "staff", "bob"))
    link(app, "bob", "clerk")
    own = token_in(bob.submit("/me/tokens", label="own", expires="30"))
    with line.meddling(nobody_there):
        answer = call(app, request_tracker.clerks_token)
        assert (answer.status_code, answer.json["code"] != "unauthenticated") == (503, True)
        assert call(app, own, scheme="Bearer").status_code == 200
        assert bob.is_signed_in()
    assert call(app, request_tracker.clerks_token).status_code == 200  # the bad minute was not remembered


HTML = {"Content-Type": "text/html"}
NONSENSE = [
    *(Reply(b"<html>Sign in, or somewhere else</html>", status, HTML) for status in (200, 403, 404, 500, 503)),
    Reply({"message": "Internal error"}, 500),
    Reply(b"", 503),
    Reply(b"", 302, {"Location": "https://sso.example.org/"}),
    Reply(b"[]", 200, {"Content-Type": "application/json"}),
    Reply({}, 200),
]


def test_an_invalid_answer_does_not_reject_the_token(request_tracker: RequestTracker, line: Proxy, app: Flask) -> None:
    user(app, "staff", "bob")
    link(app, "bob", "clerk")
    for reply in NONSENSE:
        with line.meddling(answers(reply)):
            assert call(app, request_tracker.clerks_token).status_code in (502, 503), reply
    assert call(app, request_tracker.clerks_token).status_code == 200
    assert recorded(app, LoginKind.TOKEN_REFUSED) == []


def test_an_answer_for_another_user_is_rejected(request_tracker: RequestTracker, line: Proxy, open_app: Flask) -> None:
    root = request_tracker.rest("GET", f"user/{request_tracker.token.split('-')[1]}").json()
    with line.meddling(answers(Reply(root))):
        assert call(open_app, request_tracker.clerks_token, "/assets/create").status_code == 401


def test_what_has_not_the_form_of_a_token_never_reaches_request_tracker(request_tracker: RequestTracker, line: Proxy, app: Flask) -> None:
    good = request_tracker.clerks_token
    secret = good.rsplit("-", 1)[1]
    for bad in (
        "1-",
        "1-14-",
        "1-0-" + secret,
        "1-14-short",
        "1-14-" + secret + "é",
        f"{good}\tx",
        f"{good}/../../ticket/1",
        f"{good}?x=1",
        f"1-{'9' * 11}-{secret}",
        f"1--1-{secret}",
        "1-14-" + "a" * 100_000,
        f"2-14-{secret}",
    ):
        assert call(app, bad).status_code == 401, bad[:60]
    assert line.calls == []
