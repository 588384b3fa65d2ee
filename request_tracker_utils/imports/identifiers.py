"""Identifiers that a spreadsheet has spoiled: numbers in scientific or decimal notation, and numbers without their leading zeros."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.imports import bulk
from request_tracker_utils.imports.report import ImportReport
from request_tracker_utils.imports.row_types import KEY_AND_IDENTITY, Chunk, NumberColumns, Plan, RowType

_SPOILED = {
    re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}|[0-9][.,][0-9]+[eE][0-9]{1,3}"): gettext_noop(
        "%(text)s is not the %(name)s: a spreadsheet has shortened a long number, and its digits are lost. Export the list again, and do "
        "not open it in a spreadsheet."
    ),
    re.compile(r"[0-9]+[.,]0+|[0-9]{1,3}(?:,[0-9]{3})+"): gettext_noop(
        "%(text)s is not the %(name)s: a spreadsheet has turned it into a number with decimals or separators. Format the column as text, "
        "correct it, and save the file again."
    ),
    re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|#+)"): gettext_noop(
        "%(text)s is not the %(name)s: a spreadsheet shows this where it cannot show the value. Correct the cell, and save the file again."
    ),
}
"""What a spreadsheet makes of numbers in a column that is not formatted as text. No real identifier looks like this."""


class Match(NamedTuple):
    key: str
    identity: str


def spoiled_problem(text: str, name: str) -> str:
    """Why a spreadsheet has spoiled this identifier; empty if it has not. `name` is what the identifier is called."""
    if text.isalnum():
        return ""
    problem = next((problem for pattern, problem in _SPOILED.items() if pattern.fullmatch(text)), "")
    return _(problem, text=text[:40], name=name) if problem else ""


def zeros_found(report: ImportReport) -> str:
    given, existing = report.zeros_example
    return ngettext(
        "%(count)s number differs from an existing one only in leading zeros: %(given)s and %(existing)s. A spreadsheet may have "
        "removed them.",
        "%(count)s numbers differ from existing ones only in leading zeros, such as %(given)s and %(existing)s. A spreadsheet may have "
        "removed them.",
        report.zeros,
        count=f"{report.zeros:,}",
        given=given,
        existing=existing,
    )


def same_but_for_zeros(first: Any, second: Any) -> bool:
    """Whether both are numbers that differ only in leading zeros."""
    if not (isinstance(first, str) and isinstance(second, str)) or first == second:
        return False
    return _is_number(first) and _is_number(second) and first.lstrip("0") == second.lstrip("0")


@dataclass
class LeadingZeros:
    """Numbers of a file that equal existing ones but for leading zeros: refused or, with `match`, taken for the existing ones.

    `lines_of` tells which keys the file contains itself: a list with both 26130 and 026130 means two records. `add_key` adds one. Only new
    keys are looked up, and only with as many zeros as existing keys have, so that a file without such numbers costs nothing.
    """

    row_type: RowType
    match: bool
    lines_of: Callable[[Iterable[str]], Mapping[str, int]]
    add_key: Callable[[str, int], object]
    refused: set[int] = field(default_factory=set)
    """Lines. Sets rather than counts, since a transaction may be repeated."""
    matched: set[int] = field(default_factory=set)
    example: tuple[str, str] = ("", "")
    """A number of the file, and the existing one."""
    _lengths: dict[str, frozenset[int]] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    """Existing key that was matched → the key in the file."""

    def plan(self, session: Session, chunk: Chunk) -> Plan:
        """The plan of the row type. Matched rows are changed in the chunk."""
        plan = self.row_type.plan(session, chunk)
        refused, repeated = dict[str, str](), dict[str, str]()
        changed = self._match_columns(chunk, plan, refused)
        changed |= self._match_references(session, chunk, plan, refused)
        changed |= self._match_keys(session, chunk, plan, refused, repeated)
        if changed:
            plan = self.row_type.plan(session, chunk)
        if refused or repeated:
            _refuse(plan, refused | repeated)
            self.refused.update(chunk.lines[key] for key in refused)
        return plan

    def write(self, report: ImportReport) -> None:
        report.zeros, report.zeros_example = len(self.refused), list(self.example)
        if self.matched:
            report.remarks.append(
                ngettext(
                    "%(count)s row was matched with an existing number that differs only in leading zeros: %(given)s with %(existing)s.",
                    "%(count)s rows were matched with existing numbers that differ only in leading zeros, such as %(given)s with "
                    "%(existing)s.",
                    len(self.matched),
                    count=f"{len(self.matched):,}",
                    given=self.example[0],
                    existing=self.example[1],
                )
            )

    def _match_columns(self, chunk: Chunk, plan: Plan, refused: dict[str, str]) -> bool:
        """Other numbers of existing records, such as the serial number of a device."""
        places = [place for place, name in enumerate(chunk.columns[KEY_AND_IDENTITY:]) if name in self.row_type.number_columns]
        found = False
        for change in plan.changed if places else ():
            values = list(chunk.values[change.key])
            for place in places:
                before, after = change.before[place], values[KEY_AND_IDENTITY + place]
                if same_but_for_zeros(before, after):
                    found = True
                    if self._note(after, before):
                        self.matched.add(chunk.lines[change.key])
                    else:
                        refused.setdefault(change.key, _refusal([before]))
                    values[KEY_AND_IDENTITY + place] = before
            if self.match:
                chunk.values[change.key] = tuple(values)
        return found and self.match

    def _match_references(self, session: Session, chunk: Chunk, plan: Plan, refused: dict[str, str]) -> bool:
        """Numbers of other records in a row's second step, such as the student of a device."""
        columns = self.row_type.referenced
        if columns is None:
            return False
        numbers = {key: self.row_type.reference(chunk.follow_ups[key]) for key in plan.follow_ups}
        by_number = {number: key for key, number in numbers.items() if number}
        existing = bulk.select_existing(session, columns.table, columns.key, list(by_number), ()) if by_number else {}
        found = self._similar(session, columns, [number for number in by_number if number not in existing])
        for key, number in numbers.items() if found else ():
            if matches := found.get(number):
                if self._note(number, matches[0].identity) and len(matches) == 1:
                    self.matched.add(chunk.lines[key])
                    chunk.follow_ups[key] = self.row_type.with_reference(chunk.follow_ups[key], matches[0].identity)
                else:
                    refused.setdefault(key, _refusal([match.identity for match in matches]))
        return bool(found) and self.match

    def _match_keys(self, session: Session, chunk: Chunk, plan: Plan, refused: dict[str, str], repeated: dict[str, str]) -> bool:
        new = [*plan.new, *(key for key, _messages in plan.refused)]
        found = self._similar(session, self.row_type.numbered, new)
        listed = self.lines_of({match.key for match in chain.from_iterable(found.values()) if match.key not in self._keys}) if found else {}
        for key, matches in found.items():
            others = [match for match in matches if match.key not in listed]
            if not others:
                continue
            match = others[0]
            if not self._note(chunk.identity(key), match.identity) or len(others) > 1:
                refused.setdefault(key, _refusal([match.identity for match in others]))
            elif self._keys.setdefault(match.key, key) != key:
                line = self.lines_of([match.key])[match.key]
                repeated[key] = _("%(name)s is already in line %(line)s.", name=match.identity, line=line)
            else:
                self._rename(chunk, key, match)
        return bool(found) and self.match

    def _rename(self, chunk: Chunk, key: str, match: Match) -> None:
        line = chunk.lines[match.key] = chunk.lines.pop(key)
        chunk.values[match.key] = (*match, *chunk.values.pop(key)[KEY_AND_IDENTITY:])
        if key in chunk.follow_ups:
            chunk.follow_ups[match.key] = chunk.follow_ups.pop(key)
        self.matched.add(line)
        self.add_key(match.key, line)

    def _note(self, given: str, existing: str) -> bool:
        """Keeps the first as an example; returns whether numbers are matched."""
        if not self.example[0]:
            self.example = given, existing
        return self.match

    def _similar(self, session: Session, columns: NumberColumns | None, keys: Sequence[str]) -> dict[str, list[Match]]:
        """Key → the existing numbers that differ from it only in leading zeros."""
        if not keys or columns is None:
            return {}
        lengths = self._lengths_of(session, columns)
        candidates = dict[str, list[str]]()
        for key in keys:
            if (lengths or key[0] == "0") and _is_number(key):
                bare = key.lstrip("0") or "0"
                others = [bare.zfill(length) for length in lengths if length > len(bare)]
                for other in (bare, *others):
                    if other != key:
                        candidates.setdefault(other, []).append(key)
        found = dict[str, list[Match]]()
        if candidates:
            existing = bulk.select_existing(session, columns.table, columns.key, list(candidates), (columns.identity,))
            for candidate, record in sorted(existing.items()):
                for key in candidates[candidate]:
                    found.setdefault(key, []).append(Match(candidate, record[1]))
        return found

    def _lengths_of(self, session: Session, columns: NumberColumns) -> frozenset[int]:
        """The lengths of existing numbers with leading zeros. Read once, along the index of the keys."""
        if columns.table.name not in self._lengths:
            key = columns.table.c[columns.key]
            found = session.scalars(select(func.length(key)).where(key >= "0", key < "1").distinct())
            self._lengths[columns.table.name] = frozenset(found)
        return self._lengths[columns.table.name]


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit()


def _refusal(existing: Sequence[str]) -> str:
    return _("%(existing)s exists, which differs only in leading zeros. A spreadsheet may have removed them.", existing=", ".join(existing))


def _refuse(plan: Plan, refused: Mapping[str, str]) -> None:
    plan.new = [key for key in plan.new if key not in refused]
    plan.changed = [change for change in plan.changed if change.key not in refused]
    plan.follow_ups = [key for key in plan.follow_ups if key not in refused]
    plan.refused = [each for each in plan.refused if each[0] not in refused]
    plan.refused += [(key, [message]) for key, message in refused.items()]
