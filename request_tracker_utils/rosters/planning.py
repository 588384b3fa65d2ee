"""What rows of a list would change: read by the rules, compared with what is there. Nothing is written here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlalchemy.orm import Session

from request_tracker_utils.core.formulas import rearmed
from request_tracker_utils.rosters import bulk
from request_tracker_utils.rosters.duplicates import Seen
from request_tracker_utils.rosters.findings import Example, Findings
from request_tracker_utils.rosters.list_types import Row, Sheet, stands_so
from request_tracker_utils.students.errors import InvalidField

TOLD_OF_NEW = ("grade", "homeroom", "building", "model", "serial_number")
Lines = Sequence[tuple[int, list[str]]]
DERIVED = {"id_key", "first_key", "last_key", "grade_rank", "tag_key", "serial_key", "school_year_id", "grade_before"}
"""Columns that follow from others, or that nobody asks for."""


@dataclass(frozen=True)
class Change:
    """`values` are those of `Plan.names`, `before` what they were."""

    row: Row
    id: int
    values: tuple[Any, ...]
    before: tuple[Any, ...]
    beside: tuple[Any, ...]


@dataclass
class Plan:
    """`names` are the columns that the list may change. `handed` are devices that change hands or status."""

    names: tuple[str, ...] = ()
    new: list[Row] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    handed: list[Row] = field(default_factory=list)
    refused: list[tuple[Row, list[str]]] = field(default_factory=list)
    """New ones that lack something needed."""
    unchanged: int = 0


def read(sheet: Sheet, columns: Mapping[str, int], lines: Lines, seen: Seen, findings: Findings, *, all_active: bool) -> list[Row]:
    """The rows that can be taken; what stands against the others goes into `findings`. `all_active` says that whoever is in the list is
    active."""
    rows, met = list[Row](), list[tuple[str, int]]()
    for line, cells in lines:
        values = {name: rearmed(cells[number]) if number < len(cells) else "" for name, number in columns.items()}
        try:
            read_columns, wanted = sheet.read(values)
        except InvalidField:
            key, messages = _against(sheet, values)
            findings.object(line, values[sheet.identity], messages)
            findings.unnamed += not key
        else:
            if all_active:
                read_columns["is_active"] = True
            key = read_columns.pop(sheet.key)
            rows.append(Row(line, key, read_columns, wanted))
        met += [(key, line)] if key else []
    first = seen.add(met)
    return [row for row in rows if _is_first(sheet, row, first[row.key], findings)] if first else rows


def compare(session: Session, sheet: Sheet, rows: Sequence[Row]) -> Plan:
    """What the rows would change as things stand."""
    if not rows:
        return Plan()
    names = tuple(name for name in rows[0].columns if name != sheet.identity)
    plan, width, pick = Plan(names), len(names), picker(names)
    known = bulk.existing(session, sheet.table, sheet.key, [row.key for row in rows], (*names, *sheet.beside))
    missing = [f"The {name.replace('_', ' ')} is missing." for name in sheet.needed if name not in names]
    for row in rows:
        there = known.get(row.key)
        if there is None:
            if missing:
                plan.refused.append((row, missing))
                continue
            plan.new.append(row)
            if row.wanted and (row.wanted.student_id or row.wanted.status not in ("", sheet.fresh["status"])):
                plan.handed.append(row)
            continue
        values, before, beside = pick(row.columns), there[1 : 1 + width], there[1 + width :]
        is_handed = row.wanted is not None and not stands_so(row.wanted, *beside)
        if is_handed:
            plan.handed.append(row)
        if values != before:
            plan.changed.append(Change(row, there[0], values, before, beside))
        elif not is_handed:
            plan.unchanged += 1
    return plan


def picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Takes the values of these names."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def count(plan: Plan, findings: Findings) -> None:
    findings.new += len(plan.new)
    findings.changed += len(plan.changed)
    findings.unchanged += plan.unchanged


def note(plan: Plan, sheet: Sheet, findings: Findings, *, counted: bool) -> None:
    """What stands against the plan, what it changes, and some of it to look at; all but the first only where it is `counted`."""
    for row, messages in plan.refused:
        findings.object(row.line, row.columns[sheet.identity], messages)
    if not counted:
        return
    count(plan, findings)
    for row in plan.new[: findings.room("new")]:
        findings.show("new", Example(_named(sheet, row), row.line, _fields(row)))
    for change in plan.changed[: findings.room("changed")]:
        pairs = zip(plan.names, change.before, change.values, strict=True)
        told = [(name, _told(old), _told(new)) for name, old, new in pairs if old != new and name not in DERIVED]
        findings.show("changed", Example(_named(sheet, change.row), change.row.line, told))


def _against(sheet: Sheet, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The row's key where it can be read, and everything that stands against the row, field by field."""
    key, messages = "", list[str]()
    for name, text in values.items():
        try:
            key = sheet.read({name: text})[0].get(sheet.key, key)
        except InvalidField as error:
            messages.append(error.message)
    if not messages:  # it is two fields together that do not fit
        try:
            sheet.read(values)
        except InvalidField as error:
            messages.append(error.message)
    return key, messages


def _is_first(sheet: Sheet, row: Row, first: int, findings: Findings) -> bool:
    if row.line == first:
        return True
    name = row.columns[sheet.identity]
    findings.object(row.line, name, [f"{name} stands in line {first} already."])
    return False


def _named(sheet: Sheet, row: Row) -> str:
    parts = (row.columns.get(name) for name in (sheet.identity, "first_name", "last_name"))
    return " ".join(str(part) for part in parts if part)


def _fields(row: Row) -> list[tuple[str, str, str]]:
    shown = (
        (name, _told(value)) for name, value in row.columns.items() if name in ("grade", "homeroom", "building", "model", "serial_number")
    )
    return [(name, "", value) for name, value in shown if value]


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
