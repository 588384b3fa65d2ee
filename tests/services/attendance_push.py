"""A terminal that pushes (ADMS), for tests: it keeps what was not acknowledged, and sends it again until it is.

It speaks to the test client of an app, or over HTTP to a running server.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

import requests
from flask.testing import FlaskClient

START = datetime(2026, 3, 2, 7, 55)
OFFSET_IN_MINUTES = 60
"""A larger number is an offset in minutes, a smaller one in hours."""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.text)


Call = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, str]], Answer]
"""Method, path, query, body and headers of a request."""


@dataclass
class PushFaults:
    """How it misbehaves."""

    loses_answers: int = 0  # so many answers to uploads do not arrive, so it sends again
    resets_stamps: bool = False  # forgets what was acknowledged at each introduction
    extra: list[bytes] = field(default_factory=list)  # lines between its own
    ends_with: bytes = b"\n"
    compresses: bool = False
    suffix: str = ""  # of its paths: ".aspx" on some models


@dataclass
class PushingTerminal:
    """State and observations. `clock` is what it shows, as the answers of the server have set it."""

    call: Call
    serial_number: str = "PUSH00000001"
    key: str | None = None
    version: str | None = "2.4.1"
    log: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    batch: int = 100
    faults: PushFaults = field(default_factory=PushFaults)
    sent: dict[str, int] = field(default_factory=lambda: {"ATTLOG": 0, "OPERLOG": 0})
    options: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    clock: datetime | None = None

    def punch(self, *lines: str) -> None:
        self.log += lines

    def introduce(self) -> bool:
        """Asks what to send. False if the server refuses."""
        query = {"options": "all", "language": "69"}
        query |= {"pushver": self.version} if self.version else {}
        query |= {"pushcommkey": self.key} if self.key is not None else {}
        answer = self._ask("GET", "cdata", query)
        if answer.status != 200 or not answer.text.startswith("GET OPTION FROM:"):
            return False
        self.options = dict(line.partition("=")[::2] for line in answer.text.splitlines()[1:])
        self.sent = {
            "ATTLOG": self._first_after(self.options["ATTLOGStamp"], self.log),
            "OPERLOG": self._first_after(self.options["OPERLOGStamp"], self.operations),
        }
        self._set_clock(answer)
        return True

    def push(self) -> bool:
        """Sends everything that was not acknowledged. False at the first upload that is not."""
        for table, lines in (("ATTLOG", self.log), ("OPERLOG", self.operations)):
            while (first := self.sent[table]) < len(lines):
                last = min(first + self.batch, len(lines))
                if not self.upload(table, [line.encode() for line in lines[first:last]], stamp=str(last)):
                    return False
                self.sent[table] = last
        return True

    def push_until_acknowledged(self, most: int = 10) -> int:
        """How often it had to try."""
        return next(attempt for attempt in count(1) if self.push() or attempt >= most)

    def upload(self, table: str, lines: list[bytes], *, stamp: str) -> bool:
        body = b"\n".join([*lines, *self.faults.extra]) + self.faults.ends_with
        headers = {"Content-Type": "text/plain"}
        if self.faults.compresses:
            body, headers = gzip.compress(body), headers | {"Content-Encoding": "gzip"}
        answer = self._ask("POST", "cdata", {"table": table, "Stamp": stamp}, body, headers)
        if self.faults.loses_answers > 0:
            self.faults.loses_answers -= 1
            return False
        return answer.status == 200 and answer.text.startswith("OK")

    def get_request(self, info: str = "") -> str:
        """Asks for work, with what it says about itself, and does it: it introduces itself again if it is asked to."""
        answer = self._ask("GET", "getrequest", {"INFO": info} if info else {})
        if answer.status == 200 and answer.text.startswith("C:"):
            _letter, number, command = answer.text.split(":", 2)
            if command == "CHECK":
                self.introduce()
            self._ask("POST", "devicecmd", {}, f"ID={number}&Return=0&CMD={command}".encode())
        return answer.text

    def _ask(self, method: str, path: str, query: dict[str, str], body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        answer = self.call(method, f"/iclock/{path}{self.faults.suffix}", {"SN": self.serial_number, **query}, body, headers or {})
        self.answers.append(answer)
        return answer

    def _first_after(self, stamp: str, lines: list[str]) -> int:
        return 0 if self.faults.resets_stamps or not stamp.isdigit() else min(int(stamp), len(lines))

    def _set_clock(self, answer: Answer) -> None:
        offset = int(self.options["TimeZone"])
        minutes = offset if abs(offset) > OFFSET_IN_MINUTES else offset * 60
        now = parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
        self.clock = now.replace(tzinfo=None) + timedelta(minutes=minutes)


def lines(number: int, *, first: int = 0) -> Iterator[str]:
    """Lines of the log, all of them different."""
    for each in range(first, first + number):
        yield f"{1000 + each % 50}\t{START + timedelta(seconds=7 * each)}\t{each % 2}\t1\t0\t0\t0"


def by_client(client: FlaskClient, address: str = "127.0.0.1") -> Call:
    """Calls the app of a test client, from this address."""

    def call(method: str, path: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]) -> Answer:
        environ = {"REMOTE_ADDR": address}
        answer = client.open(path, method=method, query_string=dict(query), data=body, headers=dict(headers), environ_overrides=environ)
        return Answer(answer.status_code, answer.get_data(as_text=True), answer.headers)

    return call


def by_http(url: str) -> Call:
    """Calls a server, with one connection."""
    session = requests.Session()

    def call(method: str, path: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = session.request(method, url + path, params=query, data=body, headers=headers, timeout=30)
        return Answer(answer.status_code, answer.text, answer.headers)

    return call
