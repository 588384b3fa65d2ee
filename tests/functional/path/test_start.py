"""Starting: as an installed package, and refusing to start with a message that helps."""

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.services.server import CHECKOUT, PROGRAM, RunningServer, free_port, run_program
from tests.services.tables import check_all

# What a superuser may do in spite of a folder's mode, taken away.
UNPRIVILEGED = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
)


def serve(settings: dict[str, str], *, before: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    return run_program("serve", settings={"port": str(free_port()), **settings}, program=[*(before or []), *PROGRAM])


def test_wrong_settings_are_all_named_at_once() -> None:
    done = serve(
        {
            "port": "eighty",
            "threads": "1",
            "app_url": "utils.example.org",
            "timezone": "Mars/Olympus",
            "prefix": "W12",
            "database_url": "mysql://db/rt",
            "webhook_token": "short",
            "rt_url": "http://rt.example.org",
        }
    )
    assert done.returncode == 2
    named = set(re.findall(r"^  ([A-Z_]+): ", done.stderr, re.MULTILINE))
    assert named == {"PORT", "THREADS", "APP_URL", "TIMEZONE", "PREFIX", "DATABASE_URL", "WEBHOOK_TOKEN", "RT_TOKEN"}
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="setpriv is not installed")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o555)
    done = serve({"instance_path": str(folder)}, before=UNPRIVILEGED)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "INSTANCE_PATH" in done.stderr
    assert str(folder) in done.stderr
    assert list(folder.iterdir()) == []


def test_an_older_installations_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    def check(mode: str) -> None:
        folder = tmp_path / mode
        folder.mkdir()
        file = folder / "database.sqlite"
        connection = sqlite3.connect(file)
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE devices (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO devices (name) VALUES ('W12-0001')")
        connection.commit()
        connection.close()
        before = hashlib.sha256(file.read_bytes()).hexdigest()
        named = {"database_path": str(file), "instance_path": str(folder / "new")}
        done = serve(named if mode == "wal" else {"instance_path": str(folder)})
        assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
        assert str(file) in done.stderr
        assert "rtutils import-legacy" in done.stderr
        assert hashlib.sha256(file.read_bytes()).hexdigest() == before

    check_all(["delete", "wal"], check)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment into which the built wheel was installed; it borrows the project's dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(CHECKOUT)], check=True, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    subprocess.run([*pip, "--python", str(folder / "env"), "install", "--no-deps", "--no-index", str(wheel)], check=True, cwd=folder)
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    # A plain line adds the folder alone: the .pth files in it, such as the one that leads to the checkout, are not read.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "env" / "bin"


def test_the_installed_wheel_serves_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [
            installed / "python",
            "-c",
            "import request_tracker_utils as r, request_tracker_utils.core.settings as s; print(r.__file__, s.STATIC)",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert all(Path(each).is_relative_to(installed.parent) for each in where), where
    empty = tmp_path / "empty"
    empty.mkdir()
    with RunningServer(tmp_path / "run", program=[str(installed / "rtutils")], cwd=empty, instance_path="instance") as server:
        assert str(CHECKOUT) not in Path(f"/proc/{server.pid}/environ").read_text()
        page = requests.get(f"{server.url}/sign-in", timeout=20)
        assert page.status_code == 200
        files = set(re.findall(r'(?:href|src)="(/[^"]*(?:static|bootstrap)[^"]*)"', page.text))
        assert files
        assert {requests.get(server.url + file.replace("&amp;", "&"), timeout=20).status_code for file in files} == {200}
        assert (empty / "instance" / "database.sqlite").stat().st_mode & 0o077 == 0
        (link,) = re.findall(r"http\S+/set-up/\S+", server.log())
        assert requests.get(link, timeout=20).status_code == 200
        assert server.run("settings").count("\n") > 20
        assert server.stop() < 10


def test_a_first_start_logs_no_warning(tmp_path: Path) -> None:
    """With the default settings, in an empty folder, until each job has run once."""

    def finished_jobs(folder: Path) -> set[str]:
        with closing(sqlite3.connect(f"file:{folder}/instance/database.sqlite?mode=ro", uri=True, timeout=20)) as connection:
            return {job for (job,) in connection.execute("SELECT job FROM job_runs WHERE ended_at IS NOT NULL")}

    def check(name: str, *program: str) -> None:
        folder = tmp_path / name
        with RunningServer(folder, program=program, cwd=folder, instance_path="") as server:
            listed = run_program("jobs", "list", settings=server.settings, cwd=folder).stdout
            names = {line.split("\t")[0] for line in listed.splitlines()}
            assert "run-tasks" in names
            deadline = time.monotonic() + 60
            while not names <= finished_jobs(folder):
                assert time.monotonic() < deadline, names - finished_jobs(folder)
                time.sleep(0.1)
            (link,) = re.findall(r"http\S+/set-up/\S+", server.log())
            assert {requests.get(address, timeout=20).status_code for address in (f"{server.url}/sign-in", link)} == {200}
            server.stop()
            log = server.log()
        assert "leadership acquired" in log
        assert re.findall(r"(?im)^.*(?:level=(?:warning|error|critical)|warning:|traceback).*$", log) == []

    check_all([("serve", *PROGRAM), ("run", sys.executable, str(CHECKOUT / "run.py"))], check)


def test_demo_accounts_are_created_by_one_of_two_servers_that_start_at_the_same_time(tmp_path: Path) -> None:
    """Their links are printed once, work, and are not in the log file."""
    settings = {"instance_path": str(tmp_path / "instance"), "log_file": str(tmp_path / "log"), "run_seed_on_start": "true"}
    with ThreadPoolExecutor(2) as pool:
        servers = list(pool.map(lambda name: RunningServer(tmp_path / name, **settings), ("one", "two")))
    try:
        found = re.findall(r"^ +(demo-\w+): http\S+(/password/\S+)$", "".join(server.log() for server in servers), re.MULTILINE)
        assert sorted(name for name, _link in found) == ["demo-admin", "demo-staff", "demo-teacher", "demo-user"]
        assert {requests.get(servers[1].url + link, timeout=20).status_code for _name, link in found} == {200}
        assert "/set-up/" not in "".join(server.log() for server in servers)
        logged = (tmp_path / "log").read_text()
        assert [name for name, link in found if link.rsplit("/", 1)[1] in logged] == []
        assert servers[0].run("users", "password-link", "demo-user").startswith("http")
    finally:
        for server in servers:
            server.stop()
    with RunningServer(tmp_path / "again", **settings) as server:
        assert "demo-" not in server.log()
