"""A whole installation: the running program, its database, and Request Tracker behind a proxy that can make its days bad."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

import requests
import time_machine
from flask import Flask
from sqlalchemy import and_, exists, or_, select, update

from request_tracker_utils.assets.models import Creation
from request_tracker_utils.core import jobs
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.tags.models import Tag, TagState
from request_tracker_utils.tasks.models import Task, TaskState
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import PASSWORD, WEBHOOK_TOKEN, make_app, token, user
from tests.services.at_once import until_free
from tests.services.local_server import wait_until
from tests.services.proxy import Proxy
from tests.services.request_tracker import RequestTracker, Webhook
from tests.services.server import RunningServer

CONFIRMED_WITHIN = 120.0
"""Seconds. The job looks 3.5 s after the webhook, and every 15 s; what it does not find it leaves to the next look."""
CATALOG = "Chromebooks"
PATH = "/webhook/asset-created"


@dataclass
class Surroundings:
    """A Request Tracker that tells of new assets in one catalog; `hook` stands between it and whichever server is its own now, `line`
    between servers and it.
    """

    rt: RequestTracker
    hook: Proxy
    line: Proxy

    def tells(
        self,
        url: str,
        *,
        stage: Literal["inside", "after"] = "inside",
        style: Literal["plugin", "bare"] = "plugin",
        catalogs: tuple[str, ...] = (CATALOG,),
        timeout: int = 15,
    ) -> None:
        """New assets are told to the server at this address from now on, in this way."""
        self.hook.target = url
        webhook = Webhook(self.hook.url + PATH, token=WEBHOOK_TOKEN, stage=stage, style=style, catalogs=catalogs, timeout=timeout)
        if self.rt.webhook != webhook:
            self.rt.restart(webhook=webhook)


@dataclass
class Installation:
    """`database_url` names a migrated database. Tests look into it, and run jobs, through an app of their own with the same settings:
    to the server that is one more process of the installation.
    """

    folder: Path
    database_url: str
    prefix: str
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        common = {"webhook_token": WEBHOOK_TOKEN, "database_url": self.database_url, "prefix": self.prefix, "rt_catalog": CATALOG}
        self.settings = {**common, **self.settings}
        self.server = RunningServer(self.folder, **self.settings)

    def close(self) -> None:
        self.server.kill()
        with self.app.app_context():
            db.engine.dispose()

    @cached_property
    def app(self) -> Flask:
        return make_app(self.folder / "instance", **{**self.settings, "app_url": self.server.url})

    @cached_property
    def headers(self) -> dict[str, str]:
        """With the token of somebody of the staff."""
        return token(self.app, "staff")

    @cached_property
    def name(self) -> str:
        """Of an administrator, whose password is PASSWORD."""
        return user(self.app, "admin", "ada")

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """A program's call, with a token, which is repeated while too many of the same account are in progress."""
        headers = {**self.headers, **arguments.pop("headers", {})}
        return until_free(
            lambda: _plain().request(method, self.server.url + path, headers=headers, timeout=60, **arguments), busy=frozenset({429})
        )

    def tell(self, asset_id: int, **more: Any) -> requests.Response:
        """The webhook's call, as Request Tracker makes it."""
        headers = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}
        return _plain().post(self.server.url + PATH, json={"asset_id": asset_id, **more}, headers=headers, timeout=60)

    def signed_in(self) -> "Person":
        return Person(self.server.url, self.name)

    def signed_in_as(self, person: "Person") -> "Person":
        """Somebody who has an account already, at another server of the same database."""
        return Person(self.server.url, person.name)

    def next_tag(self) -> str:
        answer = self.call("GET", "/next-asset-tag")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["next_asset_tag"])

    def next_number(self) -> int:
        return int(self.next_tag().removeprefix(self.prefix))

    def next_tags(self, number_of_tags: int) -> list[str]:
        """The tags of the next assets: earlier tests may have left tags that were released, and some ahead that are in use."""
        in_use = {row.number for row in self.rows() if row.state != TagState.RELEASED}
        free = (number for number in count(self.next_number()) if number not in in_use)
        return [self.tag(number) for number in islice(free, number_of_tags)]

    def tag(self, number: int) -> str:
        return f"{self.prefix}{number:04d}"

    def rows(self) -> list[Tag]:
        """Every tag, by number."""
        with self.app.app_context(), reading() as session:
            return list(session.scalars(select(Tag).order_by(Tag.number)))

    def row(self, tag: str) -> Tag:
        return next(row for row in self.rows() if row.tag == tag)

    def tags_of(self, asset_ids: Iterable[int]) -> dict[int, str]:
        """Tag by asset, of assets that have one."""
        wanted = set(asset_ids)
        return {row.asset_id: row.tag for row in self.rows() if row.asset_id in wanted}

    def all_confirmed(self, asset_ids: Iterable[int]) -> bool:
        wanted = set(asset_ids)
        rows = [row for row in self.rows() if row.asset_id in wanted]
        return len(rows) == len(wanted) and all(row.confirmed_at and row.due_at is None for row in rows)

    def wait_until_confirmed(self, asset_ids: Iterable[int]) -> None:
        wanted = set(asset_ids)
        wait_until(lambda: self.all_confirmed(wanted), within=CONFIRMED_WITHIN)

    def confirm(self, asset_ids: Iterable[int]) -> None:
        """Does what the job of the server would do some seconds later, until these assets' tags are confirmed."""

        def confirmed() -> bool:
            self._confirm_due()
            return self.all_confirmed(asset_ids)

        wait_until(confirmed, within=CONFIRMED_WITHIN)

    def settle(self) -> None:
        """Runs the job for all that is due and what falls due after it, until nothing is left to do."""

        def all_done() -> bool:
            self._confirm_due()
            return not [row for row in self.rows() if row.due_at]

        wait_until(all_done, within=CONFIRMED_WITHIN)

    def _confirm_due(self) -> None:
        self.time_passes()
        with suppress(Unavailable):  # Request Tracker is slow on a loaded machine
            self.run_job("confirm-tags")

    def time_passes(self) -> None:
        """What is to be looked at later is due now."""
        with self.app.app_context(), transaction() as session:
            for rows in (Tag, Creation):
                session.execute(update(rows).where(rows.due_at.is_not(None)).values(due_at=utc_now() - timedelta(seconds=1)))

    def much_later(self, name: str) -> None:
        """Runs the job as it will run again and again from now on, until the longest grace has passed."""
        for after in (timedelta(minutes=1), timedelta(minutes=30)):
            with time_machine.travel(utc_now() + after, tick=True):
                self.run_job(name)

    def run_job(self, name: str) -> int:
        """As `rtutils jobs run` does."""
        with self.app.app_context():
            return jobs.run(registry_of(self.app).jobs.named(name))

    def run_tasks(self) -> None:
        """Until each task has ended, or was postponed and says why. The server may be faster, and does them then."""

        def are_done() -> bool:
            self.run_job("run-tasks")
            unfinished = or_(Task.state == TaskState.RUNNING, and_(Task.state == TaskState.PENDING, Task.error.is_(None)))
            with self.app.app_context(), reading() as session:
                return not session.scalar(select(exists().where(unfinished)))

        wait_until(are_done, within=60)

    def fails_job(self, name: str) -> str:
        """Runs a job that is expected to fail, and returns why it did."""
        try:
            self.run_job(name)
        except AppError as error:
            return error.message
        raise AssertionError(f"{name} did not fail")


