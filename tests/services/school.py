"""A school for tests: creates students, devices and their assignments in one call each."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.students import assignments, devices, service
from request_tracker_utils.students.counts import StudentCounts, current_counts
from request_tracker_utils.students.models import Device, DeviceLog, Student

NOW = datetime(2026, 8, 17, 7, 30, tzinfo=UTC)
ADA = Actor("ada")
NAMES = [("Grace", "Hopper"), ("Alan", "Turing"), ("Ada", "Lovelace"), ("Edsger", "Dijkstra"), ("Barbara", "Liskov"), ("Donald", "Knuth")]


class School:
    """Its clock advances by a minute with each change. No app context stays open between calls, since requests would share it."""

    def __init__(self, app: Flask) -> None:
        self.app, self._minutes = app, count()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.app.app_context(), transaction() as session:
            yield session

    @contextmanager
    def looking(self) -> Iterator[Session]:
        with self.app.app_context(), reading() as session:
            yield session

    def now(self) -> datetime:
        return NOW + timedelta(minutes=next(self._minutes))

    def student(self, student_id: str = "1001", first_name: str = "Grace", last_name: str = "Hopper", **more: Any) -> Student:
        values = {"student_id": student_id, "first_name": first_name, "last_name": last_name, "grade": "9", **more}
        with self.writing() as session:
            return service.create(session, values, now=self.now())

    def students(self, many: int, *, begin: int = 1001, **more: Any) -> list[Student]:
        return [self.student(str(begin + number), *NAMES[number % len(NAMES)], **more) for number in range(many)]

    def device(self, tag: str = "W12-0001", **more: Any) -> Device:
        with self.writing() as session:
            return devices.create(session, {"asset_tag": tag, "model": "Chromebook 3100", **more}, now=self.now())

    def devices(self, many: int, *, begin: int = 1) -> list[Device]:
        return [self.device(f"W12-{number:04d}", serial_number=f"SN{number:05d}") for number in range(begin, begin + many)]

    def assign(self, tag: str, student_id: str, **more: Any) -> DeviceLog:
        with self.writing() as session:
            device, student = devices.get(session, tag, lock=True), service.get(session, student_id)
            return assignments.assign(session, device, student, actor=ADA, now=self.now(), **more)

    def return_device(self, tag: str, **more: Any) -> DeviceLog:
        with self.writing() as session:
            return assignments.return_device(session, devices.get(session, tag, lock=True), actor=ADA, now=self.now(), **more)

    def undo(self, log: DeviceLog) -> DeviceLog:
        with self.writing() as session:
            return assignments.undo(session, log.id, actor=ADA, now=self.now())

    def device_now(self, tag: str) -> Device:
        with self.looking() as session:
            return devices.get(session, tag)

    def student_now(self, student_id: str) -> Student:
        with self.looking() as session:
            return service.get(session, student_id)

    def log(self, tag: str = "") -> list[DeviceLog]:
        """History entries, oldest first."""
        with self.looking() as session:
            query = select(DeviceLog).order_by(DeviceLog.id)
            return list(session.scalars(query.where(DeviceLog.asset_tag == tag) if tag else query))

    def miscounted(self) -> list[str]:
        """Where the counters disagree with the tables."""
        with self.looking() as session:
            counts = current_counts(session)
            by_status = Counter(session.scalars(select(Device.status)))
            by_student = Counter(session.scalars(select(Device.current_student_id)))
            students = list(session.scalars(select(Student)))
        wrong = [student.student_id for student in students if student.device_count != by_student[student.student_id]]
        if {status: number for status, number in counts.devices.items() if number} != by_status:
            wrong.append(f"devices {counts.devices} {by_status}")
        for grade in {student.grade for student in students} | set(counts.by_grade):
            states = Counter((each.is_active, each.device_count > 0) for each in students if each.grade == grade)
            expected = StudentCounts(states[True, True], states[True, False], states[False, True], states[False, False])
            if counts.by_grade.get(grade, StudentCounts()) != expected:
                wrong.append(f"grade {grade}: {counts.by_grade.get(grade)} {expected}")
        return wrong


@pytest.fixture(name="school")
def school(app: Flask) -> School:
    return School(app)


@pytest.fixture(name="school")
def school_in_context(app: Flask) -> Iterator[School]:
    """For tests without requests: an app context is open."""
    with app.app_context():
        yield School(app)
