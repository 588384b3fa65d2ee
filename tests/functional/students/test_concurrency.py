"""Concurrent assignments through two server processes."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.services.installation import Installation
from tests.services.school import School

CLIENTS = 50


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    running = Installation(tmp_path, database_url, "W12-")
    yield running
    running.close()


@pytest.mark.both_databases
def test_of_fifty_concurrent_assignments_of_one_device_one_succeeds(installation: Installation) -> None:
    school = School(installation.app)
    school.students(CLIENTS)
    school.device()
    start = Barrier(CLIENTS)

    def assign(student_id: str) -> tuple[int, str]:
        start.wait(60)
        answer = installation.call("POST", f"/api/students/{student_id}/checkin", json={"asset_tag": "W12-0001"})
        return answer.status_code, answer.json().get("error", "")

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = Counter(pool.map(assign, [str(1001 + number) for number in range(CLIENTS)]))
    assert answers == {(200, ""): 1, (400, "Device is not available"): CLIENTS - 1}
    assert len(school.log()) == 1
    assert not school.miscounted()


@pytest.mark.both_databases
def test_batches_with_the_same_devices_in_opposite_order_do_not_deadlock(installation: Installation) -> None:
    school = School(installation.app)
    school.students(60)
    school.devices(60)
    tags = [f"W12-{number:04d}" for number in range(1, 61)]
    start = Barrier(4)

    def assign(order: int) -> int:
        mine = [{"student_id": str(1000 + int(tag[-4:])), "asset_tag": tag} for tag in tags[::order]]
        start.wait(60)
        body = installation.call("POST", "/api/devices/batch-checkin", json={"operations": mine}).json()
        return sum(result["status"] == "success" for result in body["results"])

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(assign, [1, -1, 1, -1])) == 60
    assert len(school.log()) == 60
    assert not school.miscounted()


def created(installation: Installation, many: int) -> list[str]:
    """Tags of new assets, which are not devices yet."""
    fields = {"manufacturer": "Dell", "model": "Chromebook 3100"}
    answers = [installation.call("POST", "/assets/create", json={"serial_number": f"NEW{n:05}", **fields}) for n in range(many)]
    return [str(answer.json()["asset_tag"]) for answer in answers]


@pytest.mark.both_databases
def test_of_concurrent_scans_of_one_new_asset_one_assigns_it(installation: Installation) -> None:
    """By its tag and by its serial number."""
    school, many = School(installation.app), 24
    school.students(many)
    (tag,) = created(installation, 1)
    start = Barrier(many)

    def scan(number: int) -> str:
        start.wait(60)
        values = {"scan_id": f"new-asset-{number}", "code": tag if number % 2 else "NEW00000", "student_id": str(1001 + number)}
        answer = installation.call("POST", "/api/scan/assign", json=values)
        return str(answer.json().get("code", answer.status_code))

    with ThreadPoolExecutor(many) as pool:
        answers = Counter(pool.map(scan, range(many)))
    assert answers == {"200": 1, "device_not_available": many - 1}
    assert installation.call("GET", "/api/devices").json()["count"] == len(school.log()) == 1
    assert not school.miscounted()


@pytest.mark.both_databases
def test_batches_with_the_same_new_assets_in_opposite_order_do_not_deadlock(installation: Installation) -> None:
    school = School(installation.app)
    school.students(20)
    tags, start = created(installation, 20), Barrier(4)

    def assign(order: int) -> int:
        mine = [{"student_id": str(1001 + number), "asset_tag": tag} for number, tag in list(enumerate(tags))[::order]]
        start.wait(60)
        body = installation.call("POST", "/api/devices/batch-checkin", json={"operations": mine}).json()
        return sum(result["status"] == "success" for result in body["results"])

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(assign, [1, -1, 1, -1])) == 20
    assert installation.call("GET", "/api/devices").json()["count"] == len(school.log()) == 20
    assert not school.miscounted()
