"""Query strings, paths and hosts that no page or client of ours sends: every GET route answers them without a fault."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule

from request_tracker_utils.web.addresses import comes_from_another_site
from tests.services.apps import make_app, ready, token, user
from tests.services.people import Person
from tests.services.tables import check_all

ODD = (
    "",
    "%00",
    "%ED%A0%80",
    "9.7",
    "-1",
    "9" * 5_000,
    "99999999999999999999999",
    "0001-01-01",
    "0.999999999999999999",
    "%0D%0ASet-Cookie:+x=1" + "x" * 5_000,
)
"""Values of a query argument or a part of a path: also cursors of other lists, and altered ones."""
RESERVED = ("endpoint", "values", "_external", "_method", "_scheme", "_anchor", "self", "app", "blueprint", "error", "url", "next")
"""Names that mean something to Flask's functions."""
HOSTS = (
    "evil.example",
    "evil.example/x?y#",
    "a b",
    "",
    "[::1",
    "[::1]:x",
    "x" * 300,
    "\xe9",
    "a\\b",
    "u:p@evil.example",
    "h:99999999",
    "a,b",
)
PUBLIC = "https://utils.example.org"


class Recorded(ImmutableMultiDict[str, str]):
    """Query arguments that remember which of them were read."""

    read: set[str] = set()  # noqa: RUF012 — shared by all requests

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, *more: Any, **options: Any) -> Any:
        self.read.add(key)
        return super().get(key, *more, **options)

    def getlist(self, key: str, *more: Any, **options: Any) -> Any:
        self.read.add(key)
        return super().getlist(key, *more, **options)


@pytest.fixture
def admin(app: Flask) -> Iterator[Person]:
    """The administrator of a small school, with requests that record what routes read."""
    person = Person(app, user(app, "admin", "ada"))
    fill(app, token(app, "admin"))
    usual = app.request_class
    app.request_class = type("RecordedRequest", (usual,), {"parameter_storage_class": Recorded})
    yield person
    app.request_class = usual


def fill(app: Flask, headers: dict[str, str]) -> None:
    client = app.test_client()
    for number in (1, 2, 3):
        student = {"student_id": f"{number}", "first_name": "Ada", "last_name": f"Lovelace {number}", "grade": "9"}
        device = {"asset_tag": f"D-{number}", "serial_number": f"SN{number}"}
        assert client.post("/api/students", json=student, headers=headers).status_code == 201
        assert client.post("/api/devices", json=device, headers=headers).status_code == 201
    for _ in range(2):
        client.post("/api/students/1/checkin", json={"asset_tag": "D-1"}, headers=headers)
        client.post("/api/students/1/checkout", json={"asset_tag": "D-1"}, headers=headers)


def test_no_query_string_or_path_is_a_fault(app: Flask, admin: Person) -> None:
    check_all([(admin, path) for rule in get_routes(app) for path in odd_addresses(app, admin, rule)], check_no_fault)


def check_no_fault(admin: Person, address: str) -> None:
    answer = admin.get(address)
    assert answer.status_code < 500, f"{answer.status_code} for {address[:100]}"
    assert answer.get_data() is not None  # also of a streamed file, which may fail after its beginning


