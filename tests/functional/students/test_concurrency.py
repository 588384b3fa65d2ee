"""Concurrent assignments through two server processes."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.services.at_once import answers_at_once, at_once
from tests.services.installation import Installation
from tests.services.school import School

CLIENTS = 50


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    running = Installation(tmp_path, database_url, "W12-")
    yield running
    running.close()


def assigned_from_both_ends(installation: Installation, operations: list[dict[str, str]]) -> int:
    """How many devices four concurrent batches have assigned, two of them in the opposite order."""
    batches = [operations[::order] for order in (1, -1, 1, -1)]
    path = "/api/devices/batch-checkin"
    answers = answers_at_once([partial(installation.call, "POST", path, json={"operations": batch}) for batch in batches])
    return sum(result["status"] == "success" for answer in answers for result in answer.json()["results"])


@pytest.mark.both_databases
def test_of_fifty_concurrent_assignments_of_one_device_one_succeeds(installation: Installation) -> None:
    school = School(installation.app)
    school.students(CLIENTS)
    school.device()
    paths = [f"/api/students/{1001 + number}/checkin" for number in range(CLIENTS)]
    answers = answers_at_once([partial(installation.call, "POST", path, json={"asset_tag": "W12-0001"}) for path in paths])
    errors = Counter((answer.status_code, answer.json().get("error", "")) for answer in answers)
    assert errors == {(200, ""): 1, (400, "Device is not available"): CLIENTS - 1}
    assert len(school.log()) == 1
    assert not school.miscounted()


@pytest.mark.both_databases
def test_batches_with_the_same_devices_in_opposite_order_do_not_deadlock(installation: Installation) -> None:
    school = School(installation.app)
    school.students(60)
    school.devices(60)
    tags = [f"W12-{number:04d}" for number in range(1, 61)]
    operations = [{"student_id": str(1000 + int(tag[-4:])), "asset_tag": tag} for tag in tags]
    assert assigned_from_both_ends(installation, operations) == 60
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
    scans = [
        {"scan_id": f"new-asset-{number}", "code": tag if number % 2 else "NEW00000", "student_id": str(1001 + number)}
        for number in range(many)
    ]
    answers = at_once([partial(installation.call, "POST", "/api/scan/assign", json=scan) for scan in scans])
    assert {code: number for (_status, code), number in answers.items()} == {"": 1, "device_not_available": many - 1}
    assert installation.call("GET", "/api/devices").json()["count"] == len(school.log()) == 1
    assert not school.miscounted()


@pytest.mark.both_databases
def test_batches_with_the_same_new_assets_in_opposite_order_do_not_deadlock(installation: Installation) -> None:
    school = School(installation.app)
    school.students(20)
    operations = [{"student_id": str(1001 + number), "asset_tag": tag} for number, tag in enumerate(created(installation, 20))]
    assert assigned_from_both_ends(installation, operations) == 20
    assert installation.call("GET", "/api/devices").json()["count"] == len(school.log()) == 20
    assert not school.miscounted()
