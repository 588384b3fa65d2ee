"""10,000 wrong passwords for one account from 100 addresses, while the account's owner signs in from another address."""

import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from benchmarks import servers
from benchmarks.report import SHARE, Row, say
from tests.services.apps import PASSWORD, make_app, ready, user

ATTEMPTS, ADDRESSES, ATTACKERS = 10_000, 100, 8
TARGET = 2.0
HOME = "203.0.113.7"
OWNER = "ada"
FORM = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser:
    """Signs in from any address: the program trusts this client as a reverse proxy."""

    def __init__(self, url: str) -> None:
        self._url, self._session = f"{url}/sign-in", requests.Session()
        self._session.trust_env = False
        self._form = self._token()

    def attempt(self, password: str, address: str) -> int:
        """The status code of the response."""
        form = {"name": OWNER, "password": password, "csrf_token": self._form}
        headers = {"X-Forwarded-For": address}
        return self._session.post(self._url, data=form, headers=headers, allow_redirects=False, timeout=60).status_code

    def _token(self) -> str:
        found = FORM.search(self._session.get(self._url, timeout=60).text)
        if found is None:
            raise AssertionError("the sign-in page has no form")
        return found.group(1)


def measure() -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        settings = {"trusted_proxies": "127.0.0.1"}
        user(ready(make_app(Path(folder), **settings)), "staff", OWNER)
        with servers.program(Path(folder), settings) as served:
            _sign_in(served.url)  # from now on the account has signed in from this address
            waits, statuses = _under_attack(served.url)
    seconds = max(waits)
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    detail = (
        f"{seconds:.2f} s for the slowest of {len(waits)} sign-ins of the owner during {ATTEMPTS:,} guesses from {ADDRESSES} addresses "
        f"({answers}); {ATTACKERS} connections, SQLite"
    )
    yield Row("The owner's sign-in under attack, of 2 s", seconds / TARGET, 1.0, SHARE, detail, at_least=False)


def _under_attack(url: str) -> tuple[list[float], Counter[int]]:
    """Seconds of each sign-in of the owner during and after the attack, and the status codes of the attackers."""
    attempts, waits, over = itertools.count(), [], threading.Event()

    def attack(_number: int) -> Counter[int]:
        browser, statuses = Browser(url), Counter[int]()
        while (number := next(attempts)) < ATTEMPTS:
            statuses[browser.attempt(f"guess number {number}", f"198.51.100.{number % ADDRESSES}")] += 1
        return statuses

    def own() -> None:
        while not over.wait(1.0):
            waits.append(_sign_in(url))
            say(f"the owner signed in after {waits[-1]:.2f} s")

    owner = threading.Thread(target=own)
    owner.start()
    with ThreadPoolExecutor(ATTACKERS) as pool:
        statuses = sum(pool.map(attack, range(ATTACKERS)), Counter[int]())
    over.set()
    owner.join()
    return [*waits, _sign_in(url)], statuses


def _sign_in(url: str) -> float:
    """Seconds to load the form and sign in. Raises AssertionError if the owner is rejected."""
    started = time.perf_counter()
    status = Browser(url).attempt(PASSWORD, HOME)
    if status != 303:
        raise AssertionError(f"the owner got {status}")
    return time.perf_counter() - started