class Person:
    """Somebody at a browser, without the browser: signed in through the form."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name, self.session = url, name, _plain()
        self.session.headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
        answer = self.fill_in("/sign-in", name=name, password=PASSWORD)
        assert answer.status_code == 303, answer.text

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=60, allow_redirects=False)

    def fill_in(self, path: str, *, form: str = "", **fields: str) -> requests.Response:
        """Loads the page of the form, which is that of the path unless told otherwise, fills it in and sends it."""
        data = {**fields, "csrf_token": self._csrf_token(form or path)}
        return self.session.post(self.url + path, data=data, timeout=120, allow_redirects=False)

    def upload(self, path: str, content: bytes) -> str:
        """Uploads a CSV file through the form at the path. Returns the address of the file's page."""
        data, files = {"csrf_token": self._csrf_token(path)}, {"file": ("list.csv", content)}
        answer = self.session.post(self.url + path, data=data, files=files, timeout=120, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def add_asset(self, serial: str, model: str = "Chromebook 3100", catalog: str = CATALOG) -> requests.Response:
        """The answer leads to the asset's page when it was added."""
        return self.fill_in("/assets/new", form="/assets/create", serial_number=serial, model=model, manufacturer="Dell", catalog=catalog)

    def _csrf_token(self, path: str) -> str:
        page = self.get(path)
        assert page.status_code == 200, page.text
        return page.text.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


def asset_id_of(answer: requests.Response) -> int:
    """Of the asset whose page the answer leads to."""
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def create_at_once(rt: RequestTracker, count: int, *, clients: int = 4, name: str = "a new laptop") -> list[int]:
    """Assets made through Request Tracker's own REST interface by several clients at once. Returns their ids."""
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda number: rt.create_asset(f"{name} {number}", catalog=CATALOG), range(count)))


def _plain() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
