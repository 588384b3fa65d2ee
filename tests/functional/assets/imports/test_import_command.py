"""`rtutils assets import`, run at a terminal."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.asset_store.service import Asset, AssetStoreRefused, NewAsset
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tasks.models import RUN_TASKS, Task, TaskState
from request_tracker_utils.tasks.service import resume
from tests.services.apps import csrf_token, run_job, signed_in
from tests.services.asset_stores import silence
from tests.services.tables import check_all
from tests.services.terminal import Run

DELL = ("--manufacturer", "Dell", "--model", "Chromebook 3100")


@pytest.fixture
def run(run: Run) -> Run:
    return partial(run, "assets", "import")


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(text: str, encoding: str = "utf-8") -> str:
        path = tmp_path / "cart.csv"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


def assets(app: Flask) -> dict[str, EmbeddedAsset]:
    """By their serial numbers."""
    with app.app_context(), reading() as session:
        return {each.serial: each for each in session.scalars(select(EmbeddedAsset))}


def tasks(app: Flask) -> list[Task]:
    with app.app_context(), reading() as session:
        return list(session.scalars(select(Task)))


def said(result: Result) -> list[str]:
    """Lines of standard error, without the progress bar."""
    return [line for line in result.stderr.splitlines() if line.strip() and "Creating" not in line]


def test_titles_and_totals_are_left_out_and_an_unknown_header_is_one_message(app: Flask, run: Run, file: Callable[..., str]) -> None:
    assert said(run(file("sep=;\nCart 4\n\nSerial;Make;Model\nA1;HP;G10\n\nTotal;1\n"))) == [
        "1 row is a total or a note about the file, and was left out: “Total” in line 7.",
        "1 can be created, 0 cannot.",
    ]
    unknown = run(file("Cart 5\n\nkind,color\nred,green\nblue,white\n"))
    assert (unknown.exit_code, len(said(unknown)), '--column serial_number="' in unknown.stderr) == (1, 1, True), unknown.stderr
    assert list(assets(app)) == ["A1"]


def test_serial_numbers_that_a_spreadsheet_has_spoiled_are_refused(app: Flask, run: Run, file: Callable[..., str]) -> None:
    assert run(file('Serial,Make,Model\n="0012345",HP,G10\n777,HP,G10\n')).exit_code == 0
    result = run(file("Serial,Make,Model\n12345,HP,G10\n00777,HP,G10\n1.23457E+16,HP,G10\n26130.0,HP,G10\n"))
    ids = {serial: asset.id for serial, asset in assets(app).items()}
    assert result.exit_code == 1
    reasons = [line.split("\t", 2)[2] for line in said(result)[:-1]]
    assert reasons[0].startswith(f"Serial number 0012345 already exists, and differs only in leading zeros (asset #{ids['0012345']}, W12-")
    assert reasons[1].startswith("Serial number 777 already exists, and differs only in leading zeros")
    assert reasons[2].startswith("1.23457E+16 is not the serial number: a spreadsheet has shortened a long number")
    assert reasons[3].startswith("26130.0 is not the serial number: a spreadsheet has turned it into a number with decimals")
    assert set(assets(app)) == {"0012345", "777"}


def test_the_assets_of_a_file_are_created_and_printed_with_their_tags(app: Flask, run: Run, file: Callable[..., str]) -> None:
    path = file("Serial,Make,Model,Type\nA1,HP,G10,Laptop\nB2,HP,G11,\n")
    result = run(path)
    made = assets(app)
    assert (result.exit_code, result.stdout) == (0, f"A1\t{made['A1'].name}\nB2\t{made['B2'].name}\n")
    assert {asset.name for asset in made.values()} == {"W12-0001", "W12-0002"}
    assert said(result) == ["2 can be created, 0 cannot."]
    assert [(task.title, task.state, task.done, task.started_by) for task in tasks(app)] == [
        ("Create 2 assets", TaskState.DONE, 2, "command line")
    ]


def test_serial_numbers_are_read_from_standard_input_with_defaults_from_options(app: Flask, run: Run) -> None:
    more = ("--category", "Laptop", "--funding-source", "Title I", "--catalog", "Chromebooks")
    result = run("-", *DELL, *more, typed="A1\r\nB2\r\n")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 2), result.output
    assert {(each.manufacturer, each.model, each.catalog) for each in assets(app).values()} == {("Dell", "Chromebook 3100", "Chromebooks")}


def test_all_problems_are_reported_by_line_and_the_other_rows_are_created(app: Flask, run: Run, file: Callable[..., str]) -> None:
    with app.app_context():
        holder = asset_store().create(NewAsset("by hand", serial="there-1"))
    result = run(file("Serial,Model\nA1,G10\nTHERE-1,G10\nB_2,\nA1,G10\n"), "--manufacturer", "HP")
    assert (result.exit_code, result.stdout.split("\t")[0]) == (1, "A1")
    assert said(result) == [
        f"line 3\tTHERE-1\tSerial number already exists (asset #{holder})",
        "line 4\tB_2\tSerial number contains invalid characters: “_” (U+005F); Missing required field: model",
        "line 5\tA1\tSerial number is already in line 2",
        "1 can be created, 3 cannot.",
    ]
    assert set(assets(app)) == {"A1", "there-1"}


def test_likely_duplicates_are_skipped_unless_they_are_wanted(app: Flask, run: Run) -> None:
    with app.app_context():
        holder = asset_store().create(NewAsset("by hand", serial="5CD2198XK"))
    for more in (("--dry-run",), ()):
        result = run("-", *DELL, *more, typed="S5CD2198XK\nNEW-1\n1S5CD2198XK\n")
        assert (result.exit_code, result.stdout.split("\t")[0]) == (1, "" if more else "NEW-1")
        reason = "Probably the same as 5CD2198XK, which already exists"
        assert said(result) == [
            f"line 1\tS5CD2198XK\t{reason}: S is often a manufacturer’s prefix (asset #{holder})",
            f"line 3\t1S5CD2198XK\t{reason}: 1S is often a manufacturer’s prefix (asset #{holder})",
            "1 can be created, 0 cannot.",
            "2 likely duplicates are skipped. To create them, use --with-likely-duplicates.",
        ]
    wanted = run("-", *DELL, "--with-likely-duplicates", typed="S5CD2198XK\n")
    assert (wanted.exit_code, said(wanted)) == (0, ["1 can be created, 0 cannot."])
    assert set(assets(app)) == {"5CD2198XK", "NEW-1", "S5CD2198XK"}


def test_what_all_rows_lack_is_reported_once(run: Run) -> None:
    result = run("-", typed="".join(f"A{number}\n" for number in range(119)) + "B_2\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert said(result) == [
        "all 120 rows\t\tMissing required field: manufacturer; Missing required field: model",
        "line 120\tB_2\tSerial number contains invalid characters: “_” (U+005F)",
        "0 can be created, 120 cannot.",
    ]


def test_a_dry_run_creates_nothing_and_reports_whether_all_rows_are_valid(app: Flask, run: Run) -> None:
    for text, code in (("A1\nB2\n", 0), ("A1\nB_2\n", 1)):
        result = run("-", "--dry-run", *DELL, typed=text)
        assert (result.exit_code, result.stdout) == (code, "")
        assert said(result)[-1] == f"{2 - code} can be created, {code} cannot."
    assert (assets(app), tasks(app)) == ({}, [])


def test_columns_are_chosen_by_their_headers(app: Flask, run: Run, file: Callable[..., str]) -> None:
    path = file("Nummer;Serial;Gerät\nA1;X1;Größe 14\n", "cp1252")
    result = run(path, "--manufacturer", "HP", "--column", "serial_number=nummer", "--column", "model=Gerät")
    assert (result.exit_code, result.stdout) == (0, "A1\tW12-0001\n"), result.output
    assert assets(app)["A1"].model == "Größe 14"


def test_a_column_that_does_not_exist_is_reported(app: Flask, run: Run) -> None:
    def check(column: str, code: int, words: str) -> None:
        result = run("-", "--column", column, *DELL, typed="Nummer,Typ\nA1,x\n")
        assert (result.exit_code, result.stdout, assets(app)) == (code, "", {})
        assert words in re.sub(r"\s+", " ", result.stderr)

    check_all(
        [
            ("serial_number=Number", 1, "No column has the header Number. The header row is: Nummer, Typ."),
            ("serial_number", 1, "No column has the header"),
            ("colour=Typ", 2, "The field colour does not exist. The fields are serial_number,"),
        ],
        check,
    )


def test_an_unknown_catalog_creates_nothing(app: Flask, run: Run) -> None:
    result = run("-", *DELL, "--catalog", "Chromebook", typed="A1\n")
    assert (result.exit_code, assets(app)) == (1, {})
    assert said(result) == ["line 1\tA1\tThe catalog “Chromebook” does not exist", "0 can be created, 1 cannot."]


def test_other_files_are_refused_with_advice(run: Run) -> None:
    def check(data: bytes, words: str) -> None:
        result = run("-", *DELL, typed=data)
        assert (result.exit_code, result.stdout, words in result.stderr) == (1, "", True)

    check_all([(b"", "is empty"), (b"PK\x03\x04", "Save the sheet as CSV"), (b"A" * 2_000_000, "1 MB"), (b'A1\n"B2\n', "line 2")], check)


def test_a_missing_file_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    assert run(str(tmp_path / "nowhere.csv")).exit_code == 2


def test_failed_assets_are_reported_and_set_the_exit_code(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    original = EmbeddedAssetStore.create

    def refuse_one(self: EmbeddedAssetStore, new: NewAsset) -> int:
        if new.serial == "B2":
            raise AssetStoreRefused("The asset store refuses.")
        return original(self, new)

    monkeypatch.setattr(EmbeddedAssetStore, "create", refuse_one)
    result = run("-", *DELL, typed="A1\nB2\nC3\n")
    assert (result.exit_code, [line.split("\t")[0] for line in result.stdout.splitlines()]) == (1, ["A1", "C3"])
    assert said(result) == ["3 can be created, 0 cannot.", "B2\tThe asset store refuses. W12-0002 is available again."]


def test_an_unreachable_asset_store_is_reported_before_anything_is_stored(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> list[Asset]:
        raise silence()

    monkeypatch.setattr(EmbeddedAssetStore, "find_by_serials", silent)
    result = run("-", *DELL, typed="A1\n")
    assert (result.exit_code, result.stdout, said(result)) == (1, "", ["The asset store does not answer."])
    assert tasks(app) == []


def test_an_asset_store_that_becomes_unreachable_leaves_the_rest_to_a_server(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    original, looks = EmbeddedAssetStore.find_by_serials, iter(range(1))

    def once(self: EmbeddedAssetStore, serials: list[str]) -> list[Asset]:
        if next(looks, None) is None:
            raise silence()
        return original(self, serials)

    monkeypatch.setattr(EmbeddedAssetStore, "find_by_serials", once)
    result = run("-", *DELL, typed="A1\nB2\n")
    assert (result.exit_code, result.stdout, said(result)[-1]) == (1, "", "The asset store does not answer.")
    assert [task.state for task in tasks(app)] == [TaskState.PENDING]


def test_tags_and_labels_have_the_order_of_the_list(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each pair the first asset is created after the second one, so that ids are in another order; one asset is refused once."""
    serials = [f"C{number:02d}" for number in range(60)]
    exists, original, refused = {serial: Event() for serial in serials}, EmbeddedAssetStore.create, ["C07"]

    def create(self: EmbeddedAssetStore, new: NewAsset) -> int:
        number = serials.index(new.serial)
        if number % 2 == 0:
            assert exists[serials[number + 1]].wait(20)
        try:
            if new.serial in refused:
                raise AssetStoreRefused("The asset store refuses.")
            return original(self, new)
        finally:
            exists[new.serial].set()

    monkeypatch.setattr(EmbeddedAssetStore, "create", create)
    expected = [f"{serial}\tW12-{number:04d}" for number, serial in enumerate(serials, 1)]
    result = run("-", *DELL, typed="\n".join(serials))
    assert result.stdout.splitlines() == [line for line in expected if not line.startswith("C07")]
    assert said(result)[-1] == "C07\tThe asset store refuses. W12-0008 is available again."
    refused.clear()
    (task,) = tasks(app)
    with app.app_context():
        with transaction() as session:
            resume(session, task.id, now=utc_now())
        run_job(app, RUN_TASKS)
    by_serial = assets(app)
    assert [f"{serial}\t{by_serial[serial].name}" for serial in serials] == expected
    assert [by_serial[serial].id for serial in serials] != sorted(each.id for each in by_serial.values())
    staff = signed_in(app, "staff")
    page = staff.get(f"/labels/batch?task={task.id}").get_data(as_text=True)
    assert re.findall(r"W12-\d{4}", page.split("<textarea", 1)[1].split("</textarea>", 1)[0]) == [line[-8:] for line in expected]
    ids = ",".join(str(by_serial[serial].id) for serial in serials)
    form = {"csrf_token": csrf_token(staff, "/labels/batch"), "asset_ids": ids, "size": "small"}
    printed = staff.post("/labels/batch", data=form, headers={"Accept": "text/html"}).get_data(as_text=True)
    shown = list(dict.fromkeys(re.findall(r"W12-\d{4}", printed)))
    assert shown == [line[-8:] for line in expected]
