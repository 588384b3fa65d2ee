"""Which requests hold which places, what they answer when there are none, and that every place is left."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Event

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from request_tracker_utils.web import threads
from request_tracker_utils.web.auth import access_of, signed_in
from request_tracker_utils.web.body import streamed
from request_tracker_utils.web.places import Place
from request_tracker_utils.web.registry import registry_of
from request_tracker_utils.web.threads import Caller, Reserved, ThreadLimits
from tests.services.apps import WEBHOOK_TOKEN, csrf_token, token
from tests.services.local_server import wait_until
from tests.services.tables import check_all

EXPORT = "/students/export.csv"
ANYBODY = Caller("somebody else", "192.0.2.1")


def limits_of(app: Flask) -> ThreadLimits:
    return registry_of(app).get(ThreadLimits)


def call(app: Flask, path: str, headers: dict[str, str], method: str = "GET") -> Iterator[bytes]:
    """The body of the response, as a server gets it."""
    environ = EnvironBuilder(path=path, method=method, headers=headers).get_environ()
    body, status, _headers = run_wsgi_app(app.wsgi_app, environ)
    assert status.startswith("200"), status
    return body  # type: ignore[return-value]


def _hold_all(limits: ThreadLimits) -> list[Place]:
    held = [limits.places.take(limits.working(None, ANYBODY)[0][-1:]) for _ in range(limits.sizes.shared)]
    for place in held:
        place.since -= 60
    limits.places._may_wait = 0  # tests need not wait until others give up
    return held


def test_the_routes_with_places_of_their_own(app: Flask) -> None:
    found: dict[Reserved, set[str]] = {}
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if access is not None and access.reserved is not None:
            found.setdefault(access.reserved, set()).add(rule.rule)
    scans = {f"/api/scan/{action}" for action in ("resolve", "assign", "return", "undo", "recent")}
    assert found == {
        Reserved.SIGN_IN: {
            *("/sign-in", "/set-up/<key>", "/password/<key>", "/forgot-password"),
            *("/register", "/register/<key>", "/api/login", "/api/register"),
        },
        Reserved.WEBHOOK: {"/webhook/asset-created"},
        Reserved.SCAN: {*scans, "/students/scan", "/labels/scan"},
        Reserved.HEALTH: {"/api/health"},
        Reserved.REPORT: {"/webhooks/resend", "/webhooks/sendgrid", "/webhooks/twilio"},
        Reserved.PUSH: {f"/iclock/{name}{suffix}" for name in ("cdata", "getrequest", "devicecmd", "ping") for suffix in ("", ".aspx")},
    }


def test_without_shared_places_reserved_ones_go_on_and_others_say_what_to_do(own_app: Flask) -> None:
    client, staff = own_app.test_client(), token(own_app, "staff")
    form = {"csrf_token": csrf_token(client), "name": "ada", "password": "wrong password"}
    _hold_all(limits_of(own_app))

    def answers(method: str, path: str, headers: dict[str, str], status: int, **body: object) -> None:
        answer = client.open(path, method=method, headers=headers, **body)
        assert answer.status_code == status, answer.text

    hook = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}
    check_all(
        [
            ("GET", "/students/scan", staff, 200),
            ("GET", "/api/scan/recent", staff, 200),
            ("GET", "/api/health", {}, 200),
            ("GET", "/sign-in", {}, 200),
            ("GET", "/static/web/app.css", {}, 200),
            ("GET", "/students", staff, 503),
            ("GET", EXPORT, staff, 503),
            ("GET", "/metrics", {}, 503),
        ],
        answers,
    )
    answers("POST", "/sign-in", {}, 400, data=form)  # the password was checked
    answers("POST", "/webhook/asset-created", hook, 200, json={"asset_id": 17})
    answers("POST", "/api/scan/resolve", staff, 404, json={"code": "1001"})
    refused = client.get("/students", headers=staff)
    assert (refused.json["code"], refused.headers["Retry-After"]) == ("unavailable", "5")
    page = client.get("/password/x", headers={"Accept": "text/html"})
    assert page.status_code != 503  # a password link is a way to sign in


def test_addresses_of_one_household_count_as_one(own_app: Flask) -> None:
    def counted_as(address: str, same: str, *, is_same: bool) -> None:
        seen = []
        for each in (address, same):
            with own_app.test_request_context("/sign-in", environ_base={"REMOTE_ADDR": each}) as context:
                context.request.environ[threads._KEY] = held = threads.Held(limits_of(own_app).places)
                threads.enter(None, None)
                held.leave()
                seen.append(held.caller)
        assert (seen[0] == seen[1]) is is_same

    check_all(
        [
            ("2001:db8::1", "2001:db8::ffff:2", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("10.0.0.1", "::ffff:10.0.0.1", True),
            ("10.0.0.1", "10.0.0.2", False),
        ],
        lambda address, same, is_same: counted_as(address, same, is_same=is_same),
    )


def test_the_body_of_a_get_is_not_waited_for(own_app: Flask) -> None:
    class Never:
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("somebody waits for the body")

        readinto = readline = read

    def answers(path: str, headers: dict[str, str], method: str) -> None:
        builder = EnvironBuilder(path=path, method=method, headers=headers, content_type="application/x-www-form-urlencoded")
        environ = builder.get_environ() | {"CONTENT_LENGTH": "5000", "wsgi.input": Never()}
        body, status, _headers = run_wsgi_app(own_app.wsgi_app, environ)
        list(body)
        assert status.startswith("200"), status

    staff = token(own_app, "staff")
    rows = [("/api/health", {}), ("/sign-in", {}), ("/metrics", token(own_app, "admin")), ("/students/scan", staff), ("/students", staff)]
    check_all([(*row, method) for row in [*rows, (EXPORT, staff)] for method in ("GET", "HEAD", "OPTIONS")], answers)


def test_every_place_is_left_however_a_request_ends(own_app: Flask) -> None:
    places, staff = limits_of(own_app).places, token(own_app, "staff")
    client = own_app.test_client()

    def broken() -> Response:
        def chunks() -> Iterator[str]:
            yield "one"
            raise OSError("disk")

        return streamed(chunks(), mimetype="text/plain")

    def fails() -> Response:
        streamed(iter(["never sent"]), mimetype="text/plain")
        raise OSError("disk")

    for view in (broken, fails):
        own_app.add_url_rule(f"/{view.__name__}", view.__name__, signed_in(view))

    read = call(own_app, EXPORT, staff)
    assert places.held() == 2  # its thread and its stream
    assert b"".join(read).startswith(b"\xef\xbb\xbfstudent_id")
    assert places.held() == 0

    for hung_up in (call(own_app, EXPORT, staff), call(own_app, EXPORT, staff, "HEAD")):
        hung_up.close()  # type: ignore[attr-defined]
        assert places.held() == 0
    begun = call(own_app, EXPORT, staff)
    next(begun)
    begun.close()  # type: ignore[attr-defined]
    assert places.held() == 0

    with pytest.raises(OSError, match="disk"):
        list(call(own_app, "/broken", staff))
    assert places.held() == 0
    own_app.config["PROPAGATE_EXCEPTIONS"] = False
    failed = client.get("/fails", headers=staff)
    assert failed.status_code == 500
    failed.close()
    for path in ("/students", "/nowhere", "/api/students?x=y", "/sign-in", "/admin"):
        client.get(path, headers=staff)
    client.post("/sign-out", headers=staff, data={"a": "b"})
    client.post("/api/students", headers=staff, data="{", content_type="application/json")
    client.post("/students/import", headers=staff, data={"file": (BytesIO(b"x" * 2_000_000), "list.csv")})
    assert places.held() == 0


def test_downloads_of_one_account_and_of_all_are_limited(own_app: Flask) -> None:
    limits = limits_of(own_app)
    limit, per_account = limits.sizes.streams, (limits.sizes.streams + 1) // 2
    mine, others, third = (token(own_app, "staff") for _ in range(3))
    client, may_end = own_app.test_client(), Event()

    def download(headers: dict[str, str]) -> None:
        body = call(own_app, EXPORT, headers)
        next(body)
        may_end.wait(60)
        body.close()  # type: ignore[attr-defined]

    with ThreadPoolExecutor(limit) as pool:  # a request's context belongs to its thread
        try:
            running = [pool.submit(download, mine) for _ in range(per_account)]
            wait_until(lambda: limits.places.count("streams", "") == per_account)
            own = client.get(EXPORT, headers=mine)
            assert (own.status_code, own.json["code"], "cancel them" in own.json["error"]) == (429, "too_many_requests", True)
            running += [pool.submit(download, others) for _ in range(limit - per_account)]
            wait_until(lambda: limits.places.count("streams", "") == limit)
            full = client.get(EXPORT, headers=third)
            assert (full.status_code, full.json["code"], full.headers["Retry-After"]) == (503, "unavailable", "60")
            assert client.get("/students", headers=third).status_code == 200
        finally:
            may_end.set()
        for each in running:
            each.result(60)
    assert limits.places.held() == 0
    assert client.get(EXPORT, headers=third).status_code == 200


def test_files_and_streams_without_a_place_are_sent_in_one_piece(own_app: Flask, client: FlaskClient) -> None:
    """The server takes one chunk from the thread at once, however slowly the client reads it."""
    own_app.add_url_rule("/many", "many", signed_in(lambda: Response(iter(["one", "two"]))))
    staff = token(own_app, "staff")
    sizes = [len(list(call(own_app, path, staff))) for path in ("/many", "/bootstrap/static/css/bootstrap.min.css")]
    assert sizes == [1, 1]
    assert len(client.get("/bootstrap/static/css/bootstrap.min.css").data) > 200_000
