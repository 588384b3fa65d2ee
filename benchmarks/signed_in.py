"""What it costs to know the caller: a route with a session or a personal token, against the same route open to all.

The app is called as a server calls it, without the server: its own time would make the ratio look smaller.
"""

import functools
import statistics
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from sqlalchemy import event
from werkzeug.test import EnvironBuilder

from benchmarks.progress import say
from benchmarks.row import COUNT, TIMES, Row
from request_tracker_utils.core.db import db
from request_tracker_utils.web.auth import public
from tests.services.apps import make_app, ready, sign_in, token, user

TARGET = 2.0
ROUNDS, CALLS = 15, 300
PATH, OPEN = "/next-asset-tag", "/open"
ENDPOINT = "tags.next_asset_tag"


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        app = make_app(Path(folder), scheduler="false")
        _open_a_twin(app)
        ready(app)
        callers = {"open": call_of(OPEN), "token": call_of(PATH, **token(app, "admin")), "session": call_of(PATH, Cookie=_cookie(app))}
        for call in callers.values():
            _seconds(app, call, 100)
        times: dict[str, list[float]] = {name: [] for name in callers}
        for number in range(ROUNDS):
            for name in list(callers) if number % 2 else reversed(callers):
                times[name].append(_seconds(app, callers[name], CALLS))
        queries = {name: _queries(app, call) for name, call in callers.items()}
        with app.app_context():
            db.engine.dispose()
    for name in ("session", "token"):
        ratios = [signed / free for signed, free in zip(times[name], times["open"], strict=True)]
        say(f"{name}: {min(ratios):.2f} to {max(ratios):.2f}")
        micros = {key: statistics.median(times[key]) / CALLS * 1e6 for key in (name, "open")}
        detail = (
            f"{micros[name]:.0f} µs against {micros['open']:.0f} µs in the app, GET {PATH}, SQLite; "
            f"median of {ROUNDS} rounds of {CALLS} calls ({min(ratios):.2f} to {max(ratios):.2f})"
        )
        yield Row(f"A request with a {name}, against the route without", statistics.median(ratios), TARGET, TIMES, detail, at_least=False)
    detail = "counted at the database's driver; the query's plan is looked at by the tests"
    yield Row("Queries to know the owner of a token", queries["token"] - queries["open"], 1, COUNT, detail, at_least=False)


def _open_a_twin(app: Flask) -> None:
    """The route once more, without its door."""
    view = app.view_functions[ENDPOINT]

    @functools.wraps(view)
    def twin(**values: Any) -> Any:
        return view(**values)

    app.add_url_rule(OPEN, "open", public("measured against")(twin))


def _cookie(app: Flask) -> str:
    client = app.test_client()
    sign_in(client, user(app, "admin"))
    cookie = client.get_cookie("rtutils")
    if cookie is None:
        raise AssertionError("signing in left no cookie")
    return f"rtutils={cookie.value}"


def call_of(path: str, **headers: str) -> dict[str, Any]:
    return EnvironBuilder(path, headers=headers).get_environ()


def _seconds(app: Flask, call: dict[str, Any], count: int) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        ask(app, call)
    return time.perf_counter() - begun


def ask(app: Flask, call: dict[str, Any]) -> None:
    statuses: list[str] = []
    body = app.wsgi_app(call | {"wsgi.input": BytesIO()}, lambda status, _headers, _error=None: statuses.append(status))
    b"".join(body)
    close = getattr(body, "close", None)
    if close is not None:
        close()
    if statuses != ["200 OK"]:
        raise AssertionError(f"the app answered {statuses}")


def _queries(app: Flask, call: dict[str, Any]) -> int:
    """Statements that one such call sends to the database."""
    seen: list[str] = []
    with app.app_context():
        engine = db.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    ask(app, call)
    event.remove(engine, "before_cursor_execute", note)
    return len(seen)
