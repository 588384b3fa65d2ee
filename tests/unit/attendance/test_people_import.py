"""Imports of people: which person a row is about, what it changes, which rows are refused, and the undo."""

from datetime import date

import pytest

from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.attendance import people, people_changes, people_history
from request_tracker_utils.attendance.models import ALWAYS
from request_tracker_utils.attendance.people_changes import PersonFields, SiteId
from request_tracker_utils.attendance.people_import import PeopleRows
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.imports.report import CHANGED, NEW, ImportReport
from tests.services.attendance import ADA, NOW
from tests.services.rosters import csv, import_file, preview, undo_import
from tests.services.tables import check_all

pytestmark = pytest.mark.usefixtures("inside")
ROWS = PeopleRows()
HEADER = "User ID,Site,Name,E-mail,Notes"
BY = {"actor": ADA, "now": NOW}
State = dict[str, tuple[str, str, list[str]]]


def imported(*lines: str, header: str = HEADER) -> ImportReport:
    return import_file(csv(*lines, header=header), ROWS)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.new, report.changed, report.unchanged, report.invalid


def problem(*lines: str, header: str = HEADER) -> str:
    return " ".join(each.message for each in preview(csv(*lines, header=header), ROWS).problems)


def state() -> State:
    """Name → account's ID, notes, and user IDs with site and first day."""
    with reading() as session:
        everybody = people.list_people(session, size=1_000).rows
        ids = people.ids_of(session, [each.id for each in everybody])
        assert len({each.name for each in everybody}) == len(everybody)

        def shown(person_id: int) -> list[str]:
            return [f"{id.user_id} {id.site}{'' if id.valid_from == ALWAYS else f' {id.valid_from}'}" for id in ids[person_id]]

        return {each.name: (str(each.account_id or ""), each.notes, shown(each.id)) for each in everybody}


def person(name: str, *ids: SiteId) -> int:
    with transaction() as session:
        return people_changes.create(session, PersonFields(name, ids=ids), **BY).id  # type: ignore[arg-type]


def account(name: str, email: str = "") -> int:
    with transaction() as session:
        user = User(name=name, name_key=name.casefold(), email=email or None, role=Role.USER, created_at=NOW)
        session.add(user)
        session.flush()
        return user.id


def undo_change(number: int) -> None:
    with transaction() as session:
        people_history.undo(session, number, **BY)  # type: ignore[arg-type]


def test_people_are_previewed_imported_once_and_undone() -> None:
    own = account("hopper", "Grace@example.org")
    person("Ada Lovel", SiteId("17", "North High"))
    before = state()
    lines = (
        "17,north high,Ada Lovelace,,Office",
        "18,North High,Grace Hopper,grace@EXAMPLE.org,",
        "40,South High,G. Hopper,hopper,",
        "17,South High,Alan Turing,,",
    )
    planned = preview(csv(*lines, header=HEADER), ROWS)
    assert (counts(planned), state()) == ((3, 1, 0, 0), before)
    assert planned.examples[CHANGED][0].changes == [("name", "Ada Lovel", "Ada Lovelace"), ("notes", "", "Office")]
    assert [each.name for each in planned.examples[NEW]] == [
        "Grace Hopper, 18 (North High)",
        "G. Hopper, 40 (South High)",
        "Alan Turing, 17 (South High)",
    ]
    imported(*lines)
    after = {
        "Ada Lovelace": ("", "Office", ["17 North High"]),
        "Alan Turing": ("", "", ["17 South High"]),
        "Grace Hopper": (str(own), "", ["18 North High", "40 South High"]),
    }
    assert state() == after
    assert (counts(imported(*lines)), state()) == ((0, 0, 4, 0), after)
    task = undo_import(ROWS, import_id=1)
    assert (task.state, task.summary) == ("done", "2 deleted, 1 restored, 1 change of user IDs undone."), task.error
    assert state() == before


def test_imports_are_undone_in_reverse_order() -> None:
    imported("17,,Ada,,")
    first = state()
    imported("17,,Ada,,Office", "18,,Grace,,")
    assert undo_import(ROWS, import_id=1).state == "failed"
    assert undo_import(ROWS, import_id=2).state == "done"
    assert state() == first
    assert undo_import(ROWS, import_id=1).state == "done"
    assert state() == {}


