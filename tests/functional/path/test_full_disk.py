"""A disk that is full or read-only, with the database, the log and uploads on it: what people are told, what still works, and that
everything works again afterwards."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.services.apps import token
from tests.services.installation import Installation
from tests.services.local_server import wait_until
from tests.services.server import run_program
from tests.services.small_disk import CannotMount, Kind, SmallDisk
from tests.services.tables import check_all

FULL = "disk is full, so nothing can be saved"
READ_ONLY = "disk is read-only, so nothing can be saved"
METRICS_TOKEN = "token-that-reads-the-numbers"
REFUSED = 'rtutils_requests_total{method="POST",route="/webhook/asset-created",status="503"}'


def mounted(kind: Kind, folder: Path) -> SmallDisk:
    try:
        return SmallDisk(kind, folder)
    except CannotMount as error:
        pytest.skip(str(error))


def install_on(disk: SmallDisk, folder: Path) -> Installation:
    """A server with two workers. Only its output is on another disk."""
    (disk.folder / "tmp").mkdir()
    settings = {
        "instance_path": str(disk.folder / "instance"),
        "log_file": str(disk.folder / "logs" / "program.log"),
        "tmpdir": str(disk.folder / "tmp"),
        "workers": "2",
        "metrics_token": METRICS_TOKEN,
    }
    made = Installation(folder, f"sqlite:///{disk.folder}/instance/database.sqlite", "W12-", settings)
    made.call("GET", "/next-asset-tag")  # its token is made now
    return made


def workers_of(server_pid: int) -> set[int]:
    return {int(pid) for pid in Path(f"/proc/{server_pid}/task/{server_pid}/children").read_text().split()}


def counted(installation: Installation, name: str) -> float:
    answer = requests.get(f"{installation.server.url}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return sum(float(line.rpartition(" ")[2]) for line in answer.text.splitlines() if line.startswith(name))


def health(installation: Installation, check: str) -> dict[str, str]:
    result: dict[str, str] = requests.get(f"{installation.server.url}/api/health", timeout=30).json()["checks"][check]
    return result


def answers(installation: Installation) -> bool:
    """Whether somebody serves again. A connection of a worker that was killed is reset."""
    with suppress(requests.RequestException):
        return installation.call("GET", "/next-asset-tag").status_code == 200
    return False


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(request.param, tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def installation(disk: SmallDisk, tmp_path: Path) -> Iterator[Installation]:
    made = install_on(disk, tmp_path / "server")
    yield made
    made.close()


def test_a_full_disk_stops_only_what_is_saved_and_all_works_again_with_space(disk: SmallDisk, installation: Installation) -> None:
    admin, person = token(installation.app, "admin"), installation.signed_in()
    assert installation.tell(1).json()["asset_tag"] == "W12-0001"
    workers = workers_of(installation.server.pid)
    assert len(workers) == 2
    roster = b"Student ID,First name,Last name,Grade\n" + b"".join(b"%d,Ada,Lovelace,5\n" % number for number in range(60_000))

    def is_refused(path: str, status: int, body: dict[str, str]) -> None:
        answer = installation.call("POST", path, json=body)
        assert (answer.status_code, FULL in answer.text) == (status, True), f"{answer.status_code} {answer.text[:300]}"

    def is_read(path: str) -> None:
        for _ in range(4):  # by each worker
            answer = requests.get(installation.server.url + path, headers=admin, timeout=30)
            assert answer.status_code == 200, f"{answer.status_code} {answer.text[:300]}"
            assert person.get("/me").status_code == 200

    addresses = [str(rule) for rule in installation.app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    pages = {address: person.get(address).status_code for address in addresses if address != "/api/health"}
    assert list(pages.values()).count(200) > 40

    disk.fill()
    for number in range(20):
        refused = installation.tell(10 + number)
        assert (refused.status_code, FULL in refused.text) == (503, True), refused.text
    assert {address: person.get(address).status_code for address in pages} == pages
    asset = {"serial_number": "ABC123", "manufacturer": "Dell", "model": "3100"}
    student = {"student_id": "77", "first_name": "Ada", "last_name": "Lovelace", "grade": "5"}
    # The contract of /assets/create has 500 for everything that the server lacks.
    check_all([("/assets/create", 500, asset), ("/api/students", 503, student)], is_refused)
    on_a_page = person.fill_in("/assets/new", form="/assets/create", **asset)
    assert (on_a_page.status_code, FULL in on_a_page.text) == (503, True), on_a_page.text
    with pytest.raises(AssertionError, match=FULL):
        installation.signed_in()
    page = person.get("/students/import").text
    csrf_token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    upload = person.session.post(
        f"{installation.server.url}/students/import", data={"csrf_token": csrf_token}, files={"file": ("a.csv", roster)}, timeout=60
    )
    assert (upload.status_code, FULL in upload.text) == (503, True), f"{upload.status_code} {upload.text[:600]}"
    check_all(["/next-asset-tag", "/assets", "/students", "/students/export.csv", "/metrics", "/admin", "/"], is_read)
    assert FULL in health(installation, "disk")["summary"]
    assert workers_of(installation.server.pid) == workers, "a worker died"
    assert "Traceback" not in installation.server.log(), installation.server.log()[-3000:]

    for pids in ({min(workers)}, workers - {min(workers)}):  # a worker that starts now
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(workers_of(installation.server.pid)) == 2, within=30)
        wait_until(lambda: answers(installation), within=30)
    assert not workers_of(installation.server.pid) & workers

    disk.free()
    wait_until(lambda: installation.tell(50).status_code == 200, within=30)
    assert installation.next_number() == 3
    assert installation.signed_in().get("/me").status_code == 200
    assert FULL not in health(installation, "disk")["summary"]
    log = disk.folder / "logs" / "program.log"
    wait_until(lambda: installation.call("GET", "/next-asset-tag").ok and "lines lost" in log.read_text(), within=30)
    assert all(line.startswith(("timestamp=", "level=")) for line in log.read_text().splitlines()[-5:])
    before = counted(installation, "rtutils_requests_total")
    for _ in range(10):
        installation.call("GET", "/next-asset-tag")
    wait_until(lambda: counted(installation, "rtutils_requests_total") >= before + 10, within=20)
    runs = counted(installation, 'rtutils_job_runs_total{job="confirm-tags",outcome="ok"}')
    wait_until(lambda: counted(installation, 'rtutils_job_runs_total{job="confirm-tags",outcome="ok"}') > runs, within=60)


def test_what_was_counted_on_a_full_disk_is_shown_later(disk: SmallDisk, installation: Installation) -> None:
    disk.fill()
    for number in range(20):
        assert installation.tell(10 + number).status_code == 503
    disk.free()

    def is_shown() -> bool:
        installation.call("GET", "/next-asset-tag")
        return counted(installation, REFUSED) == 20

    wait_until(is_shown, within=30)


def test_a_start_on_a_full_disk_says_why_and_one_after_a_power_cut_can_read(disk: SmallDisk, installation: Installation) -> None:
    assert installation.tell(1).status_code == 200
    assert installation.name  # a start without accounts stores a link for the first one
    installation.server.kill()
    disk.fill()
    installation.server.start()  # the files of the database were left behind, so nothing is needed
    wait_until(lambda: answers(installation), within=30)
    refused = installation.tell(2)
    assert (refused.status_code, FULL in refused.text) == (503, True)

    disk.free()
    wait_until(lambda: installation.tell(2).status_code == 200, within=30)
    installation.server.stop()
    # A first start has nothing that it could delete to make room for what it writes.
    for name, code in ("without-key", 2), ("with-key", 3):
        folder = disk.folder / name
        folder.mkdir()
        if code == 3:
            for key in ("secret_key", "token_key"):
                shutil.copy(disk.folder / "instance" / key, folder)
        places = {
            "instance_path": folder,
            "database_url": f"sqlite:///{folder}/database.sqlite",
            "log_file": folder / "log",
            "tmpdir": folder,
        }
        disk.fill()
        failed = run_program("serve", settings=installation.server.settings | {key: str(place) for key, place in places.items()})
        assert (failed.returncode, FULL in failed.stderr, "Traceback" in failed.stderr) == (code, True, False), failed.stderr
        disk.free()
    installation.server.start()
    assert installation.tell(3).status_code == 200


def test_a_disk_that_became_read_only_can_still_be_read(tmp_path: Path) -> None:
    with mounted("ext4", tmp_path / "disk") as disk:
        installation = install_on(disk, tmp_path / "server")
        try:
            person = installation.signed_in()
            assert installation.tell(1).status_code == 200
            disk.break_down()
            for number in range(10):
                refused = installation.tell(10 + number)
                assert (refused.status_code, READ_ONLY in refused.text) == (503, True), refused.text
                assert installation.call("GET", "/next-asset-tag").status_code == person.get("/me").status_code == 200
            assert READ_ONLY in health(installation, "disk")["summary"]
            assert counted(installation, "rtutils_requests_total") > 0
            assert "Traceback" not in installation.server.log(), installation.server.log()[-3000:]
        finally:
            installation.close()
