"""Triggers that count tickets in `ticket_tallies` in the transaction that changes them, see `core.tallies`."""

from typing import Any

from sqlalchemy import MetaData, text

from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.tallies import postgresql_steps, sqlite_steps

TALLIES = "ticket_tallies"
KEYS = ("subject", "key", "label")
BOUNDS = (15, 60, 240, 480, 1_440, 2_880, 4_320, 7_200, 10_080, 20_160, 43_200)
"""Upper bounds in minutes of the classes in which times to approval and to fulfillment are counted; the last class has none."""
WAITS = (TicketStatus.PENDING_APPROVAL, TicketStatus.APPROVED, TicketStatus.IN_PROGRESS)
"""Statuses in which a ticket waits for somebody."""

_COLUMNS = (
    *("status", "status_before", "created_by_id", "assigned_to_id"),
    *("created_at", "decided_at", "fulfilled_at", "rejection_reason"),
)
_WAITING = ", ".join(f"'{status}'" for status in WAITS)
_FORMER = "coalesce({0}status_before, {0}status)"
_WAS_APPROVED = (
    "{0}decided_at IS NOT NULL AND ({1} IN ('approved', 'in_progress', 'fulfilled') OR {1} = 'closed' AND {0}rejection_reason IS NULL)"
)
_WAS_FULFILLED = "{0}decided_at IS NOT NULL AND {0}fulfilled_at IS NOT NULL AND {1} IN ('fulfilled', 'closed')"
_SQLITE_SECONDS = "CAST(strftime('%s', {}) AS INTEGER)"
_POSTGRESQL_SECONDS = "CAST(floor(extract(epoch FROM {})) AS bigint)"


def _class(seconds: str, since: str, until: str) -> str:
    """The class of a time, as the text of its upper bound in minutes, or `more`."""
    passed = f"{seconds.format(until)} - {seconds.format(since)}"
    cases = " ".join(f"WHEN {passed} < {bound * 60} THEN '{bound}'" for bound in BOUNDS)
    return f"CASE {cases} ELSE 'more' END"


def _day(seconds: str, at: str) -> str:
    """Days since 1970, in UTC."""
    return f"CAST({seconds.format(at)} / 86400 AS integer)"


def _counted(seconds: str, row: str, source: str, step: int) -> str:
    """What a ticket counts for: `row` is the prefix of its columns (`NEW.`), `source` the table that has them, if any."""
    of, former = f" FROM {source}" if source else "", _FORMER.format(row)
    since = f"CASE WHEN {row}status = 'pending_approval' THEN {row}created_at ELSE coalesce({row}decided_at, {row}created_at) END"
    approval = _class(seconds, f"{row}created_at", f"{row}decided_at")
    fulfillment = _class(seconds, f"{row}decided_at", f"{row}fulfilled_at")
    parts = [
        ("all", "0", f"{row}status", "true"),
        ("created", f"{row}created_by_id", f"{row}status", f"{row}created_by_id IS NOT NULL"),
        ("assigned", f"{row}assigned_to_id", f"{row}status", f"{row}assigned_to_id IS NOT NULL"),
        ("waiting", _day(seconds, since), f"{row}status", f"{row}status IN ({_WAITING})"),
        ("approval", _day(seconds, f"{row}decided_at"), approval, _WAS_APPROVED.format(row, former)),
        ("fulfillment", _day(seconds, f"{row}fulfilled_at"), fulfillment, _WAS_FULFILLED.format(row, former)),
    ]
    return " UNION ALL ".join(
        f"SELECT CAST('{subject}' AS varchar(20)) AS subject, {key} AS key, CAST({label} AS varchar(20)) AS label, {step} AS step{of} "
        f"WHERE {when}"
        for subject, key, label, when in parts
    )


def _sqlite() -> list[str]:
    old, new = (_counted(_SQLITE_SECONDS, row, "", step) for row, step in (("OLD.", -1), ("NEW.", 1)))
    verbs = {"INSERT": new, "DELETE": old, f"UPDATE OF {', '.join(_COLUMNS)}": f"{old} UNION ALL {new}"}
    return [
        f"CREATE TRIGGER tickets_counted_{verb.split()[0].lower()} AFTER {verb} ON tickets BEGIN {sqlite_steps(TALLIES, KEYS, rows)} END"
        for verb, rows in verbs.items()
    ]


def _postgresql() -> list[str]:
    old, new = (_counted(_POSTGRESQL_SECONDS, "", rows, step) for rows, step in (("old_rows", -1), ("new_rows", 1)))
    verbs = {
        "INSERT": ("NEW TABLE AS new_rows", new),
        "DELETE": ("OLD TABLE AS old_rows", old),
        "UPDATE": ("OLD TABLE AS old_rows NEW TABLE AS new_rows", f"{old} UNION ALL {new}"),
    }
    statements = []
    for verb, (tables, rows) in verbs.items():
        name = f"tickets_counted_{verb.lower()}"
        statements += [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {postgresql_steps(TALLIES, {}, KEYS, rows)}RETURN NULL; END $$",
            f"CREATE TRIGGER {name} AFTER {verb} ON tickets REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        ]
    return statements


SQLITE, POSTGRESQL = _sqlite(), _postgresql()


def create(_table: MetaData, connection: Any, **_: Any) -> None:
    """Creates the triggers after their tables."""
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[connection.dialect.name]:
        connection.execute(text(statement))
