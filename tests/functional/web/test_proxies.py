"""Who really calls: headers of proxies are believed where the settings say so, and nowhere else."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from request_tracker_utils.core.db import reading
from request_tracker_utils.core.settings import SettingsError, load_settings
from request_tracker_utils.web.auth import public
from tests.services.apps import PASSWORD, csrf_token, make_app, migrate

PROXY, OTHER_PROXY, CALLER, LIE = "10.0.0.5", "192.168.3.9", "203.0.113.7", "198.51.100.1"
PAGE = {"Accept": "text/html"}


@pytest.fixture
def behind_proxies(tmp_path: Path, database_url: str) -> Flask:
    app = make_app(tmp_path, database_url=database_url, trusted_proxies=f"{PROXY}, 192.168.0.0/16, fd00::/8")
    migrate(app)
    return app


def caller(app: Flask, *, proxy: str, **headers: str) -> tuple[str, str, str]:
    """Address, scheme and host, as the program sees them."""

    @public("test")
    def seen() -> str:
        from flask import request

        return f"{request.remote_addr} {request.scheme} {request.host}"

    app.add_url_rule("/seen", "seen", seen)
    named = {f"X-Forwarded-{name.title()}": value for name, value in headers.items()}
    address, scheme, host = app.test_client().get("/seen", headers=named, environ_base={"REMOTE_ADDR": proxy}).text.split()
    return address, scheme, host


@pytest.mark.parametrize(
    ("heard", "address"),
    [
        (CALLER, CALLER),
        (f"{LIE}, {CALLER}", CALLER),
        (f"{CALLER}, {OTHER_PROXY}", CALLER),
        (f"{LIE}, {CALLER}, {OTHER_PROXY}", CALLER),
        (f"{CALLER}:51234", CALLER),
        ("[2001:db8::7]:51234", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        (f"::ffff:{CALLER}", CALLER),
        (f"{LIE}, unknown", "unknown"),
        (f"{LIE}, <script>", "unknown"),
        (f"{LIE}, unknown, {OTHER_PROXY}", "unknown"),
        ("", "unknown"),
        (",,", "unknown"),
    ],
)
def test_the_caller_is_who_the_nearest_trusted_proxies_heard(behind_proxies: Flask, heard: str, address: str) -> None:
    assert caller(behind_proxies, proxy=PROXY, **{"for": heard})[0] == address


def test_a_call_of_the_proxy_itself_is_the_proxys(behind_proxies: Flask) -> None:
    assert caller(behind_proxies, proxy=PROXY)[0] == PROXY


def test_scheme_and_host_come_from_the_proxy(behind_proxies: Flask) -> None:
    seen = caller(behind_proxies, proxy=PROXY, **{"for": CALLER, "proto": "https", "host": "assets.example.org"})
    assert seen == (CALLER, "https", "assets.example.org")


@pytest.mark.parametrize("proto", ["ftp", "javascript", "", "https://x"])
def test_an_invalid_scheme_is_ignored(behind_proxies: Flask, proto: str) -> None:
    assert caller(behind_proxies, proxy=PROXY, **{"for": CALLER, "proto": proto})[1] == "http"


def test_ipv4_by_ipv6_is_the_same_proxy(behind_proxies: Flask) -> None:
    assert caller(behind_proxies, proxy=f"::ffff:{PROXY}", **{"for": CALLER})[0] == CALLER


def test_headers_of_untrusted_proxies_are_ignored(behind_proxies: Flask) -> None:
    seen = caller(behind_proxies, proxy=LIE, **{"for": CALLER, "proto": "https", "host": "evil.example"})
    assert seen == (LIE, "http", "localhost")


def test_without_trusted_proxies_all_headers_are_ignored(own_app: Flask) -> None:
    assert caller(own_app, proxy=PROXY, **{"for": CALLER, "proto": "https", "host": "evil.example"}) == (PROXY, "http", "localhost")


def test_login_events_have_the_callers_address(behind_proxies: Flask) -> None:
    client = behind_proxies.test_client()
    form = {"name": "nobody", "password": PASSWORD, "csrf_token": csrf_token(client)}
    for proxy in (PROXY, LIE):
        client.post("/sign-in", data=form, headers={**PAGE, "X-Forwarded-For": CALLER}, environ_base={"REMOTE_ADDR": proxy})
    with behind_proxies.app_context(), reading() as session:
        assert session.execute(text("SELECT address FROM login_events ORDER BY id")).scalars().all() == [CALLER, LIE]


def test_behind_tls_hsts_is_sent_and_the_cookie_is_secure(behind_proxies: Flask) -> None:
    by_tls = {"X-Forwarded-For": CALLER, "X-Forwarded-Proto": "https"}
    answer = behind_proxies.test_client().get("/sign-in", headers=by_tls, environ_base={"REMOTE_ADDR": PROXY})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Secure" in answer.headers["Set-Cookie"]
    answer = behind_proxies.test_client().get("/sign-in", environ_base={"REMOTE_ADDR": PROXY})
    assert "Strict-Transport-Security" not in answer.headers
    assert "Secure" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("value", ["10.0.0.300", "10.0.0.5/8", "proxy.example.org", "10.0.0.5; 10.0.0.6"])
def test_invalid_networks_are_reported_at_startup(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        load_settings({"INSTANCE_PATH": str(tmp_path), "TRUSTED_PROXIES": value})
