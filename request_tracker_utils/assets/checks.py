"""What is wrong with the rows of a list of assets, by themselves, among each other, and against the assets that exist."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.assets.creations import SerialCheck, check_serials
from request_tracker_utils.assets.fields import FIELDS, field_problems, serial_key, serial_problem
from request_tracker_utils.assets.lists import Listed
from request_tracker_utils.core.db import Reading
from request_tracker_utils.core.scanned_text import clean_serial, serial_readings
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports.identifiers import spoiled_problem

LINES_NAMED = 5
MAX_ZEROS = 3
"""Leading zeros with which existing serial numbers are looked for."""


@dataclass(frozen=True)
class RowCheck:
    """The result of checking one row; with `problems` it is not created. `likely_duplicate` says why the row is probably another asset; it
    is created only if a person decides so. `asset_id` and `tag` are those of the asset that has the serial number already."""

    line: int
    values: dict[str, str]
    problems: list[str]
    asset_id: int | None = None
    tag: str = ""
    likely_duplicate: str = ""

    @property
    def is_valid(self) -> bool:
        return not self.problems and not self.likely_duplicate

    @property
    def is_likely_duplicate(self) -> bool:
        return not self.problems and bool(self.likely_duplicate)


def shared_problems(checks: Sequence[RowCheck]) -> list[str]:
    """The problems of every one of several rows, such as a missing model: they are reported once."""
    if len(checks) < 2:
        return []
    return [problem for problem in checks[0].problems if all(problem in check.problems for check in checks)]


def check_fields(listed: Listed, defaults: Mapping[str, str]) -> list[RowCheck]:
    """What can be checked without the asset store."""
    rows = [_values(row, listed.columns, defaults) for row in listed.rows]
    repeated = _repeated_serials(listed.lines, rows)
    return [
        RowCheck(line, values, _problems(values) + ([repeated[line]] if line in repeated else []))
        for line, values in zip(listed.lines, rows, strict=True)
    ]


def check_rows(reading: Reading, asset_store: AssetStore, listed: Listed, defaults: Mapping[str, str]) -> list[RowCheck]:
    """Everything that is wrong with the rows. One request to the asset store for 200 rows, and one for its catalogs if any row names one.

    Raises the asset store's errors.
    """
    checks = check_fields(listed, defaults)
    serials = {serial_key(each.values["serial_number"]): each.values["serial_number"] for each in checks}
    valid = [serial for serial in serials.values() if serial_problem(serial) is None]
    without_zeros = {other: serial for serial in valid for other in _with_other_zeros(serial)}
    without_zeros = {other: serial for other, serial in without_zeros.items() if other not in serials and serial_problem(other) is None}
    without_prefix = {serial_key(serial): serial_readings(serial) for serial in valid}
    others = dict.fromkeys([*valid, *without_zeros, *(rest for rests in without_prefix.values() for rest in rests)])
    by_key = {serial_key(each.serial): each for each in check_serials(reading, asset_store, list(others))}
    for other, serial in without_zeros.items():
        if (existing := by_key[other]).problem and not by_key[serial].problem:
            problem = _("Serial number %(other)s already exists, and differs only in leading zeros", other=other)
            by_key[serial] = replace(existing, problem=problem)
    catalogs = asset_store.catalogs() if any(each.values["catalog"] for each in checks) else []
    checks = [_with_asset_store(each, by_key.get(serial_key(each.values["serial_number"])), catalogs) for each in checks]
    lines = {serial_key(each.values["serial_number"]): each.line for each in reversed(checks)}
    return [
        _with_likely_duplicate(each, without_prefix.get(serial_key(each.values["serial_number"]), []), by_key, lines) for each in checks
    ]


def _problems(values: Mapping[str, str]) -> list[str]:
    """Everything that is wrong with the values. A serial number that a spreadsheet has spoiled is named as such."""
    spoiled = spoiled_problem(values["serial_number"], _("serial number"))
    problems = [each.sentence for each in field_problems(values) if not (spoiled and each.field == "serial_number")]
    return [spoiled, *problems] if spoiled else problems


def _with_other_zeros(serial: str) -> list[str]:
    """The same number with fewer or more leading zeros, which a spreadsheet may have removed."""
    bare = serial.lstrip("0")
    if not serial.isdigit() or not bare:
        return []
    return [other for zeros in range(MAX_ZEROS + 1) if (other := "0" * zeros + bare) != serial]


def _with_asset_store(check: RowCheck, serial: SerialCheck | None, catalogs: list[str]) -> RowCheck:
    catalog = check.values["catalog"]
    if catalog and catalog not in catalogs:
        check = replace(check, problems=[*check.problems, _("The catalog “%(catalog)s” does not exist", catalog=catalog)])
    if serial is None or not serial.problem:
        return check
    return replace(check, problems=[*check.problems, serial.problem], asset_id=serial.asset_id, tag=serial.tag)


def _with_likely_duplicate(check: RowCheck, rests: Sequence[str], by_key: Mapping[str, SerialCheck], lines: Mapping[str, int]) -> RowCheck:
    """`rests` are the serial numbers without a manufacturer's prefix, which an asset or another line may have."""
    for rest in rests if check.asset_id is None else ():
        existing, line = by_key[serial_key(rest)], lines.get(serial_key(rest))
        values = {"rest": rest, "prefix": check.values["serial_number"][: -len(rest)], "line": line}
        if existing.asset_id is not None:
            reason = _("Probably the same as %(rest)s, which already exists: %(prefix)s is often a manufacturer’s prefix", **values)
            return replace(check, likely_duplicate=reason, asset_id=existing.asset_id, tag=existing.tag)
        if line is not None:
            reason = _("Probably the same as %(rest)s in line %(line)s: %(prefix)s is often a manufacturer’s prefix", **values)
            return replace(check, likely_duplicate=reason)
    return check


def _values(row: list[str], columns: Mapping[str, int], defaults: Mapping[str, str]) -> dict[str, str]:
    def value(field: str) -> str:
        number = columns.get(field, len(row))
        return (row[number] if number < len(row) else "") or defaults.get(field, "")

    values = {field: value(field) for field in FIELDS}
    return {**values, "serial_number": clean_serial(values["serial_number"])}


def _repeated_serials(lines: Iterable[int], rows: Iterable[dict[str, str]]) -> dict[int, str]:
    """Line → the problem that others have its serial number. Identical lines were scanned twice: the first one counts."""
    by_key: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    for line, values in zip(lines, rows, strict=True):
        if serial := values["serial_number"]:
            by_key[serial_key(serial)][line] = values
    problems: dict[int, str] = {}
    for key, group in by_key.items():
        identical = len({tuple({**values, "serial_number": key}.items()) for values in group.values()}) == 1
        first = next(iter(group))
        for line in group if len(group) > 1 else ():
            if identical and line != first:
                problems[line] = _("Serial number is already in line %(line)s", line=first)
            elif not identical:
                others = _line_numbers([other for other in group if other != line])
                problems[line] = _("Serial number is also in %(lines)s, with other values", lines=others)
    return problems


def _line_numbers(numbers: list[int]) -> str:
    named = ", ".join(map(str, numbers[:LINES_NAMED]))
    if len(numbers) > LINES_NAMED:
        return _("lines %(numbers)s and others", numbers=named)
    return ngettext("line %(numbers)s", "lines %(numbers)s", len(numbers), numbers=named)
