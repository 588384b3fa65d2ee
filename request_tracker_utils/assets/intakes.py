"""Lists of assets that are about to be created: kept as they came, checked as often as somebody likes, and started once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Row, delete, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.assets.batch import start_creating
from request_tracker_utils.assets.errors import IntakeNotFound, IntakeStarted
from request_tracker_utils.assets.fields import FIELDS, checked as as_wanted, key, problems, serial_problem
from request_tracker_utils.assets.lists import Listed, match_columns
from request_tracker_utils.assets.models import Intake
from request_tracker_utils.assets.serials import SerialFound, check as check_serials
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.tasks.models import Task

KEPT = timedelta(days=90)
"""For which a list is kept: less than its task, so that no list forgets that it was started."""
LATEST = 5
LINES_NAMED = 5


class IntakeUnchecked(Conflict):
    """The directory has not been asked for these serial numbers yet."""

    code = "intake_unchecked"


@dataclass(frozen=True)
class Finding:
    """What stands against a row; with `problems` it is not created. `asset_id` and `tag` are those of the asset that has the serial number
    already."""

    line: int
    values: dict[str, str]
    problems: list[str]
    asset_id: int | None = None
    tag: str = ""


def add(
    session: Session,
    listed: Listed,
    *,
    source: str,
    defaults: Mapping[str, str],
    actor: Actor,
    now: datetime,
    checked: Sequence[Finding] | None = None,
) -> Intake:
    """Keeps the list: not yet checked, or with what a look at it has found a moment ago."""
    intake = Intake(
        source=source[:200],
        rows=listed.rows,
        head=listed.header,
        columns=dict(listed.columns),
        defaults=dict(defaults),
        findings=_stored(first_look(listed, defaults) if checked is None else checked),
        checked_at=None if checked is None else now,
        started_by=actor.name,
        created_at=now,
    )
    session.add(intake)
    session.flush()  # its number, for its address
    return intake


def get(session: Session, intake_id: int) -> Intake:
    """Raises IntakeNotFound."""
    return _found(session.get(Intake, intake_id), intake_id)


def findings(intake: Intake) -> list[Finding]:
    return [Finding(**each) for each in intake.findings]


def latest(session: Session, actor: Actor) -> Sequence[Row[tuple[int, str, datetime, int | None, int]]]:
    """Number, file's name, time, task and count of rows of the person's newest lists. The lists themselves are large, and stay where they
    are."""
    told = select(Intake.id, Intake.source, Intake.created_at, Intake.task_id, func.json_array_length(Intake.rows).label("count"))
    return session.execute(told.where(Intake.started_by == actor.name).order_by(Intake.id.desc()).limit(LATEST)).all()


def map_columns(session: Session, intake_id: int, columns: Mapping[str, int], *, first_is_head: bool = False) -> None:
    """Says in which column each field stands, and whether the first row is a heading after all; the list must be checked again.

    Raises IntakeNotFound, IntakeStarted; Invalid for a column that there is not, or that two fields share.
    """
    intake = _open(session, intake_id)
    listed = _listed(intake)
    if first_is_head and not listed.header and len(listed.rows) > 1:
        rows, head = listed.rows[1:], listed.rows[0]
        listed = Listed(rows, listed.lines[1:], head, match_columns(head, rows))
        columns = {**{field: number for field, number in listed.columns.items() if number not in columns.values()}, **columns}
    width = max(map(len, [listed.header, *listed.rows]))
    if not all(field in FIELDS and 0 <= number < width for field, number in columns.items()):
        raise Invalid("The list has no such column. Choose again.")
    if len(set(columns.values())) < len(columns):
        raise Invalid("Two fields have the same column. Choose another column for one of them.")
    intake.rows, intake.head, intake.columns, intake.checked_at = listed.rows, listed.header, dict(columns), None
    intake.findings = _stored(first_look(_with(listed, columns), intake.defaults))


def check(transaction: Transaction, reading: Reading, asset_store: AssetStore, intake_id: int, *, now: datetime) -> None:
    """Looks again for everything that stands against the rows, and keeps it. Raises IntakeNotFound, IntakeStarted, and what the directory
    raises: then the list stays as it is."""
    with reading() as session:
        seen = _unstarted(get(session, intake_id))
    found = look(reading, asset_store, _listed(seen), seen.defaults)
    with transaction() as session:
        intake = _open(session, intake_id)
        if (intake.columns, intake.head) == (seen.columns, seen.head):  # else somebody mapped them meanwhile, and checks them now
            intake.findings, intake.checked_at = _stored(found), now


def start(session: Session, intake_id: int, *, actor: Actor, now: datetime) -> Task:
    """Starts the task that creates the rows without problems.

    Raises IntakeNotFound; IntakeStarted with the `task_id` of the task that does it already; IntakeUnchecked; Invalid when nothing can be
    created.
    """
    intake = _open(session, intake_id)
    if intake.checked_at is None:
        raise IntakeUnchecked("The list is not checked yet. Check it, then create the assets.")
    wanted = [as_wanted(finding.values) for finding in findings(intake) if not finding.problems]
    if not wanted:
        raise Invalid("None of these assets can be created. Change the list.")
    title = f"Create {len(wanted):,} {'asset' if len(wanted) == 1 else 'assets'}" + (f" of {intake.source}" if intake.source else "")
    task = start_creating(session, wanted, title=title, actor=actor, now=now)
    intake.task_id = task.id
    return task


def put_away(session: Session, *, now: datetime) -> int:
    """Deletes old lists; returns how many."""
    return affected(session.execute(delete(Intake).where(Intake.created_at < now - KEPT)))


def first_look(listed: Listed, defaults: Mapping[str, str]) -> list[Finding]:
    """What can be said of the rows without asking anybody."""
    rows = [_values(row, listed.columns, defaults) for row in listed.rows]
    twice = _twice(listed.lines, rows)
    return [
        Finding(line, values, [problem.message for problem in problems(values)] + ([twice[line]] if line in twice else []))
        for line, values in zip(listed.lines, rows, strict=True)
    ]


def look(reading: Reading, asset_store: AssetStore, listed: Listed, defaults: Mapping[str, str]) -> list[Finding]:
    """Everything that stands against the rows. One request to the directory for 200, and one for its catalogs where any is named.

    Raises what the directory raises.
    """
    first = first_look(listed, defaults)
    serials = {key(finding.values["serial_number"]): finding.values["serial_number"] for finding in first}
    sound = [serial for serial in serials.values() if serial_problem(serial) is None]
    known = {key(found.serial): found for found in check_serials(reading, asset_store, sound)}
    catalogs = asset_store.catalogs() if any(finding.values["catalog"] for finding in first) else []
    return [_beside(finding, known.get(key(finding.values["serial_number"])), catalogs) for finding in first]


def _beside(finding: Finding, found: SerialFound | None, catalogs: list[str]) -> Finding:
    """With what the directory says of it."""
    catalog = finding.values["catalog"]
    if catalog and catalog not in catalogs:
        finding = replace(finding, problems=[*finding.problems, f"There is no catalog “{catalog}”"])
    if found is None or not found.problem:
        return finding
    return replace(finding, problems=[*finding.problems, found.problem], asset_id=found.asset_id, tag=found.tag)


def _values(row: list[str], columns: Mapping[str, int], defaults: Mapping[str, str]) -> dict[str, str]:
    def value(field: str) -> str:
        number = columns.get(field, len(row))
        return (row[number] if number < len(row) else "") or defaults.get(field, "")

    return {field: value(field) for field in FIELDS}


def _twice(lines: Iterable[int], rows: Iterable[dict[str, str]]) -> dict[int, str]:
    """Line → which others have its serial number. Where they say the same it was scanned twice, and the first one counts."""
    same: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    for line, values in zip(lines, rows, strict=True):
        if serial := values["serial_number"]:
            same[key(serial)][line] = values
    told: dict[int, str] = {}
    for serial, group in same.items():
        agree = len({tuple({**values, "serial_number": serial}.items()) for values in group.values()}) == 1
        first = next(iter(group))
        for line in group if len(group) > 1 else ():
            if agree and line != first:
                told[line] = f"Serial number is in line {first} already, which says the same"
            elif not agree:
                told[line] = f"Serial number is in {_lines([other for other in group if other != line])} too, which says something else"
    return told


def _lines(numbers: list[int]) -> str:
    named = ", ".join(map(str, numbers[:LINES_NAMED])) + (" and others" if len(numbers) > LINES_NAMED else "")
    return f"line {named}" if len(numbers) == 1 else f"lines {named}"


def _open(session: Session, intake_id: int) -> Intake:
    """The list, held against others who would start or change it. Raises IntakeNotFound, IntakeStarted."""
    row = session.scalar(select(Intake).where(Intake.id == intake_id).with_for_update())
    return _unstarted(_found(row, intake_id))


def _found(intake: Intake | None, intake_id: int) -> Intake:
    if intake is None:
        raise IntakeNotFound("There is no such list, or it is so old that it was put away. Scan or drop it again.", intake_id=intake_id)
    return intake


def _unstarted(intake: Intake) -> Intake:
    if intake.task_id is not None:
        raise IntakeStarted("The assets of this list are being created, or were.", task_id=intake.task_id)
    return intake


def _listed(intake: Intake) -> Listed:
    return Listed(intake.rows, [finding["line"] for finding in intake.findings], intake.head, intake.columns)


def _with(listed: Listed, columns: Mapping[str, int]) -> Listed:
    return replace(listed, columns=dict(columns))


def _stored(found: Iterable[Finding]) -> list[dict[str, object]]:
    return [asdict(each) for each in found]
