"""Lists of assets that wait: only mapped columns are stored, only until the assets exist, and all of it is its owner's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.service import Asset, AssetStoreRefused, NewAsset
from request_tracker_utils.assets import imports
from request_tracker_utils.assets.jobs import DELETE_WAITING
from request_tracker_utils.assets.models import AssetImport
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import Base, reading, transaction
from request_tracker_utils.imports.current import quota
from request_tracker_utils.imports.waiting import Quota
from request_tracker_utils.tasks.models import Task, TaskItem
from tests.functional.assets.imports.importing import HERE, assets, choose, press, send, words
from tests.services.apps import run_job, user
from tests.services.asset_stores import silence
from tests.services.people import Person
from tests.services.tables import check_all
from tests.services.terminal import Run
from tests.services.traces import traces

SSN, NOTE = "078-05-1120", "cart of room 12"
LIST = f"Serial,Social,Model,Name\nGOOD-1,{SSN},G10,{NOTE}\nGOOD-2,{SSN},,\nBAD_3,{SSN},G11,{NOTE}\nTotal,{SSN}\n"
FILE = (LIST.encode(), "Smith, John lost.csv")
CREATE = "Create 2 assets"
OTHERS = (AssetImport,)


@pytest.fixture
def staff(app: Flask) -> Person:
    return Person(app, user(app, "staff", "bob"))


@pytest.fixture
def admin(app: Flask) -> Person:
    return Person(app, user(app, "admin", "ada"))


@contextmanager
def refusing(*serials: str) -> Iterator[None]:
    original = EmbeddedAssetStore.create

    def create(self: EmbeddedAssetStore, new: NewAsset) -> int:
        if new.serial in serials:
            raise AssetStoreRefused("The asset store refuses.")
        return original(self, new)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(EmbeddedAssetStore, "create", create)
        yield


def stored(app: Flask, number: int = 1) -> AssetImport:
    with app.app_context(), reading() as session:
        return session.get_one(AssetImport, number)


def in_tables(app: Flask, needle: str) -> list[str]:
    """Without the files of SQLite: its log may have what was deleted just now."""
    return [each for each in traces(app, needle) if each.split(".")[0] in Base.metadata.tables]


def serials(app: Flask) -> list[str]:
    return sorted(each.serial for each in assets(app))


def ended(app: Flask, *, ago: timedelta) -> None:
    """The task has ended, and everything before happened, so long ago."""
    with app.app_context(), transaction() as session:
        at = utc_now() - ago
        session.execute(update(Task).where(Task.ended_at.is_not(None)).values(ended_at=at))
        session.execute(update(AssetImport).values(created_at=at))


@pytest.mark.both_databases
def test_an_unmapped_column_is_never_stored(app: Flask, staff: Person) -> None:
    found = {}
    address = send(staff, file=FILE)
    found["upload"] = traces(app, SSN)
    page = staff.read(address)
    assert "Not stored because they are not mapped: Social." in page
    assert "“Total” in line 5" in page
    press(staff, address, "Check again")
    found["check"] = traces(app, SSN)
    press(staff, address, "Apply columns", serial_number="0", model="1")
    assert (stored(app).left_out, in_tables(app, NOTE)) == (["Social", "Name"], [])
    found["columns"] = traces(app, SSN)
    press(staff, address, CREATE)
    found["start"] = traces(app, SSN)
    run_job(app, "run-tasks")
    assert serials(app) == ["GOOD-1", "GOOD-2"]
    found["creation"] = traces(app, SSN)
    other = send(staff, file=FILE)
    press(staff, other, "Delete list")
    assert staff.get(other).status_code == 404
    found["deletion"] = traces(app, SSN)
    page = send(staff, file=FILE, status=200, choose="on")
    assert SSN in page, "the page has the list, and nothing stores it"
    found["choice"] = traces(app, SSN)
    choose(staff, page, serial_number=0, model=2)
    found["chosen"] = traces(app, SSN)
    unknown = LIST.replace("Serial", "Inventory")
    page = send(staff, unknown, status=200)
    found["unknown header"] = traces(app, SSN)
    refused = choose(staff, page, status=400, serial_number=0, model=0)
    assert "Two fields have the same column" in refused
    choose(staff, refused, serial_number=0)
    found["after a refusal"] = traces(app, SSN)
    assert not any(found.values()), found


def test_numbers_that_nobody_called_serial_numbers_are_not_stored(app: Flask, staff: Person) -> None:
    """Social security numbers look like serial numbers: values of one of several columns only suggest it."""
    for lines in (f"Model,Social\nG10,{SSN}\nG11,078-05-1121\n", f"Grace,{SSN}\nAlan,078-05-1121\n"):
        page = send(staff, lines, status=200)
        assert "Nothing has been stored yet." in page
    assert traces(app, SSN) == []


def test_rows_are_deleted_once_all_assets_are_created_and_results_stay(app: Flask, staff: Person) -> None:
    address = send(staff, file=FILE)
    task = press(staff, address, CREATE)
    assert traces(app, NOTE)
    with refusing("GOOD-2"):
        run_job(app, "run-tasks")
    assert "Copy list" in staff.read(address), "what failed can be retried"
    press(staff, task, "Retry 1 failed item")
    run_job(app, "run-tasks")
    after = stored(app)
    assert (after.rows, after.head, after.stored_size, serials(app)) == ([], [], 0, ["GOOD-1", "GOOD-2"])
    assert [sorted(each["values"]) for each in after.findings] == [["serial_number"]] * 3
    assert not [each for each in in_tables(app, NOTE) if each.startswith(("asset_intakes", "task_items", "asset_creations"))]
    with app.app_context(), reading() as session:
        items = session.query(TaskItem).order_by(TaskItem.position).all()
        assert [(item.data, (item.result or {})["tag"]) for item in items] == [
            ({"serial_number": "GOOD-1"}, "W12-0001"),
            ({"serial_number": "GOOD-2"}, "W12-0002"),
        ]
    page = words(staff.read(address))
    assert "2 created, 1 skipped" in page
    assert "BAD_3 Serial number contains invalid characters" in page
    assert "Copy list" not in page
    assert "Print labels" in staff.read(task)


def test_rows_that_nobody_creates_are_deleted_after_a_day(app: Flask, staff: Person) -> None:
    address = send(staff, file=FILE)
    for hours, count in ((23, 0), (25, 1), (25, 0)):
        ended(app, ago=timedelta(hours=hours))
        assert run_job(app, DELETE_WAITING) == count
    assert in_tables(app, "GOOD-1") == in_tables(app, NOTE) == []
    assert "The rows of this list were deleted." in staff.read(address)
    for action in ("check", "columns", "create"):
        assert staff.submit(f"{address}/{action}", serial_number="0").location == address
        assert "import the list again" in staff.read(address)
    assert "deleted" in staff.read(f"{HERE}/lists")
    assert staff.get(f"{HERE}?again=1").status_code == 200


def test_confirmed_rows_stay_while_request_tracker_is_down(app: Flask, staff: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    address = send(staff, file=FILE)
    task = press(staff, address, CREATE)

    def silent(*_: object) -> list[Asset]:
        raise silence()

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedAssetStore, "find_by_serials_or_names", silent)
        run_job(app, "run-tasks")
    ended(app, ago=timedelta(days=4))
    assert run_job(app, DELETE_WAITING) == 0
    assert staff.submit(f"{address}/delete").location == f"{HERE}/lists"
    assert "being created. Wait until the task is done, or cancel it." in staff.read(f"{HERE}/lists")
    press(staff, task, "Retry now")
    run_job(app, "run-tasks")
    assert serials(app) == ["GOOD-1", "GOOD-2"]
    assert stored(app).stored_size == 0


def test_rows_of_a_cancelled_task_are_deleted_by_its_owner_or_after_a_day(app: Flask, staff: Person) -> None:
    def cancelled() -> tuple[str, str]:
        address = send(staff, file=FILE)
        task = press(staff, address, CREATE)
        press(staff, task, "Cancel task")
        return address, task

    (first, task), (second, _task) = cancelled(), cancelled()
    press(staff, first, "Delete list")
    assert (stored(app, 1).stored_size, stored(app, 2).stored_size > 0) == (0, True)
    for hours, count in ((23, 0), (25, 1)):
        ended(app, ago=timedelta(hours=hours))
        assert run_job(app, DELETE_WAITING) == count
    assert in_tables(app, NOTE) == []
    press(staff, task, "Resume task")
    run_job(app, "run-tasks")
    assert (serials(app), "Import the list again." in staff.read(task)) == ([], True)
    assert staff.get(second).status_code == 200


def test_a_finished_task_whose_process_died_is_cleaned_up(app: Flask, staff: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    address = send(staff, file=FILE)
    press(staff, address, CREATE)
    with monkeypatch.context() as patched:
        patched.setattr(imports, "delete_created", lambda *_: None)
        run_job(app, "run-tasks")
    assert stored(app).stored_size
    assert run_job(app, DELETE_WAITING) == 1
    assert (stored(app).stored_size, len(stored(app).findings)) == (0, 3)


def test_lists_are_their_owners_and_administrators_alone(app: Flask, staff: Person, admin: Person) -> None:
    address = send(staff, file=FILE)
    carol, teacher = Person(app, user(app, "staff", "carol")), Person(app, user(app, "teacher", "tom"))
    people = {"owner": staff, "other staff": carol, "admin": admin, "teacher": teacher}
    rows: list[tuple[str, str, str, int]] = [
        ("other staff", "POST", f"{address}/delete", 404),
        ("teacher", "POST", f"{address}/delete", 403),
    ]
    rows += [("teacher", "GET", f"{HERE}/lists", 403)]
    rows += [("admin", "GET", address, 200), ("other staff", "GET", address, 404)]

    def answers(name: str, method: str, path: str, status: int) -> None:
        person = people[name]
        assert (person.get(path) if method == "GET" else person.submit(path)).status_code == status

    check_all(rows, answers)
    listed = {name: re.findall(rf"{HERE}/(\d+)\"", people[name].read(f"{HERE}/lists")) for name in ("owner", "other staff", "admin")}
    assert listed == {"owner": ["1"], "other staff": [], "admin": ["1"]}
    with app.app_context(), transaction() as session:
        session.execute(update(AssetImport).values(user_id=None))
    assert staff.get(address).status_code == 404, "an account of the same name is another person"
    assert admin.submit(f"{address}/delete").status_code == 303


def test_titles_of_tasks_do_not_name_files(app: Flask, staff: Person) -> None:
    address = send(staff, file=FILE)
    assert "Smith, John lost.csv" in staff.read(address)
    press(staff, address, CREATE)
    assert in_tables(app, "Smith, John") == ["asset_intakes.source"]
    carol = Person(app, user(app, "staff", "carol"))
    assert "Smith" not in carol.read("/tasks") + carol.read("/tasks/1") + carol.get("/api/tasks/1").text


def test_lists_of_assets_and_uploaded_files_share_a_quota(app: Flask, staff: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    address = send(staff, file=FILE)
    size = stored(app).stored_size
    for limits, sentence in (
        (Quota(size, 9 * size, OTHERS), "Import or delete some of them"),
        (Quota(9 * size, size, OTHERS), "An administrator can"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr("request_tracker_utils.assets.views.quota", lambda limits=limits: limits)
            assert sentence in send(staff, file=FILE, status=413)
    with app.app_context(), reading() as session:
        assert quota().used(session) == size, "lists of assets count among all"
    press(staff, address, "Delete list")
    with app.app_context(), reading() as session:
        assert quota().used(session) == 0


def test_commands_list_and_delete_lists(app: Flask, staff: Person, run: Run, tmp_path: Path) -> None:
    send(staff, file=FILE)
    [line] = run("assets", "lists").stdout.splitlines()
    assert (line.split("\t")[0], line.split("\t")[2:]) == ("1", ["bob", "Smith, John lost.csv", "1 KB"])
    assert run("assets", "delete-list", "1").stdout == "Smith, John lost.csv was deleted.\n"
    assert run("assets", "delete-list", "1").exit_code == 1
    path = tmp_path / "list.csv"
    path.write_text(LIST)
    run("assets", "import", str(path), "--manufacturer", "HP", "--model", "G9")
    path.unlink()
    assert (serials(app), run("assets", "lists").stdout, traces(app, SSN)) == (["GOOD-1", "GOOD-2"], "", [])
