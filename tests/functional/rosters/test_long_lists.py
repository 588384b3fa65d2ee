"""Lists that are long: devices are given out while one is imported, and a million lines are looked through to the last."""

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from flask import Flask

from request_tracker_utils.rosters import service
from tests.services.apps import token
from tests.services.rosters import HEAD, found, keep, run, told
from tests.services.school import School

LONG = 60_000


def long_list(lines: int = LONG) -> Iterator[bytes]:
    yield f"{HEAD}\n".encode()
    for begin in range(0, lines, 1_000):
        yield "".join(f"{200_000 + n},First{n % 97},Last{n},9,H1,North High,\n" for n in range(begin, begin + 1_000)).encode()


def test_whoever_scans_does_not_wait_for_the_list(app: Flask, school: School) -> None:
    client, headers = app.test_client(), token(app, "staff")
    school.student("1001")
    school.device()
    with app.app_context():
        roster = keep(long_list())
        run(service.start_check, roster.id)
    imported = threading.Event()

    def bring() -> None:
        try:
            with app.app_context():
                run(service.start_import, roster.id)
        finally:
            imported.set()

    importing = threading.Thread(target=bring)
    importing.start()
    beside, longest = 0, 0.0
    statuses = Counter[int]()
    while not imported.is_set():
        begun = time.monotonic()
        for way in ("checkin", "checkout"):
            statuses[client.post(f"/api/students/1001/{way}", json={"asset_tag": "W12-0001"}, headers=headers).status_code] += 1
        longest = max(longest, (time.monotonic() - begun) / 2)
        beside += not imported.is_set()
    importing.join()
    assert set(statuses) == {200}
    assert beside >= 10, longest
    assert len(school.log()) >= 2 * beside
    assert school.miscounted() == []
    assert school.student_now("259999").last_name == "Last59999"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_million_lines_are_looked_through_and_what_is_wrong_is_named_by_its_line(app: Flask) -> None:
    with app.app_context():
        roster = keep([*long_list(1_000_000), b"200000,First0,Last0,9,H1,North High,\n", b"7,Ada,Lovelace,14,,,\n"])
        run(service.start_check, roster.id)
        looked = found(roster.id)
    assert (looked.rows, looked.new, looked.bad) == (1_000_002, 1_000_000, 2)
    assert told(looked) == [
        (1_000_002, "200000 stands in line 2 already."),
        (1_000_003, "14 is not a grade. Enter PK, K, or a number from 1 to 13."),
    ]
