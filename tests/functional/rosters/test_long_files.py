"""Long files: devices are assigned while one is imported, and a million lines are previewed to the last."""

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from flask import Flask

from request_tracker_utils.imports import service
from tests.services.apps import token
from tests.services.rosters import HEADER, preview, problems, run, upload
from tests.services.school import School

LONG = 60_000


def long_file() -> Iterator[bytes]:
    yield f"{HEADER}\n".encode()
    for begin in range(0, LONG, 1_000):
        yield "".join(f"{200_000 + n},First{n % 97},Last{n},9,H1,North High,\n" for n in range(begin, begin + 1_000)).encode()


@pytest.mark.both_databases
def test_the_scan_station_does_not_wait_for_an_import(app: Flask, school: School) -> None:
    """On SQLite there is one writer at a time, on PostgreSQL rows are locked."""
    client, headers = app.test_client(), token(app, "staff")
    school.student("1001")
    school.device()
    with app.app_context():
        file = upload(long_file())
        run(service.start_preview, file)
    imported = threading.Event()

    def import_file() -> None:
        try:
            with app.app_context():
                run(service.start_import, file)
        finally:
            imported.set()

    importing = threading.Thread(target=import_file)
    importing.start()
    meanwhile, longest = 0, 0.0
    statuses = Counter[int]()
    while not imported.is_set():
        begun = time.monotonic()
        for action in ("checkin", "checkout"):
            statuses[client.post(f"/api/students/1001/{action}", json={"asset_tag": "W12-0001"}, headers=headers).status_code] += 1
        longest = max(longest, (time.monotonic() - begun) / 2)
        meanwhile += not imported.is_set()
    importing.join()
    assert set(statuses) == {200}
    assert meanwhile >= 10, longest
    assert len(school.log()) >= 2 * meanwhile
    assert school.miscounted() == []
    assert school.student_now("259999").last_name == "Last59999"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_million_lines_are_previewed_and_problems_have_their_line(app: Flask) -> None:
    thousands = range(200_000, 1_200_000, 1_000)
    lines = ("".join(f"{number},First,Last\n" for number in range(begin, begin + 1_000)).encode() for begin in thousands)
    with app.app_context():
        report = preview([b"Student ID,First Name,Last Name\n", *lines, b"200000,First,Last\n", b"7,,Lovelace\n"])
    assert (report.rows, report.new, report.invalid) == (1_000_002, 1_000_000, 2)
    assert problems(report) == [(1_000_002, "200000 is already in line 2."), (1_000_003, "The first name is missing.")]