def get_routes(app: Flask) -> list[Rule]:
    """One table of Data stands for all of them: see test_every_table."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    return [rule for rule in rules if not re.match("/admin/data/.", rule.rule) or rule.rule.startswith("/admin/data/device_logs/")]


def odd_addresses(app: Flask, admin: Person, rule: Rule) -> Iterator[str]:
    path = path_of(rule)
    for name in sorted(names_of(app, admin, rule)):
        yield from (f"{path}?{name}={value}" for value in ODD)
        yield f"{path}?{name}=1&{name}=2&{name}="
    if "page" in Recorded.read:
        yield from (f"{path}?page=2&{name}=1" for name in RESERVED)
    yield f"{path}?page=2&page_size=1&" + "&".join(f"{name}=1" for name in RESERVED)
    yield f"{path}?%ED%A0%80=%ED%A0%80&=&&&%00=%00"
    if "<" in rule.rule:
        yield from (path_of(rule, value) for value in ODD if value)


def path_of(rule: Rule, value: str = "") -> str:
    def fill(found: re.Match[str]) -> str:
        return value or ("csv" if "export_type" in found[0] else "D-1" if "tag" in found[0] else "1")

    return re.sub("<[^>]+>", fill, rule.rule)


def names_of(app: Flask, admin: Person, rule: Rule) -> set[str]:
    """The query arguments that the route reads."""
    Recorded.read.clear()
    admin.get(f"{path_of(rule)}?nothing=1").close()
    try:
        model = get_type_hints(app.view_functions[rule.endpoint]).get("query")
    except (NameError, TypeError):  # a view of a library
        model = None
    return Recorded.read | {field.alias or name for name, field in (model.model_fields.items() if model else ())}


@pytest.fixture
def public_app(database_url: str, tmp_path: Path) -> Flask:
    """An app behind a proxy on the same computer, with an address for the public."""
    return ready(make_app(tmp_path, database_url=database_url, app_url=f"{PUBLIC}/", trusted_proxies="127.0.0.1"))


def test_absolute_addresses_come_from_the_settings(public_app: Flask) -> None:
    headers = token(public_app, "admin")
    fill(public_app, headers)
    client = public_app.test_client()

    def check(host: str, header: str) -> None:
        environ = {"HTTP_HOST": host} if header == "Host" else {"HTTP_HOST": "inside", "HTTP_X_FORWARDED_HOST": host}
        for path in (
            "/api/students?page=2&page_size=1",
            "/openapi/openapi.json",
            "/assets//",
            "//api/students",
            "/me",
            "/nothing",
            "/labels/print",
        ):
            answer = client.get(path, headers=headers, environ_overrides={**environ, "REMOTE_ADDR": "127.0.0.1"})
            assert answer.status_code < 500, (path, answer.status_code)
            assert not urlsplit(answer.location or "").netloc, (path, answer.location)
            text = answer.get_data(as_text=True)
            assert "evil.example" not in text
            if path.startswith("/api/students") and answer.status_code == 200:
                assert answer.json["next"].startswith(f"{PUBLIC}/api/students?page=3&page_size=1&after=")
                assert answer.json["previous"] == f"{PUBLIC}/api/students?page=1&page_size=1"
            if path.endswith(".json") and answer.status_code == 200:
                assert [server["url"] for server in answer.json["servers"]] == [PUBLIC]

    check_all([(host, header) for host in HOSTS for header in ("Host", "X-Forwarded-Host")], check)


def test_without_app_url_a_caller_gets_the_address_that_they_used(app: Flask) -> None:
    headers = token(app, "admin")
    fill(app, headers)
    client = app.test_client()

    def check(host: str, address: str) -> None:
        environ = {"HTTP_HOST": host}
        answer = client.get("/api/students?page_size=1&sort=name", headers=headers, environ_overrides=environ)
        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            expected = f"{address}/api/students?page_size=1&sort=name&page=2&after="
            assert answer.json["next"].startswith(expected), answer.json["next"]
        servers = client.get("/openapi/openapi.json", headers=headers).json["servers"]
        assert servers[0]["url"] == "http://127.0.0.1:8080"

    own = "http://127.0.0.1:8080"
    used = ("utils.example.org", "10.0.0.5:9090", "[fd00::1]:8080", "localhost")
    check_all([*((host, f"http://{host}") for host in used), *((host, own) for host in HOSTS[1:])], check)


def test_next_keeps_every_argument_and_a_page_of_another_list_is_refused(app: Flask) -> None:
    headers = token(app, "admin")
    fill(app, headers)
    client = app.test_client()
    first = client.get("/api/students?page_size=1&grade=9&search=%C3%A9%26page%3D7&sort=name", headers=headers).json
    assert first["next"] is None
    first = client.get("/api/students?page_size=1&grade=9&status=active", headers=headers).json
    parts = urlsplit(first["next"])
    second = client.get(f"{parts.path}?{parts.query}", headers=headers).json
    assert (len(second["results"]), second["results"] != first["results"]) == (1, True)
    assert {"grade=9", "status=active", "page=2"} <= set(parts.query.split("&"))


def test_former_addresses_pass_reserved_words_on(own_app: Flask) -> None:
    client = own_app.test_client()
    query = "&".join(f"{name}=1" for name in RESERVED)
    answer = client.get(f"/tags/waiting?{query}")
    assert (answer.status_code, answer.location) == (308, f"/tags/pending?{query}")


def test_an_error_links_back_to_pages_of_this_program_alone(app: Flask) -> None:
    person = Person(app, user(app, "staff"))

    def check(referrer: str, link: str) -> None:
        html = person.get("/students/nobody", headers={"Referer": referrer}).get_data(as_text=True)
        assert re.findall(r'<a class="btn btn-second" href="([^"]*)">Back</a>', html) == ([link] if link else [])

    check_all(
        [
            ("http://localhost/students?q=a", "/students?q=a"),
            ("http://localhost:8080/students", ""),
            ("http://localhost//evil.example/", "/evil.example/"),
            ("http://localhost@evil.example/", ""),
            ("http://localhost.evil.example/", ""),
            ("http://evil.example/?http://localhost/", ""),
            ("javascript:alert(1)//localhost", ""),
            ("http://[/", ""),
            ("", ""),
        ],
        check,
    )


def test_pages_of_request_tracker_are_no_strangers(app: Flask) -> None:
    def check(referrer: str, is_other: bool) -> None:
        with app.test_request_context("/labels/print", headers={"Referer": referrer, "Sec-Fetch-Site": "cross-site"}):
            assert comes_from_another_site("https://rt.example.org/rt") is is_other
            assert comes_from_another_site("")

    check_all(
        [
            ("https://rt.example.org/", False),
            ("https://RT.example.org:443/rt/Asset/Display.html?id=5", False),
            ("http://rt.example.org/", False),
            ("https://rt.example.org:8443/", True),
            ("https://rt.example.org.evil.example/", True),
            ("", True),
        ],
        check,
    )
