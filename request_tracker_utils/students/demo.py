"""A believable school, for somebody who wants to look around."""

import random
from datetime import timedelta

from sqlalchemy import exists, select

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students import assignments, service
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.rules import device_fields

COUNT = 160
DEVICES = 60
HANDED_OUT = 34
_FIRST = [
    "Ada",
    "Alan",
    "Amara",
    "Beatriz",
    "Chen",
    "Dorothy",
    "Edsger",
    "Farah",
    "Grace",
    "Hedy",
    "Ines",
    "Jamal",
    "Katherine",
    "Liam",
    "Mei",
    "Noor",
    "Omar",
    "Priya",
    "Quinn",
    "Radia",
]
_LAST = [
    "Abbott",
    "Becker",
    "Castillo",
    "Diallo",
    "Eriksen",
    "Fischer",
    "García",
    "Hopper",
    "Ito",
    "Jensen",
    "Kowalski",
    "Lovelace",
    "Müller",
    "Nguyen",
    "O’Brien",
    "Patel",
    "Turing",
]
_GRADES = ["PK", "K", *map(str, range(1, 13))]


def is_empty() -> bool:
    with reading() as session:
        return not session.scalar(select(exists().select_from(Student)))


def fill(store: AssetStore) -> int:
    """Chromebooks of the directory are the devices, where it has any."""
    chance, now, actor = random.Random(7), utc_now(), of_command()  # noqa: S311 — the same believable data each time
    with transaction() as session:
        students = []
        for number in range(COUNT):
            grade = chance.choice(_GRADES)
            first, last = chance.choice(_FIRST), chance.choice(_LAST)
            values = {"student_id": f"{26000 + number:06d}", "first_name": first, "last_name": last, "grade": grade}
            more = {"building": "High School" if grade in _GRADES[-4:] else "Elementary", "homeroom": f"B{chance.randint(1, 24)}"}
            students.append(service.create(session, values | more, now=now))
        registered = _devices(store)
        for device in registered:
            session.add(device)
        session.flush()
        for number, (device, student) in enumerate(zip(registered[:HANDED_OUT], students, strict=False)):
            at = now - timedelta(days=HANDED_OUT - number)
            due = (at + timedelta(days=14)).date() if number % 11 == 0 else None
            assignments.assign(session, device, student, actor=actor, now=at, due=due, accessories=["charger"])
            if number % 9 == 8:
                damaged = {"condition": "damaged", "notes": "The screen is cracked.", "returned": []}
                assignments.take_back(session, device, actor=actor, now=at + timedelta(days=3), **damaged)  # type: ignore[arg-type]
    return COUNT


def _devices(store: AssetStore) -> list[Device]:
    assets = [asset for page in store.get_many(range(1, DEVICES + 1)) for asset in page if asset.name]
    now = utc_now()
    fields = [{"asset_tag": each.name, "serial_number": each.serial, "model": each.model, "asset_id": each.id} for each in assets]
    return [Device(**device_fields(each), created_at=now, updated_at=now) for each in fields]
