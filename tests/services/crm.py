"""A CRM over real HTTP that honors Idempotency-Key, remembers everything, and fails as a test wants. `python -m tests.services.crm` runs it
as a process of its own, for benchmarks."""

import argparse
import json
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from request_tracker_utils.workdays.crm.client import CrmClient
from request_tracker_utils.workdays.crm.payload import CrmRecord
from tests.services.local_server import Call, LocalServer, Reply

TOKEN = "crm-secret-token"
NOT_ALLOWED = Reply({"detail": "Invalid token."}, status=401)
PAGE = Reply(b"<html><head><style>p {}</style></head><body><h1>Sign in</h1><p>to the network</p></body></html>")


@dataclass(frozen=True)
class Failure:
    """Instead of confirming. The workday may have been stored before."""

    reply: Reply
    stores: bool = False


Fails = Callable[[Call, int], Failure | None]
"""Called with a request, and how many there have been with its key, this one included."""


def never(_call: Call, _attempt: int) -> None:
    return None


def always(reply: Reply, *, stores: bool = False) -> Fails:
    return lambda _call, _attempt: Failure(reply, stores)


def first(attempts: int, reply: Reply, *, stores: bool = False) -> Fails:
    """Only the first attempts of each workday fail."""
    return lambda _call, attempt: Failure(reply, stores) if attempt <= attempts else None


def one_in_twenty(call: Call, attempt: int) -> Failure | None:
    """5 % of the workdays fail at first; half of these are stored, and the answer is lost."""
    digits = int(call.headers["idempotency-key"][:8], 16)
    if attempt > 1 or digits % 20:
        return None
    return Failure(Reply(hang_up=True), stores=True) if digits // 20 % 2 else Failure(Reply({"detail": "busy"}, status=503))


class FakeCrm(LocalServer):
    """`fails` may be replaced at any time. `delay` is how many seconds each answer takes."""

    def __init__(self, fails: Fails = never, *, delay: float = 0, tls: ssl.SSLContext | None = None) -> None:
        self.fails, self.delay = fails, delay
        self.workdays: dict[tuple[str, str], dict[str, Any]] = {}
        """By user ID and date, as they were sent last."""
        self.stored: Counter[str] = Counter()
        """How often what came with each key was stored. Once, unless the CRM is broken."""
        self.attempts: Counter[str] = Counter()
        """Requests by key."""
        self.most_at_once = 0
        self._at_once, self._lock = 0, threading.Lock()
        super().__init__(self._respond, tls=tls)

    @property
    def address(self) -> str:
        return f"{self.url}/api/attendance/"

    def client(self, *, seconds: float = 10) -> CrmClient:
        return CrmClient(self.address, TOKEN, seconds=seconds, allow_http=True)

    def _respond(self, call: Call) -> Reply:
        if call.path == "/statistics":
            numbers = {"requests": self.attempts.total(), "stored": self.stored.total(), "keys": len(self.stored)}
            return Reply({**numbers, "workdays": len(self.workdays), "most_at_once": self.most_at_once})
        if call.headers.get("authorization") != f"Token {TOKEN}":
            return NOT_ALLOWED
        if call.method != "POST":
            return Reply(status=405)
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self._store(call)
        finally:
            self._closing.wait(self.delay)
            with self._lock:
                self._at_once -= 1

    def _store(self, call: Call) -> Reply:
        key, body = call.headers["idempotency-key"], call.json
        with self._lock:
            self.attempts[key] += 1
            failure = self.fails(call, self.attempts[key])
            if (failure is None or failure.stores) and not self.stored[key]:
                self.stored[key] += 1
                self.workdays[body["user_id"], body["date"]] = body
        return Reply({"success": True}, status=201) if failure is None else failure.reply


def record(number: int = 1, **changes: Any) -> CrmRecord:
    """A workday from eight to five. Its key is its number."""
    content: dict[str, Any] = {
        "clock_in": datetime(2026, 3, 2, 14, tzinfo=UTC),
        "clock_out": datetime(2026, 3, 2, 23, tzinfo=UTC),
        "is_outlier": False,
        "outlier_reason": "",
    }
    about = {"user_id": str(number), "date": date(2026, 3, 2), "device_name": "Entrance", "device_ip": "10.0.0.5"}
    return CrmRecord(number, f"{number:064x}", **{**about, **content, **changes})


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves a CRM until its standard input ends.")
    parser.add_argument("--delay", type=float, default=0.05, help="Seconds.")
    parser.add_argument("--failing", action="store_true", help="5 %% of the workdays fail at first.")
    options = parser.parse_args()
    with FakeCrm(one_in_twenty if options.failing else never, delay=options.delay) as crm:
        print(json.dumps({"address": crm.address, "statistics": f"{crm.url}/statistics"}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
