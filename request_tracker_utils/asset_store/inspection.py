"""Inspects the asset store without changing it: whether it answers, whether the settings match it, and our permissions there."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Event, Lock, Thread

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt import RtClient, RtError, RtUnreachable

VALID_FOR = 15.0
"""Seconds for which results are reused."""


class State(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It can only be found out by a write."""


@dataclass(frozen=True)
class Result:
    """The result of one check. `title` names what was checked."""

    title: str
    state: State
    detail: str = ""


Inspect = Callable[[], Iterator[Result]]


def inspect_embedded() -> Iterator[Result]:
    yield Result(_("Assets are stored in this program's own database"), State.PASSED, _("RT_URL is not set."))


def inspect_request_tracker(
    client: RtClient, *, catalog: str, fields: Sequence[tuple[str, str]], status: str = "", device_catalogs: Sequence[str] = ()
) -> Iterator[Result]:
    """One check after the other; stops once Request Tracker does not answer. `fields` are settings and the custom fields that they name."""
    checks: list[tuple[str, Callable[[], Iterator[Result]]]] = [
        (_("Request Tracker answers"), lambda: _version(client)),
        (_("Catalogs"), lambda: _catalog(client, catalog)),
        (_("Catalogs of devices"), lambda: _device_catalogs(client, device_catalogs)),
        (_("Custom fields"), lambda: _fields(client, fields)),
        (_("See all assets"), lambda: _all_assets(client)),
        (_("Rename and change assets"), lambda: _changes(client)),
        (_("See users, to assign assets"), lambda: _users(client)),
    ]
    for title, check in checks:
        try:
            yield from check()
        except RtUnreachable as error:
            yield Result(title, State.FAILED, error.message)
            return
        except RtError as error:
            yield Result(title, State.FAILED, error.message)
    if status:
        yield Result(f"RT_ASSET_STATUS: {status}", State.UNKNOWN, _("Request Tracker reports its statuses only when an asset is created."))
    yield Result(_("Write custom fields"), State.UNKNOWN, _("Request Tracker reports this right only when a value is written."))


def problems(results: Iterable[Result]) -> list[str]:
    """What failed, one sentence each."""
    return [f"{result.title}: {result.detail}" for result in results if result.state is State.FAILED]


class Inspection:
    """The latest results of this process. One thread inspects at a time, regardless of the number of users, who all get its results."""

    def __init__(self, inspect: Inspect) -> None:
        self._inspect = inspect
        self._lock = Lock()
        self._done = Event()
        self._done.set()
        self._ended_at = float("-inf")
        self._complete = False
        self.results: list[Result] = []
        self.started_at: datetime | None = None

    def refresh(self, *, wait: float) -> bool:
        """Inspects again unless the latest inspection is recent. Waits up to `wait` seconds. Returns whether the results are complete."""
        with self._lock:
            if self._done.is_set() and time.monotonic() - self._ended_at > VALID_FOR:
                self._done.clear()
                self._complete, self.results, self.started_at = False, [], utc_now()
                Thread(target=self._run, name="inspection", daemon=True).start()
        return self._done.wait(wait) and self._complete

    def _run(self) -> None:
        results = self.results
        try:
            for result in self._inspect():
                results.append(result)
            self._complete = True
        finally:
            self._ended_at = time.monotonic()
            self._done.set()


def _version(client: RtClient) -> Iterator[Result]:
    version = client.version()
    yield Result(_("Request Tracker answers"), State.PASSED, _("%(version)s at %(url)s", version=version, url=client.url))
    user = client.users.own()
    if user is None:
        yield Result(_("The token's user"), State.UNKNOWN, _("The user could not be determined from the token."))
    elif user.privileged:
        yield Result(_("The token's user"), State.PASSED, user.name)
    else:
        yield Result(_("The token's user"), State.PASSED, _("%(name)s, who is not privileged", name=user.name))


def _catalog(client: RtClient, catalog: str) -> Iterator[Result]:
    allowed = client.users.can_create_in(catalog)
    if allowed is None:
        visible = ", ".join(client.assets.catalogs()) or _("none")
        detail = _("The token's user cannot see this catalog. Visible catalogs: %(catalogs)s.", catalogs=visible)
        yield Result(f"RT_CATALOG: {catalog}", State.FAILED, detail)
        return
    yield Result(f"RT_CATALOG: {catalog}", State.PASSED)
    missing = "" if allowed else _("Grant the token's user CreateAsset on the catalog.")
    yield Result(_("Create assets in %(catalog)s", catalog=catalog), State.PASSED if allowed else State.FAILED, missing)


def _device_catalogs(client: RtClient, catalogs: Sequence[str]) -> Iterator[Result]:
    visible = client.assets.catalogs() if catalogs else []
    for catalog in catalogs:
        title = f"DEVICE_CATALOGS: {catalog}"
        if catalog.casefold() in map(str.casefold, visible):
            yield Result(title, State.PASSED)
        else:
            names = ", ".join(visible) or _("none")
            yield Result(
                title, State.FAILED, _("The token's user cannot see this catalog. Visible catalogs: %(catalogs)s.", catalogs=names)
            )


def _fields(client: RtClient, fields: Sequence[tuple[str, str]]) -> Iterator[Result]:
    problems = client.custom_fields.problems(name for _setting, name in fields)
    for setting, name in fields:
        problem = problems.get(name, "")
        yield Result(f"{setting}: {name}", State.FAILED if problem else State.PASSED, problem)


def _all_assets(client: RtClient) -> Iterator[Result]:
    allowed = client.users.can_see_all_assets()
    missing = "" if allowed else _("Grant the token's user ShowAsset globally.")
    yield Result(_("See all assets"), State.PASSED if allowed else State.FAILED, missing)


def _changes(client: RtClient) -> Iterator[Result]:
    title = _("Rename and change assets")
    newest = client.users.can_change_newest_asset()
    if newest is None:
        yield Result(title, State.UNKNOWN, _("No assets exist yet."))
        return
    asset_id, allowed = newest
    if allowed:
        yield Result(title, State.PASSED, _("Checked with asset #%(asset_id)s.", asset_id=asset_id))
    else:
        detail = _(
            "Request Tracker does not allow changes of asset #%(asset_id)s. The token's user may lack ModifyAsset.", asset_id=asset_id
        )
        yield Result(title, State.UNKNOWN, detail)


def _users(client: RtClient) -> Iterator[Result]:
    allowed = client.users.can_see_users()
    missing = "" if allowed else _("Grant the token's user AdminUsers: without it, Request Tracker hides the IDs of users.")
    yield Result(_("See users, to assign assets"), State.PASSED if allowed else State.FAILED, missing)
