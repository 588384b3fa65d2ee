"""What students and devices contribute to the app."""

import random
from collections.abc import Mapping
from datetime import timedelta

from flask import Flask
from sqlalchemy import exists, select

from request_tracker_utils.accounts.student_links import StudentLookup
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.assets.current import OwnAssets
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.students import assignments, jobs, service
from request_tracker_utils.students.account_links import StudentsOfAccounts
from request_tracker_utils.students.api import devices as device_api, scans as scan_api, students as student_api
from request_tracker_utils.students.counts import current_counts
from request_tracker_utils.students.current import visibility
from request_tracker_utils.students.inventory import device_of
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.permissions import GRANTS, StudentPermission
from request_tracker_utils.students.views import (
    devices as device_views,
    own_record as own_views,
    scan_station as scan_views,
    students as student_views,
)
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem
from request_tracker_utils.web.registry import registry_of

DEMO_STUDENTS = 160
DEMO_DEVICES = 60
DEMO_ASSIGNED = 34
_FIRST_NAMES = [
    *("Ada", "Alan", "Amara", "Beatriz", "Chen", "Dorothy", "Edsger", "Farah", "Grace", "Hedy"),
    *("Ines", "Jamal", "Katherine", "Liam", "Mei", "Noor", "Omar", "Priya", "Quinn", "Radia"),
]
_LAST_NAMES = [
    *("Abbott", "Becker", "Castillo", "Diallo", "Eriksen", "Fischer", "García", "Hopper", "Ito"),
    *("Jensen", "Kowalski", "Lovelace", "Müller", "Nguyen", "O’Brien", "Patel", "Turing"),
]
_GRADES = ["PK", "K", *map(str, range(1, 13))]


def install(app: Flask) -> None:
    registry_of(app).provide(OwnAssets, OwnAssets(own_views.own_asset_address))
    registry_of(app).provide(StudentLookup, StudentsOfAccounts())


def card() -> Mapping[str, object]:
    with reading() as session:
        return {"counts": current_counts(session, visibility())}


def _is_empty() -> bool:
    with reading() as session:
        return not session.scalar(select(exists().select_from(Student)))


def _fill(store: AssetStore) -> int:
    """Returns the number of students. The first assets of the store become devices."""
    rng, now, actor = random.Random(7), utc_now(), of_command()  # noqa: S311 — the same data each time
    with transaction() as session:
        students = []
        for number in range(DEMO_STUDENTS):
            grade = rng.choice(_GRADES)
            first, last = rng.choice(_FIRST_NAMES), rng.choice(_LAST_NAMES)
            values = {"student_id": f"{26000 + number:06d}", "first_name": first, "last_name": last, "grade": grade}
            school = {"building": "High School" if grade in _GRADES[-4:] else "Elementary", "homeroom": f"B{rng.randint(1, 24)}"}
            students.append(service.create(session, values | school, now=now))
        devices = _demo_devices(store)
        for device in devices:
            session.add(device)
        session.flush()
        for number, (device, student) in enumerate(zip(devices[:DEMO_ASSIGNED], students, strict=False)):
            at = now - timedelta(days=DEMO_ASSIGNED - number)
            due = (at + timedelta(days=14)).date() if number % 11 == 0 else None
            assignments.assign(session, device, student, actor=actor, now=at, due=due, accessories=["charger"])
            if number % 9 == 8:
                damage = {"condition": "damaged", "notes": "The screen is cracked.", "returned": []}
                assignments.return_device(session, device, actor=actor, now=at + timedelta(days=3), **damage)  # type: ignore[arg-type]
    return DEMO_STUDENTS


def _demo_devices(store: AssetStore) -> list[Device]:
    assets = [asset for page in store.get_many(range(1, DEMO_DEVICES + 1)) for asset in page if asset.name]
    now = utc_now()
    devices = [device_of(asset, asset.name, now=now) for asset in assets]
    for device in devices:
        device.created_at = device.updated_at = now
    return devices


feature = Feature(
    name="students",
    apis=[student_api.api, device_api.api, scan_api.api],
    pages=[student_views.pages, device_views.pages, scan_views.pages, own_views.pages],
    navigation=[
        NavItem("Students", "students.dashboard", StudentPermission.READ, order=12),
        NavItem("Devices", "devices.listed", StudentPermission.READ, order=13),
        NavItem("Scan station", "scan_station.show", StudentPermission.ASSIGN, order=14),
        NavItem("My devices", "own_record.my_devices", StudentPermission.OWN, order=15),
        NavItem("My record", "own_record.my_record", StudentPermission.OWN, order=16),
    ],
    cards=[
        HomeCard("students/card.html", StudentPermission.READ, card, order=12),
        HomeCard("students/my-card.html", StudentPermission.OWN, own_views.card, order=12),
    ],
    jobs=jobs.jobs,
    former_addresses={"/students/scan/card": "scan_station.commands"},
    demo=Demo(gettext_noop("students and their devices"), _is_empty, lambda: _fill(asset_store())),
    grants=GRANTS,
    install=install,
)
