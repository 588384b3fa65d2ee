"""What can be learned of the directory without changing anything: does it answer, has it what the settings name, what may we do?"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Event, Lock, Thread

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.integrations.rt import RtClient, RtError, RtUnreachable

GOOD_FOR = 15.0
"""Seconds for which what was found is shown again."""


class State(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "not known until tried"


@dataclass(frozen=True)
class Found:
    what: str
    state: State
    detail: str = ""


Examine = Callable[[], Iterator[Found]]


def of_embedded() -> Iterator[Found]:
    yield Found("Assets are kept in this program’s own database", State.YES, "RT_URL is not set.")


def of_request_tracker(client: RtClient, *, catalog: str, fields: Sequence[tuple[str, str]], status: str = "") -> Iterator[Found]:
    """Asks question after question; stops when Request Tracker does not answer. `fields` are settings with the names they give."""
    questions: list[tuple[str, Callable[[], Iterator[Found]]]] = [
        ("Request Tracker answers", lambda: _version(client)),
        ("Catalogs", lambda: _catalog(client, catalog)),
        ("Custom fields", lambda: _fields(client, fields)),
        ("See all assets", lambda: _sight(client)),
        ("Rename assets and change them", lambda: _changes(client)),
        ("See users, to hand assets out", lambda: _users(client)),
    ]
    for what, ask in questions:
        try:
            yield from ask()
        except RtUnreachable as error:
            yield Found(what, State.NO, error.message)
            return
        except RtError as error:
            yield Found(what, State.NO, error.message)
    if status:
        yield Found(
            f"RT_ASSET_STATUS: {status}", State.UNKNOWN, "Request Tracker tells which statuses there are only when an asset is created."
        )
    yield Found("Write custom fields", State.UNKNOWN, "Request Tracker tells of this right only when a value is written.")


def problems(findings: Iterable[Found]) -> list[str]:
    """What is known to be missing, a sentence each."""
    return [f"{finding.what}: {finding.detail}" for finding in findings if finding.state is State.NO]


class Examination:
    """The latest findings of this process. One thread asks at a time, however many people look; they all see what it has found so far."""

    def __init__(self, examine: Examine) -> None:
        self._examine = examine
        self._lock = Lock()
        self._done = Event()
        self._done.set()
        self._ended = float("-inf")
        self._complete = False
        self.findings: list[Found] = []
        self.asked_at: datetime | None = None

    def look(self, *, within: float) -> bool:
        """Has the questions asked anew unless they just were. Returns whether all are answered, after `within` seconds at most."""
        with self._lock:
            if self._done.is_set() and time.monotonic() - self._ended > GOOD_FOR:
                self._done.clear()
                self._complete, self.findings, self.asked_at = False, [], utc_now()
                Thread(target=self._ask, name="examination", daemon=True).start()
        return self._done.wait(within) and self._complete

    def _ask(self) -> None:
        found = self.findings
        try:
            for finding in self._examine():
                found.append(finding)
            self._complete = True
        finally:
            self._ended = time.monotonic()
            self._done.set()


def _version(client: RtClient) -> Iterator[Found]:
    yield Found("Request Tracker answers", State.YES, f"{client.rt_version()} at {client.url}")
    user = client.own_user()
    if user is None:
        yield Found("The token’s user", State.UNKNOWN, "The token does not say whose it is.")
    else:
        yield Found("The token’s user", State.YES, f"{user.name}{'' if user.privileged else ', who is not privileged'}")


def _catalog(client: RtClient, catalog: str) -> Iterator[Found]:
    may = client.may_create_in(catalog)
    if may is None:
        seen = ", ".join(client.catalogs()) or "none"
        yield Found(f"RT_CATALOG: {catalog}", State.NO, f"The token’s user sees no such catalog. It sees: {seen}.")
        return
    yield Found(f"RT_CATALOG: {catalog}", State.YES)
    missing = "" if may else "Grant CreateAsset on the catalog to the token’s user."
    yield Found(f"Create assets in {catalog}", State.YES if may else State.NO, missing)


def _fields(client: RtClient, fields: Sequence[tuple[str, str]]) -> Iterator[Found]:
    seen = client.custom_fields()
    for setting, name in fields:
        if name in seen:
            yield Found(f"{setting}: {name}", State.YES)
        else:
            yield Found(
                f"{setting}: {name}",
                State.NO,
                f"The token’s user sees no such custom field of assets. It sees: {', '.join(seen) or 'none'}.",
            )


def _sight(client: RtClient) -> Iterator[Found]:
    sees = client.sees_every_asset()
    yield Found("See all assets", State.YES if sees else State.NO, "" if sees else "Grant ShowAsset globally to the token’s user.")


def _changes(client: RtClient) -> Iterator[Found]:
    what = "Rename assets and change them"
    newest = client.may_change_newest()
    if newest is None:
        yield Found(what, State.UNKNOWN, "There is no asset yet at which to look.")
    elif newest[1]:
        yield Found(what, State.YES, f"Seen at asset #{newest[0]}.")
    else:
        yield Found(what, State.UNKNOWN, f"Request Tracker offers no change of asset #{newest[0]}: ModifyAsset may be missing.")


def _users(client: RtClient) -> Iterator[Found]:
    sees = client.sees_users()
    missing = "" if sees else "Grant AdminUsers to the token’s user: without it Request Tracker hides the users’ numbers."
    yield Found("See users, to hand assets out", State.YES if sees else State.NO, missing)
