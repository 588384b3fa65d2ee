"""The cost of authentication: a route with a session, a personal token or an access token, and the same route without authentication.

The WSGI app is called directly: the time of a server would make the ratio smaller.
"""

import functools
import statistics
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from sqlalchemy import event
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from benchmarks.report import COUNT, TIMES, Row, say
from request_tracker_utils.core.db import db
from request_tracker_utils.web.auth import public
from tests.services.apps import PASSWORD, make_app, ready, sign_in, token, user

TARGET = 2.0
ROUNDS, CALLS = 15, 300
PATH, OPEN = "/next-asset-tag", "/open"
ENDPOINT = "tags.next_asset_tag"


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        app = make_app(Path(folder), scheduler="false")
        _add_public_copy(app)
        ready(app)
        callers = {
            "open": call_of(OPEN),
            "token": call_of(PATH, **token(app, "admin")),
            "session": call_of(PATH, Cookie=_cookie(app)),
            "access token": call_of(PATH, Authorization=f"Bearer {_access_token(app)}"),
        }
        for call in callers.values():
            _seconds(app, call, 100)
        times: dict[str, list[float]] = {name: [] for name in callers}
        for number in range(ROUNDS):
            for name in list(callers) if number % 2 else reversed(callers):
                times[name].append(_seconds(app, callers[name], CALLS))
        queries = {name: _queries(app, call) for name, call in callers.items()}
        with app.app_context():
            db.engine.dispose()
    for name in ("session", "token", "access token"):
        ratios = [signed / free for signed, free in zip(times[name], times["open"], strict=True)]
        say(f"{name}: {min(ratios):.2f} to {max(ratios):.2f}")
        micros = {key: statistics.median(times[key]) / CALLS * 1e6 for key in (name, "open")}
        detail = (
            f"{micros[name]:.0f} µs vs. {micros['open']:.0f} µs in the app, GET {PATH}, SQLite; "
            f"median of {ROUNDS} rounds of {CALLS} calls ({min(ratios):.2f} to {max(ratios):.2f})"
        )
        yield Row(
            f"A request with {'an' if name.startswith('a') else 'a'} {name}, vs. the route without authentication",
            statistics.median(ratios),
            TARGET,
            TIMES,
            detail,
            at_least=False,
        )
    ratios = [signed / personal for signed, personal in zip(times["access token"], times["token"], strict=True)]
    detail = f"both in the app, as above; median of {ROUNDS} rounds ({min(ratios):.2f} to {max(ratios):.2f})"
    yield Row(
        "A request with an access token, vs. one with a personal token", statistics.median(ratios), 1.1, TIMES, detail, at_least=False
    )
    detail = "counted at the database driver"
    for name in ("token", "access token"):
        yield Row(f"Queries to authenticate by {name}", queries[name] - queries["open"], 1, COUNT, detail, at_least=False)


def _add_public_copy(app: Flask) -> None:
    """Adds a copy of the route that is public."""
    view = app.view_functions[ENDPOINT]

    @functools.wraps(view)
    def copy(**values: Any) -> Any:
        return view(**values)

    app.add_url_rule(OPEN, "open", public("for comparison")(copy))


def _cookie(app: Flask) -> str:
    client = app.test_client()
    sign_in(client, user(app, "admin"))
    cookie = client.get_cookie("rtutils")
    if cookie is None:
        raise AssertionError("signing in set no cookie")
    return f"rtutils={cookie.value}"


def _access_token(app: Flask) -> str:
    answer = app.test_client().post("/api/login", json={"username": user(app, "admin", "script"), "password": PASSWORD})
    if answer.json is None:
        raise AssertionError(f"signing in was answered with {answer.status}")
    return str(answer.json["access_token"])


def call_of(path: str, **headers: str) -> dict[str, Any]:
    return EnvironBuilder(path, headers=Headers(headers)).get_environ()


def _seconds(app: Flask, call: dict[str, Any], count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        ask(app, call)
    return time.perf_counter() - started


def ask(app: Flask, call: dict[str, Any]) -> None:
    statuses: list[str] = []

    def start_response(status: str, _headers: object, _error: object = None) -> Callable[[bytes], object]:
        statuses.append(status)
        return len  # nothing is written past the body

    body = app.wsgi_app(call | {"wsgi.input": BytesIO()}, start_response)
    b"".join(body)
    close = getattr(body, "close", None)
    if close is not None:
        close()
    if statuses != ["200 OK"]:
        raise AssertionError(f"the app answered {statuses}")


def _queries(app: Flask, call: dict[str, Any]) -> int:
    """The number of statements that the call sends to the database."""
    statements: list[str] = []
    with app.app_context():
        engine = db.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    ask(app, call)
    event.remove(engine, "before_cursor_execute", note)
    return len(statements)
