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
    *("status", "status_before", "created_by_id"),
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
        ("waiting", _day(seconds, since), f"{row}status", f"{row}status IN ({_WAITING})"),
        ("approval", _day(seconds, f"{row}decided_at"), approval, _WAS_APPROVED.format(row, former)),
        ("fulfillment", _day(seconds, f"{row}fulfilled_at"), fulfillment, _WAS_FULFILLED.format(row, former)),
    ]
    return " UNION ALL ".join(
        f"SELECT CAST('{subject}' AS varchar(20)) AS subject, {key} AS key, CAST({label} AS varchar(20)) AS label, {step} AS step{of} "
        f"WHERE {when}"
        for subject, key, label, when in parts
    )


def _assigned(user: str, status: str, step: int, source: str) -> str:
    """What an approver counts for: the tickets that they are asked to decide or work on, by status."""
    return (
        f"SELECT CAST('assigned' AS varchar(20)) AS subject, {user} AS key, CAST({status} AS varchar(20)) AS label, {step} AS step {source}"
    )


def _sqlite() -> list[str]:
    old, new = (_counted(_SQLITE_SECONDS, row, "", step) for row, step in (("OLD.", -1), ("NEW.", 1)))
    verbs = {"INSERT": new, "DELETE": old, f"UPDATE OF {', '.join(_COLUMNS)}": f"{old} UNION ALL {new}"}

    def of_ticket(row: str, step: int) -> str:
        return _assigned("user_id", f"{row}.status", step, f"FROM ticket_approvers WHERE ticket_id = {row}.id AND ended_at IS NULL")

    def of_approver(row: str, step: int) -> str:
        return _assigned(f"{row}.user_id", "status", step, f"FROM tickets WHERE id = {row}.ticket_id AND {row}.ended_at IS NULL")

    removed, added = of_approver("OLD", -1), of_approver("NEW", 1)
    triggers = [(f"tickets_counted_{verb.split()[0].lower()}", f"AFTER {verb} ON tickets", rows) for verb, rows in verbs.items()]
    # Approvers of a deleted ticket are deleted after it, when its status is no longer known.
    triggers += [
        ("approvers_counted_ticket", "AFTER UPDATE OF status ON tickets", f"{of_ticket('OLD', -1)} UNION ALL {of_ticket('NEW', 1)}"),
        ("approvers_counted_purge", "BEFORE DELETE ON tickets", of_ticket("OLD", -1)),
        ("approvers_counted_insert", "AFTER INSERT ON ticket_approvers", added),
        ("approvers_counted_delete", "AFTER DELETE ON ticket_approvers", removed),
        ("approvers_counted_update", "AFTER UPDATE OF ended_at ON ticket_approvers", f"{removed} UNION ALL {added}"),
    ]
    return [f"CREATE TRIGGER {name} {when} BEGIN {sqlite_steps(TALLIES, KEYS, rows)} END" for name, when, rows in triggers]


def _postgresql() -> list[str]:
    old, new = (_counted(_POSTGRESQL_SECONDS, "", rows, step) for rows, step in (("old_rows", -1), ("new_rows", 1)))

    def of_tickets(rows: str, step: int) -> str:
        return _assigned("user_id", "status", step, f"FROM {rows} JOIN ticket_approvers ON ticket_id = {rows}.id WHERE ended_at IS NULL")

    def of_approvers(rows: str, step: int) -> str:
        return _assigned("user_id", "status", step, f"FROM {rows} JOIN tickets ON tickets.id = ticket_id WHERE ended_at IS NULL")

    removed, added = of_approvers("old_rows", -1), of_approvers("new_rows", 1)
    passed_on = f"{of_tickets('old_rows', -1)} UNION ALL {of_tickets('new_rows', 1)}"
    purged = _assigned("user_id", "OLD.status", -1, "FROM ticket_approvers WHERE ticket_id = OLD.id AND ended_at IS NULL")
    tables = {"INSERT": "NEW TABLE AS new_rows", "DELETE": "OLD TABLE AS old_rows", "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows"}
    counted = {
        "tickets": {"INSERT": new, "DELETE": old, "UPDATE": f"{old} UNION ALL {new} UNION ALL {passed_on}"},
        "ticket_approvers": {"INSERT": added, "DELETE": removed, "UPDATE": f"{removed} UNION ALL {added}"},
    }
    triggers = [
        (
            f"{table.removeprefix('ticket_')}_counted_{verb.lower()}",
            f"AFTER {verb} ON {table} REFERENCING {tables[verb]} FOR EACH STATEMENT",
            rows,
            "NULL",
        )
        for table, by_verb in counted.items()
        for verb, rows in by_verb.items()
    ]
    # Approvers of a deleted ticket are deleted after it, when its status is no longer known.
    triggers.append(("approvers_counted_purge", "BEFORE DELETE ON tickets FOR EACH ROW", purged, "OLD"))
    return [
        statement
        for name, when, rows, result in triggers
        for statement in (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {postgresql_steps(TALLIES, {}, KEYS, rows)}RETURN {result}; END $$",
            f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()",
        )
    ]


STATISTICS = "CREATE STATISTICS tickets_to_fulfill ON (coalesce(status, '')) FROM tickets"
"""How many tickets fit `models.IS_TO_FULFILL`. Without it, PostgreSQL takes them for a few, and sorts all of them for a page."""
SQLITE, POSTGRESQL = _sqlite(), [*_postgresql(), STATISTICS]


def create(_table: MetaData, connection: Any, **_: Any) -> None:
    """Creates the triggers and statistics after their tables."""
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[connection.dialect.name]:
        connection.execute(text(statement))
