"""What all tables of one run share: how it was asked for, what it has met, and how a row is made to fit."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import upsert_into
from request_tracker_utils.legacy_import.moments import moment
from request_tracker_utils.legacy_import.report import Counts, Outcome, Problem
from request_tracker_utils.legacy_import.seen import Seen
from request_tracker_utils.legacy_import.source import Row, Table, text_of
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.search_keys import search_key

PART = 500
"""How many keys a query names at most."""
AHEAD = timedelta(days=1)
"""By how much a clock may be ahead before that is told."""


@dataclass(frozen=True)
class Wanted:
    """`zone` is that of times without one. `dry` writes nothing. `tells_directory` has the job that tells the directory who has which
    device go through those that students have. `knows_assets` says that the numbers of assets are those of the directory in use."""

    zone: ZoneInfo
    actor: Actor
    now: datetime
    dry: bool = False
    tells_directory: bool = False
    knows_assets: bool = True


@dataclass
class Run:
    wanted: Wanted
    seen: Seen
    counts: Counts = field(default_factory=Counts)

    def time(self, table: Table, row: Row, column: str, said: list[str]) -> datetime | None:
        """What the column says; None where it says nothing, or no time, and then that is told."""
        if not row.text(column):
            return None
        try:
            at = moment(row.values[column], self.wanted.zone, is_clocked=column in table.clocked)
        except ValueError:
            said.append(f"{column}: {row.text(column)[:60]!r} is no time.")
            return None
        if at > self.wanted.now + AHEAD:
            said.append(f"{column}: {row.text(column)[:60]} lies in the future.")
        return at


class KnownStudent(NamedTuple):
    student_id: str
    name: str


class KnownDevice(NamedTuple):
    asset_tag: str
    facts: Mapping[str, str]
    """What the older record repeats of the device with each of its entries: column there → what it says here."""


def known_students(session: Session, run: Run, texts: Iterable[str]) -> dict[str, KnownStudent]:
    """Key of the number → the student, of those who are here; in a dry run also of those who would be. Kept from being deleted by
    others until the transaction ends."""
    keys = sorted({search_key(text) for text in texts if text})
    query = select(Student.id_key, Student.student_id, Student.first_name, Student.last_name).order_by(Student.id_key)
    query = query if run.wanted.dry else query.with_for_update(read=True, key_share=True)
    found = {}
    for part in parts(keys):
        for id_key, number, first, last in session.execute(query.where(Student.id_key.in_(part))):
            found[id_key] = KnownStudent(number, f"{first} {last}".strip())
    if run.wanted.dry:
        for each in keys:
            if each not in found and (met := run.seen.met("student", each)):
                found[each] = KnownStudent(met.name, "")
    return found


def known_devices(session: Session, run: Run, tags: Iterable[str]) -> dict[str, KnownDevice]:
    """Key of the tag → the device, in the same way."""
    keys = sorted({search_key(tag) for tag in tags if tag})
    query = select(Device.tag_key, Device.asset_tag, Device.asset_id, Device.serial_number, Device.model)
    found = {}
    for part in parts(keys):
        for tag_key, tag, asset_id, serial, model in session.execute(query.where(Device.tag_key.in_(part))):
            found[tag_key] = KnownDevice(tag, {"asset_id": text_of(asset_id), "serial_number": serial or "", "device_type": model})
    if run.wanted.dry:
        for each in keys:
            if each not in found and (met := run.seen.met("device", each)):
                found[each] = KnownDevice(met.name, {})
    return found


def settle(session: Session, run: Run, model: type[Any], key_column: Any, table: str, rows: list["Judged"]) -> list[Problem]:
    """Makes the rows that are to be taken, counts all, and returns what has to be told of them."""
    made = [judged.columns for judged in rows if judged.outcome is Outcome.TAKEN]
    wanted = {columns[key_column.name] for columns in made}
    if made and not run.wanted.dry:
        insert = upsert_into(session)(model).on_conflict_do_nothing().returning(key_column)
        wanted = set(session.scalars(insert, made))
    problems = []
    for judged in rows:
        outcome, said = judged.outcome, judged.said
        if outcome is Outcome.TAKEN and judged.columns[key_column.name] not in wanted:
            outcome, said = Outcome.NOT, ["Somebody entered it here a moment ago. Run this again to compare the two."]
        problems += run.counts.count(table, judged.row, outcome, said)
    return problems


class Judged(NamedTuple):
    """A row of the older file with what is to become of it."""

    row: str
    outcome: Outcome
    columns: dict[str, Any]
    said: list[str]


def parts(items: list[Any]) -> Iterable[list[Any]]:
    return (items[begin : begin + PART] for begin in range(0, len(items), PART))


def fitted(
    rule: Callable[[Mapping[str, Any]], dict[str, Any]], values: Mapping[str, Any], needed: Iterable[str], said: list[str]
) -> dict[str, Any]:
    """The columns by the rule. What does not fit is left empty, and that is told; raises InvalidField for what is `needed`."""
    values = dict(values)
    while True:
        try:
            return rule(values)
        except InvalidField as error:
            unfit = str(error.fields["field"])
            if unfit in needed or not values[unfit]:
                raise
            values[unfit] = ""
            said.append(f"{error.message} It was left out.")


def without_place(row: Row, known: Iterable[str], said: list[str]) -> None:
    """Tells of every value for which there is no column here."""
    for column, value in row.values.items():
        if column not in known and text_of(value).strip():
            said.append(f"{column} has no place here: {text_of(value)[:200]!r}.")


def differences(here: Any, columns: Mapping[str, Any], compared: Iterable[str]) -> list[str]:
    """A sentence for each of the columns in which the older row says something else than what is here, which is left as it is."""
    return [
        f"{column} is {getattr(here, column) or 'empty'} here and {columns[column]} in the older file; it was left as it is."
        for column in compared
        if columns.get(column) and getattr(here, column) != columns[column]
    ]
