"""Bodies that come slowly, downloads that nobody reads, and everybody at once: over real connections to the real server."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count

import pytest
import requests
from flask import Flask
from requests.adapters import HTTPAdapter
from sqlalchemy import insert

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.students.models import Student
from request_tracker_utils.web.threads import Sizes
from tests.services.apps import PASSWORD, WEBHOOK_TOKEN, make_app, token, user
from tests.services.local_server import wait_until
from tests.services.server import RunningServer

SIZES = Sizes.of(16)
STUDENTS = 30_000
"""Their export is larger than what the sockets of both sides buffer."""
TIMEOUT = 20
HOME, SCHOOL, LIBRARY = "127.0.0.1", "127.0.0.2", "127.0.0.3"
"""Addresses of callers."""
_asset_ids = count(5_001)


class From(HTTPAdapter):
    """Calls from another address of this machine."""

    def __init__(self, address: str) -> None:
        self._source = (address, 0)
        super().__init__(pool_maxsize=40)

    def init_poolmanager(self, *args: object, **more: object) -> None:
        super().init_poolmanager(*args, source_address=self._source, **more)  # type: ignore[arg-type]


class Overloaded:
    """A server of one process, its app, and whoever keeps it busy until the test ends."""

    def __init__(self, server: RunningServer, app: Flask) -> None:
        self.server, self.app, self._stack = server, app, ExitStack()

    def release(self) -> None:
        self._stack.close()

    def calls(self, address: str, **headers: str) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers.update(headers)
        session.mount("http://", From(address))
        return session

    def connect(self, address: str, request: str, *, receive_buffer: int | None = None) -> None:
        """Sends the request, or the beginning of one, and does nothing more."""
        connection = self._stack.enter_context(socket.socket())
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(TIMEOUT)
        connection.bind((address, 0))
        connection.connect((HOME, self.server.port))
        connection.sendall(request.encode())

    def slow_body(self, address: str, path: str, authorization: str = "") -> None:
        """The body lacks all but its first bytes."""
        headers = f"Host: x\r\nAuthorization: {authorization}" if authorization else "Host: x"
        kind = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000"
        self.connect(address, f"POST {path} HTTP/1.1\r\n{headers}\r\n{kind}\r\n\r\nname=a")

    def unread_download(self, address: str, path: str, authorization: str) -> None:
        self.connect(address, f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n", receive_buffer=4096)

    def refused(self, reason: str) -> float:
        """How many requests were refused so far."""
        text = self.calls(HOME).get(f"{self.server.url}/metrics", timeout=TIMEOUT).text
        found = re.search(rf'rtutils_refused_requests_total{{reason="{reason}"}} (\S+)', text)
        return float(found[1]) if found else 0.0

    def sign_in(self, name: str, address: str) -> int:
        caller, url = self.calls(address), f"{self.server.url}/sign-in"
        page = caller.get(url, timeout=TIMEOUT).text
        form = {
            "name": name,
            "password": PASSWORD,
            "csrf_token": page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0],
        }
        return caller.post(url, data=form, timeout=TIMEOUT, allow_redirects=False).status_code

    def works_for_others(self, technician: dict[str, str]) -> None:
        """A technician works, people sign in elsewhere, the webhook gets tags, and monitoring gets its answer."""
        others = self.calls(LIBRARY)
        for _ in range(3):
            answers = {
                "scan": others.post(f"{self.server.url}/api/scan/resolve", json={"code": "1001"}, headers=technician, timeout=TIMEOUT),
                "page": others.get(f"{self.server.url}/students", headers=technician, timeout=TIMEOUT),
                "form": others.post(f"{self.server.url}/api/students", json={}, headers=technician, timeout=TIMEOUT),
                "webhook": others.post(
                    f"{self.server.url}/webhook/asset-created",
                    json={"asset_id": next(_asset_ids)},
                    headers={"Authorization": f"Bearer {WEBHOOK_TOKEN}"},
                    timeout=TIMEOUT,
                ),
                "health": others.get(f"{self.server.url}/api/health", timeout=TIMEOUT),
                "style": others.get(f"{self.server.url}/static/web/app.css", timeout=TIMEOUT),
            }
            assert {name: answer.status_code for name, answer in answers.items()} == {
                "scan": 200,
                "page": 200,
                "form": 400,
                "webhook": 200,
                "health": 200,
                "style": 200,
            }, answers
        assert self.sign_in("grace", LIBRARY) == 303


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Flask]]:
    folder = tmp_path_factory.mktemp("overload")
    settings = {"webhook_token": WEBHOOK_TOKEN, "metrics_addresses": HOME, "scheduler": "false"}
    with RunningServer(folder, workers="1", **settings) as server:
        app = make_app(folder / "instance", **settings)
        user(app, "user", "grace")
        with app.app_context(), transaction() as session:
            same = {"first_name": "Grace", "last_name": "Hopper", "first_key": "grace", "last_key": "hopper", "grade_rank": 9}
            same |= {"email": f"{'g' * 230}@example.org", "created_at": utc_now(), "updated_at": utc_now()}
            numbers = map(str, range(1001, 1001 + STUDENTS))
            session.execute(insert(Student), [{**same, "student_id": number, "id_key": number} for number in numbers])
        yield server, app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def overloaded(running: tuple[RunningServer, Flask]) -> Iterator[Overloaded]:
    overloaded = Overloaded(*running)
    yield overloaded
    overloaded.release()


@pytest.fixture
def technician(running: tuple[RunningServer, Flask]) -> dict[str, str]:
    return token(running[1], "staff")


def test_a_hundred_slow_bodies_of_one_student_stop_nobody_else(overloaded: Overloaded, technician: dict[str, str]) -> None:
    student = token(overloaded.app, "student")["Authorization"]
    before, reading = overloaded.refused("account_bodies"), (SIZES.bodies + 1) // 2
    for _ in range(100):
        overloaded.slow_body(SCHOOL, "/sign-out", student)
    wait_until(lambda: overloaded.refused("account_bodies") - before == 100 - reading, within=TIMEOUT)
    overloaded.works_for_others(technician)
    own = overloaded.calls(SCHOOL, Authorization=student).post(f"{overloaded.server.url}/sign-out", data={"a": "b"}, timeout=TIMEOUT)
    assert (own.status_code, own.json()["code"], own.headers["Retry-After"]) == (429, "too_many_requests", "5")
    overloaded.release()
    form = overloaded.calls(SCHOOL, Authorization=student)
    wait_until(lambda: form.post(f"{overloaded.server.url}/sign-out", data={"a": "b"}, timeout=TIMEOUT).status_code != 429)


def test_unread_downloads_of_one_account_stop_nobody_else(overloaded: Overloaded, technician: dict[str, str]) -> None:
    reader, path = token(overloaded.app, "admin"), "/students/export.csv"
    before, streaming = overloaded.refused("account_streams"), (SIZES.streams + 1) // 2
    for _ in range(120):
        overloaded.unread_download(SCHOOL, path, reader["Authorization"])
    wait_until(lambda: overloaded.refused("account_streams") - before == 120 - streaming, within=TIMEOUT)
    overloaded.works_for_others(technician)
    url = overloaded.server.url + path
    refused = overloaded.calls(SCHOOL, **reader).get(url, timeout=TIMEOUT)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert overloaded.calls(LIBRARY, **technician).get(url, timeout=TIMEOUT).text.count("\n") == STUDENTS + 1
    overloaded.release()  # the server notices that they are gone, and their places are free
    wait_until(lambda: overloaded.calls(SCHOOL, **reader).get(url, timeout=TIMEOUT).status_code == 200, within=TIMEOUT)


def test_slow_sign_ins_from_one_address_keep_nobody_else_out(overloaded: Overloaded, technician: dict[str, str]) -> None:
    before = overloaded.refused("address_bodies")
    for _ in range(40):
        overloaded.slow_body(SCHOOL, "/sign-in")
    wait_until(lambda: overloaded.refused("address_bodies") - before == 40 - SIZES.stranger_bodies // 2, within=TIMEOUT)
    overloaded.works_for_others(technician)
    refused = overloaded.calls(SCHOOL, Accept="text/html").post(f"{overloaded.server.url}/sign-in", data={"name": "ada"}, timeout=TIMEOUT)
    assert (refused.status_code, "Try again in a few seconds" in refused.text, refused.headers["Retry-After"]) == (503, True, "5")
    overloaded.release()
    wait_until(lambda: overloaded.sign_in("grace", SCHOOL) == 303, within=TIMEOUT)


def test_a_class_a_browser_and_a_script_are_never_refused(overloaded: Overloaded, technician: dict[str, str]) -> None:
    """Thirty students behind one address, six connections of a browser, and a script that creates eight at a time."""
    url, students = overloaded.server.url, [token(overloaded.app, "student") for _ in range(30)]
    school = overloaded.calls(SCHOOL)

    def create(number: int) -> int:
        student = {"student_id": f"S{number}", "first_name": "Alan", "last_name": "Turing", "grade": "9"}
        return school.post(f"{url}/api/students", json=student, headers=technician, timeout=TIMEOUT).status_code

    with ThreadPoolExecutor(44) as pool:
        pages = [pool.submit(school.get, f"{url}/me", headers=headers, timeout=TIMEOUT) for headers in students]
        pages += [pool.submit(school.get, f"{url}/students", headers=technician, timeout=TIMEOUT) for _ in range(6)]
        creations = list(pool.map(create, range(40)))
    assert {page.result().status_code for page in pages} == {200}
    assert set(creations) == {201}
