"""Imports: lists of assets that are stored, checked any number of times, and created once by a task."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Row, delete, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.assets.batch import start_creating
from request_tracker_utils.assets.creations import SerialCheck, check_serials
from request_tracker_utils.assets.errors import AssetImportNotFound, AssetImportStarted, AssetImportUnchecked
from request_tracker_utils.assets.fields import FIELDS, field_problems, serial_key, serial_problem, validate
from request_tracker_utils.assets.lists import Listed, match_columns
from request_tracker_utils.assets.models import AssetImport
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.scanned_text import clean_serial, serial_readings
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports.identifiers import spoiled_problem
from request_tracker_utils.imports.permissions import ImportPermission
from request_tracker_utils.tasks.models import Task

RETENTION = timedelta(days=90)
"""Shorter than the retention of tasks, so that the task of an import exists as long as the import."""
RECENT = 5
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


def store(
    session: Session,
    listed: Listed,
    *,
    source: str,
    defaults: Mapping[str, str],
    actor: Actor,
    now: datetime,
    checked: Sequence[RowCheck] | None = None,
) -> AssetImport:
    """Stores the list: not checked yet, or with the results of a check that was just made."""
    stored = AssetImport(
        source=source[:200],
        rows=listed.rows,
        head=listed.header,
        columns=dict(listed.columns),
        defaults=dict(defaults),
        findings=_as_json(check_fields(listed, defaults) if checked is None else checked),
        checked_at=None if checked is None else now,
        started_by=actor.name,
        created_at=now,
    )
    session.add(stored)
    session.flush()  # its id, for its address
    return stored


def get(session: Session, import_id: int, *, reader: Actor | None = None) -> AssetImport:
    """Raises AssetImportNotFound, also if the import is not for the `reader`: imports are their owners' and administrators' alone."""
    found = session.get(AssetImport, import_id)
    if found is not None and reader is not None and found.started_by != reader.name and not reader.may(ImportPermission.MANAGE_ALL):
        found = None
    return _existing(found, import_id)


def row_checks(asset_import: AssetImport) -> list[RowCheck]:
    return [RowCheck(**each) for each in asset_import.findings]


def recent(session: Session, actor: Actor) -> Sequence[Row[tuple[int, str, datetime, int | None, int]]]:
    """Id, file name, time, task and number of rows of the actor's newest imports, without the lists themselves, which are large."""
    count = func.json_array_length(AssetImport.rows).label("count")
    query = select(AssetImport.id, AssetImport.source, AssetImport.created_at, AssetImport.task_id, count)
    return session.execute(query.where(AssetImport.started_by == actor.name).order_by(AssetImport.id.desc()).limit(RECENT)).all()


def map_columns(session: Session, import_id: int, columns: Mapping[str, int], *, first_row_is_header: bool = False) -> None:
    """Sets the column of each field, and whether the first row is a header row; the import must be checked again.

    Raises AssetImportNotFound, AssetImportStarted; Invalid for a column that does not exist or that two fields share.
    """
    asset_import = _locked(session, import_id)
    listed = _listed(asset_import)
    if first_row_is_header and not listed.header and len(listed.rows) > 1:
        rows, header = listed.rows[1:], listed.rows[0]
        listed = Listed(rows, listed.lines[1:], header, match_columns(header, rows))
        columns = {**{field: number for field, number in listed.columns.items() if number not in columns.values()}, **columns}
    width = max(map(len, [listed.header, *listed.rows]))
    if not all(field in FIELDS and 0 <= number < width for field, number in columns.items()):
        raise Invalid(_("The list does not have this column. Choose another column."))
    if len(set(columns.values())) < len(columns):
        raise Invalid(_("Two fields have the same column. Choose another column for one of them."))
    asset_import.rows, asset_import.head, asset_import.columns = listed.rows, listed.header, dict(columns)
    asset_import.findings, asset_import.checked_at = _as_json(check_fields(_with_columns(listed, columns), asset_import.defaults)), None


def check(transaction: Transaction, reading: Reading, asset_store: AssetStore, import_id: int, *, now: datetime) -> None:
    """Checks all rows again and stores the results. Raises AssetImportNotFound, AssetImportStarted, and the asset store's errors, after
    which the import is unchanged."""
    with reading() as session:
        before = _not_started(get(session, import_id))
    checks = check_rows(reading, asset_store, _listed(before), before.defaults)
    with transaction() as session:
        asset_import = _locked(session, import_id)
        if (asset_import.columns, asset_import.head) == (before.columns, before.head):  # otherwise its columns were mapped in the meantime
            asset_import.findings, asset_import.checked_at = _as_json(checks), now


def start(session: Session, import_id: int, *, actor: Actor, now: datetime, with_likely_duplicates: bool = False) -> Task:
    """Starts the task that creates the assets of the rows without problems, and of likely duplicates if a person has decided so.

    Raises AssetImportNotFound; AssetImportStarted with the `task_id` of its task; AssetImportUnchecked; Invalid if no row can be created.
    """
    asset_import = _locked(session, import_id)
    if asset_import.checked_at is None:
        raise AssetImportUnchecked(_("The import has not been checked yet. Check it, then create the assets."))
    checks = row_checks(asset_import)
    assets = [validate(each.values) for each in checks if each.is_valid or (with_likely_duplicates and each.is_likely_duplicate)]
    if not assets:
        raise Invalid(_("None of these assets can be created. Edit the list."))
    title = ngettext("Create %(count)s asset", "Create %(count)s assets", len(assets), count=f"{len(assets):,}")
    if asset_import.source:
        title = _("%(title)s from %(file)s", title=title, file=asset_import.source)
    task = start_creating(session, assets, title=title, actor=actor, now=now)
    asset_import.task_id = task.id
    return task


def delete_old(session: Session, *, now: datetime) -> int:
    """Returns how many were deleted."""
    return affected(session.execute(delete(AssetImport).where(AssetImport.created_at < now - RETENTION)))


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


def _locked(session: Session, import_id: int) -> AssetImport:
    """The import, locked against others who start or change it. Raises AssetImportNotFound, AssetImportStarted."""
    row = session.scalar(select(AssetImport).where(AssetImport.id == import_id).with_for_update())
    return _not_started(_existing(row, import_id))


def _existing(asset_import: AssetImport | None, import_id: int) -> AssetImport:
    if asset_import is None:
        message = _("Import %(id)s does not exist. Imports are deleted after %(days)s days.", id=import_id, days=RETENTION.days)
        raise AssetImportNotFound(message, import_id=import_id)
    return asset_import


def _not_started(asset_import: AssetImport) -> AssetImport:
    if asset_import.task_id is not None:
        message = _("The assets of this import are being created, or have been created.")
        raise AssetImportStarted(message, task_id=asset_import.task_id)
    return asset_import


def _listed(asset_import: AssetImport) -> Listed:
    return Listed(asset_import.rows, [each["line"] for each in asset_import.findings], asset_import.head, asset_import.columns)


def _with_columns(listed: Listed, columns: Mapping[str, int]) -> Listed:
    return replace(listed, columns=dict(columns))


def _as_json(checks: Iterable[RowCheck]) -> list[dict[str, object]]:
    return [asdict(each) for each in checks]
