"""Demo data: a school with students and devices."""

import random
from datetime import timedelta

from sqlalchemy import exists, select

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students import assignments, service
from request_tracker_utils.students.fields import device_fields
from request_tracker_utils.students.models import Device, Student

STUDENTS = 160
DEVICES = 60
ASSIGNED = 34
_FIRST_NAMES = [
    *("Ada", "Alan", "Amara", "Beatriz", "Chen", "Dorothy", "Edsger", "Farah", "Grace", "Hedy"),
    *("Ines", "Jamal", "Katherine", "Liam", "Mei", "Noor", "Omar", "Priya", "Quinn", "Radia"),
]
_LAST_NAMES = [
    *("Abbott", "Becker", "Castillo", "Diallo", "Eriksen", "Fischer", "García", "Hopper", "Ito"),
    *("Jensen", "Kowalski", "Lovelace", "Müller", "Nguyen", "O’Brien", "Patel", "Turing"),
]
_GRADES = ["PK", "K", *map(str, range(1, 13))]


def is_empty() -> bool:
    with reading() as session:
        return not session.scalar(select(exists().select_from(Student)))


def fill(store: AssetStore) -> int:
    """Returns the number of students. The first assets of the store become devices."""
    rng, now, actor = random.Random(7), utc_now(), of_command()  # noqa: S311 — the same data each time
    with transaction() as session:
        students = []
        for number in range(STUDENTS):
            grade = rng.choice(_GRADES)
            first, last = rng.choice(_FIRST_NAMES), rng.choice(_LAST_NAMES)
            values = {"student_id": f"{26000 + number:06d}", "first_name": first, "last_name": last, "grade": grade}
            school = {"building": "High School" if grade in _GRADES[-4:] else "Elementary", "homeroom": f"B{rng.randint(1, 24)}"}
            students.append(service.create(session, values | school, now=now))
        devices = _devices(store)
        for device in devices:
            session.add(device)
        session.flush()
        for number, (device, student) in enumerate(zip(devices[:ASSIGNED], students, strict=False)):
            at = now - timedelta(days=ASSIGNED - number)
            due = (at + timedelta(days=14)).date() if number % 11 == 0 else None
            assignments.assign(session, device, student, actor=actor, now=at, due=due, accessories=["charger"])
            if number % 9 == 8:
                damage = {"condition": "damaged", "notes": "The screen is cracked.", "returned": []}
                assignments.return_device(session, device, actor=actor, now=at + timedelta(days=3), **damage)  # type: ignore[arg-type]
    return STUDENTS


def _devices(store: AssetStore) -> list[Device]:
    assets = [asset for page in store.get_many(range(1, DEVICES + 1)) for asset in page if asset.name]
    now = utc_now()
    fields = [{"asset_tag": each.name, "serial_number": each.serial, "model": each.model, "asset_id": each.id} for each in assets]
    return [Device(**device_fields(each), created_at=now, updated_at=now) for each in fields]