def test_an_import_is_not_undone_after_its_people_have_changed() -> None:
    imported("17,,Ada,,", "18,,Grace,,")
    with transaction() as session:
        people_changes.change(session, 1, PersonFields(notes="Office"), **BY)  # type: ignore[arg-type]
    task = undo_import(ROWS, import_id=1)
    assert (task.state, "changed since then: Ada." in str(task.error)) == ("failed", True), task.error
    undo_change(2)
    assert undo_import(ROWS, import_id=1).state == "done"
    assert state() == {}


def test_an_import_is_one_change_of_people() -> None:
    imported("17,,Ada,,", "18,,Grace,,")
    undo_change(1)
    assert state() == {}
    task = undo_import(ROWS, import_id=1)
    assert (task.state, "2 deleted" in str(task.error)) == ("failed", True), task.error


def test_user_ids_go_to_other_people_from_their_first_day_on() -> None:
    header = "User ID,Name,First day"
    lines = ("17,Ada,", "17,Grace,3/2/2026", "17,Grace,2026-04-01", "18,Alan,2026-03-02")
    assert counts(imported(*lines, header=header)) == (3, 0, 1, 0)
    after = {"Ada": ("", "", ["17 "]), "Grace": ("", "", ["17  2026-03-02"]), "Alan": ("", "", ["18  2026-03-02"])}
    assert (counts(imported(*lines, header=header)), state()) == ((0, 0, 4, 0), after)
    with reading() as session:
        known = people.owners(session)
        assert [str(known.on("", "17", date(2026, 3, day)).name) for day in (1, 2)] == ["Ada", "Grace"]  # type: ignore[union-attr]
    assert "belongs to Grace" in problem("17,Mary,2026-03-02", header=header)


def test_empty_cells_and_names_that_are_cut_change_nothing() -> None:
    imported("17,,Ada Lovelace,,Office")
    before = state()
    assert (counts(imported("17,,,,", "17,North,,,")), state()) == ((0, 0, 1, 1), before)
    assert (counts(imported("17,Ada Lov", header="User ID,Name")), state()) == ((0, 0, 1, 0), before)


def test_rows_that_cannot_be_imported_are_skipped_with_the_reason() -> None:
    for name, email in (("hopper", "office@example.org"), ("turing", "office@example.org"), ("king", "")):
        account(name, email)
    imported("17,,Ada,king,", "18,,Grace,hopper,")
    rows = [
        (",,Ada,,", "Enter a user ID."),
        ("1.7E+04,,Ada,,", "a spreadsheet has shortened a long number"),
        ("19,,,,", "The name is missing."),
        ("19,,Ad\a,,", "U+0007 (BELL)"),
        (f"19,,{'x' * 101},,", "at most 100 characters"),
        (f"19,{'x' * 101},Ada,,", "at most 100 characters"),
        (f"19,,Ada,,{'x' * 2001}", "at most 2000 characters"),
        ("17,,Mary,,", "The user ID belongs to Ada. Change that name first, or add the first day from which it belongs to Mary."),
        ("19,,Ada,nobody,", "No account has the name or e-mail address nobody."),
        ("19,,Ada,office@example.org,", "Several accounts have the e-mail address"),
        ("17,,Ada,hopper,", "The account is already linked to Grace."),
    ]

    def is_skipped(line: str, reason: str) -> None:
        found = problem("30,,Alan,,", line)
        assert reason in found, found

    check_all(rows, is_skipped)
    assert "Enter a day" in problem("19,Ada,soon", header="User ID,Name,First day")
    assert [each.message for each in preview(csv("30,,Alan,,", "30,,Alan,,", header=HEADER), ROWS).problems] == ["30 is already in line 2."]


def test_an_account_says_who_a_person_is() -> None:
    own = account("lovelace")
    imported("17,,Ada,lovelace,")
    assert counts(imported("17,,Ada King,Lovelace,", "18,South,Countess,lovelace,")) == (1, 1, 0, 0)
    assert state() == {"Ada King": (str(own), "", ["17 ", "18 South"])}
