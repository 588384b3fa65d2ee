"""A school of any size, inserted in bulk: students, more devices than students, and a long history."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from flask import Flask
from sqlalchemy import text

from request_tracker_utils.core.db import db
from request_tracker_utils.core.text import search_key
from request_tracker_utils.students.grades import grade_rank

DEVICES, LOGS = 1.2, 10
"""Devices and history entries per student."""
START = datetime(2024, 8, 1, 8, 0, tzinfo=UTC)
GRADES = ["PK", "K", *map(str, range(1, 13))]
CHUNK = 10_000
_CONSONANTS, _VOWELS = "bdfghklmnprstvz", "aeiou"


def student_id(number: int) -> str:
    return f"{number:06d}"


def tag(number: int) -> str:
    return f"W12-{number:04d}"


def serial(number: int) -> str:
    """Neighbors differ in their first digits, as manufacturers' serial numbers do."""
    return f"5C{number * 7919 % 1_000_003:07d}"


def name(number: int, syllables: int) -> str:
    """75 syllables, combined."""
    made = ""
    for _ in range(syllables):
        number, place = divmod(number, len(_CONSONANTS) * len(_VOWELS))
        made += _CONSONANTS[place // len(_VOWELS)] + _VOWELS[place % len(_VOWELS)]
    return made.capitalize()


def last_name(number: int) -> str:
    """One of 4,000."""
    return name(number * 7919 % 4_000 + 300, 3)


def first_name(number: int) -> str:
    """One of 300."""
    return name(number * 31 % 300 + 100, 2)


def fill(app: Flask, students: int) -> None:
    """Every second student has a device; some devices are in maintenance or retired."""
    with app.app_context():
        raw: Any = db.engine.raw_connection()
        try:
            insert = _copy if db.engine.dialect.name == "postgresql" else _insert
            for table, rows in (("students", _students), ("device_info", _devices), ("device_logs", history)):
                insert(raw, table, rows(students))
                raw.commit()
        finally:
            raw.close()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE" if db.engine.dialect.name == "postgresql" else "ANALYZE"))


def _students(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        first, last, grade = first_name(number), last_name(number), GRADES[number % len(GRADES)]
        yield {
            "student_id": student_id(number),
            "id_key": student_id(number),
            "first_name": first,
            "last_name": last,
            "first_key": search_key(first),
            "last_key": search_key(last),
            "grade": grade,
            "grade_rank": grade_rank(grade),
            "is_active": True,
            "building": "High School",
            "homeroom": f"B{number % 40}",
            "email": "",
            "rt_user": "",
            "device_count": 0,
            "created_at": START,
            "updated_at": START,
        }


def _devices(students: int) -> Iterator[dict[str, Any]]:
    for number in range(int(students * DEVICES)):
        is_out = number < students and number % 2 == 0
        idle = "retired" if number % 50 == 1 else "maintenance" if number % 50 == 3 else "available"
        yield {
            "asset_tag": tag(number),
            "tag_key": search_key(tag(number)),
            "serial_number": serial(number),
            "serial_key": search_key(serial(number)),
            "model": "Chromebook 3100",
            "status": "checked_out" if is_out else idle,
            "current_student_id": student_id(number) if is_out else None,
            "building": "",
            "condition": "good",
            "accessories": "[]",
            "assigned_at": START if is_out else None,
            "rt_attempts": 0,
            "created_at": START,
            "updated_at": START,
        }


def history(students: int) -> Iterator[dict[str, Any]]:
    chance, devices = random.Random(5), int(students * DEVICES)
    before = json.dumps({"status": "available", "student_id": None})
    for number in range(students * LOGS):
        device, student = number % devices, chance.randrange(students)
        action = "check_in" if number // devices % 2 == 0 else "check_out"
        yield {
            "asset_tag": tag(device),
            "student_id": student_id(student),
            "student_name": f"{first_name(student)} {last_name(student)}",
            "action": action,
            "status": "checked_out" if action == "check_in" else "available",
            "timestamp": START + timedelta(seconds=30 * number),
            "notes": "",
            "actor": "ada",
            "condition": "",
            "accessories": "[]",
            "missing": "[]",
            "before": before,
        }


def _insert(raw: Any, table: str, rows: Iterator[dict[str, Any]]) -> None:
    cursor = raw.cursor()
    cursor.execute("BEGIN IMMEDIATE")  # the driver does not begin one: each row would be a transaction
    while chunk := list(islice(rows, CHUNK)):
        columns = list(chunk[0])
        places = ", ".join("?" * len(columns))
        values = [[_plain(value) for value in row.values()] for row in chunk]
        cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", values)


def _plain(value: Any) -> Any:
    return value.strftime("%Y-%m-%d %H:%M:%S.000000") if isinstance(value, datetime) else value


def _copy(raw: Any, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    with raw.cursor().copy(f"COPY {table} ({', '.join(first)}) FROM STDIN") as copy:
        copy.write_row(list(first.values()))
        for row in rows:
            copy.write_row(list(row.values()))
