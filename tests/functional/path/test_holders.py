"""A day of handing out: whatever Request Tracker did meanwhile, it agrees with us in the evening."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

import pytest
import requests
from playwright.sync_api import Browser, expect
from sqlalchemy import select, update

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.holders.comparison import DISCREPANCIES
from request_tracker_utils.holders.models import HolderDiscrepancy
from request_tracker_utils.students.models import Device
from tests.functional.path.conftest import Install
from tests.services.installation import Installation, Surroundings
from tests.services.local_server import wait_until
from tests.services.proxy import nobody_there
from tests.services.scan_station import entries, idle, opened, scan
from tests.services.school import School
from tests.services.server import RunningServer, ServerFailed

pytestmark = pytest.mark.rt

DEVICES, STUDENTS = 24, 6
HALF = (DEVICES + STUDENTS) // 2
_numbers = count(1)


@dataclass
class Day:
    """Two servers of one installation, devices with their assets, and students with their users."""

    installation: Installation
    servers: list[RunningServer]
    around: Surroundings
    tags: dict[str, int]
    students: list[str]

    def call(self, number: int, path: str, tag: str) -> int:
        """By one of the two servers; returns the status."""
        with requests.Session() as session:
            session.trust_env = False
            server = self.servers[number % len(self.servers)]
            return session.post(server.url + path, json={"asset_tag": tag}, headers=self.installation.headers, timeout=60).status_code

    def devices(self) -> list[Device]:
        with self.installation.app.app_context(), reading() as session:
            return list(session.scalars(select(Device).order_by(Device.id)))

    def device(self, tag: str) -> Device:
        return next(device for device in self.devices() if device.asset_tag == tag)

    def until_told(self) -> None:
        """What is to be told later is told now, beside what the servers tell by themselves."""
        for _ in range(30):
            with self.installation.app.app_context(), transaction() as session:
                session.execute(update(Device).where(Device.rt_due_at.is_not(None)).values(rt_due_at=utc_now()))
            try:
                self.installation.run_job("sync-holders")
            except Unavailable:
                continue
            if not any(device.rt_due_at for device in self.devices()):
                return
        raise AssertionError([(device.asset_tag, device.rt_due_at, device.rt_problem) for device in self.devices() if device.rt_due_at])

    def as_we_have_it(self) -> dict[str, str]:
        """Tag → the name in Request Tracker of who has the device."""
        name = self.installation.settings["rt_student_user"].removesuffix("{student_id}")
        return {device.asset_tag: f"{name}{device.current_student_id}" if device.current_student_id else "" for device in self.devices()}

    def in_request_tracker(self) -> dict[str, str]:
        """Tag → who holds and owns the asset there."""
        found = {}
        for tag, asset_id in self.tags.items():
            asset = self.around.rt.asset(asset_id)
            held, owner = [each["id"] for each in asset["HeldBy"]], asset["Owner"]["id"]
            assert held == ([] if owner == "Nobody" else [owner])
            found[tag] = "" if owner == "Nobody" else owner
        return found


@pytest.fixture
def day(surroundings: Surroundings, install: Install, kind: str) -> Iterator[Day]:
    name = f"EV{next(_numbers)}{kind[0]}"
    assets = list(surroundings.rt.fill(DEVICES + 1, f"{name}-"))
    made = install(kind, prefix=f"{name}-", rt_student_user=name + "{student_id}", rt_timeout="10")
    school = School(made.app)
    students = [str(number) for number in range(1001, 1001 + STUDENTS)]
    for number in students:
        school.student(number)
        assert surroundings.rt.rest("POST", "user", json={"Name": f"{name}{number}"}).status_code == 201
    tags = {f"{name}-{number:04d}": asset_id for number, asset_id in enumerate(assets, start=1)}
    for tag in tags:
        school.device(tag)
    with ExitStack() as stack:
        same = {**made.settings, "instance_path": made.server.settings["instance_path"]}
        other = stack.enter_context(RunningServer(made.folder, **same))
        yield Day(made, [made.server, other], surroundings, tags, students)


def test_request_tracker_agrees_in_the_evening(day: Day) -> None:
    half_given, back = threading.Event(), threading.Event()
    *_, first = day.tags
    assert day.call(1, f"/api/students/{day.students[0]}/checkin", first) == 200
    wait_until(lambda: day.device(first).rt_synced_at is not None, within=45)  # by itself

    def give_and_return(number: int, tag: str) -> None:
        student = day.students[number % STUDENTS]
        assert day.call(number, f"/api/students/{student}/checkin", tag) == 200
        if number == DEVICES // 2:
            half_given.set()
        if number % 3 == 0:
            assert day.call(number + 1, f"/api/students/{student}/checkout", tag) == 200
        if number % 6 == 0:
            other = day.students[(number + 1) % STUDENTS]
            assert day.call(number, f"/api/students/{other}/checkin", tag) == 200

    def goes_away_and_comes_back() -> None:
        half_given.wait(60)
        with day.around.line.meddling(nobody_there):
            day.around.rt.restart(webhook=day.around.rt.webhook)
            back.wait(60)

    trouble = threading.Thread(target=goes_away_and_comes_back)
    trouble.start()
    try:
        with ThreadPoolExecutor(4) as people:
            list(people.map(give_and_return, range(DEVICES), day.tags))  # nobody waits for Request Tracker
    finally:
        back.set()
        trouble.join()
    day.until_told()
    assert sum(map(bool, day.as_we_have_it().values())) == DEVICES - DEVICES // 6 + 1
    assert day.in_request_tracker() == day.as_we_have_it()
    assert {device.asset_tag: device.asset_id for device in day.devices()} == day.tags
    assert School(day.installation.app).miscounted() == []
    wait_until(lambda: compared(day.installation.server), within=60)
    with day.installation.app.app_context(), reading() as session:
        open_ones = session.scalars(select(HolderDiscrepancy).where(DISCREPANCIES.is_open())).all()
    users = day.installation.settings["rt_student_user"].removesuffix("{student_id}")
    assert [each for each in open_ones if each.asset_tag or users in each.theirs] == []


def compared(server: RunningServer) -> bool:
    """The server compares once a day by itself, and may do so just now."""
    try:
        server.run("holders", "compare")
    except ServerFailed as failed:
        if "already running" not in str(failed):
            raise
        return False
    return True


@pytest.mark.chromium
@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_scans_go_on_while_request_tracker_is_stopped_and_started_again(day: Day, browser: Browser) -> None:
    tags = list(day.tags)[:DEVICES]
    each = DEVICES // STUDENTS
    given = [code for number, student in enumerate(day.students) for code in (student, *tags[each * number : each * (number + 1)])]
    again = [code for student, tag in zip(day.students[:4], tags, strict=False) for code in (student, tag)]
    with opened(browser, day.servers[0], name=day.installation.name) as page:
        scan(page, *given[:HALF])
        with day.around.line.meddling(nobody_there):
            scan(page, *given[HALF:], "MODE:RETURN", *tags[: DEVICES // 2])
            idle(page)
            assert len(School(day.installation.app).log()) == DEVICES + DEVICES // 2  # nobody waits for it
            day.around.rt.restart(webhook=day.around.rt.webhook)
        scan(page, *tags[DEVICES // 2 :], "MODE:ASSIGN", *again)
        idle(page)
        expect(entries(page, "failed")).to_have_count(0)
    day.until_told()
    assert day.as_we_have_it() == dict.fromkeys(day.tags, "") | {
        tag: f"{day.installation.settings['rt_student_user'].format(student_id=student)}"
        for student, tag in zip(again[::2], again[1::2], strict=True)
    }
    assert day.in_request_tracker() == day.as_we_have_it()
