"""Triggers that count workdays in `workday_tallies` in the transaction that changes them, see `core.tallies`."""

from typing import Any

from sqlalchemy import MetaData, text

from request_tracker_utils.core.tallies import postgresql_steps, sqlite_step

TALLIES = "workday_tallies"
KEYS = ("month", "terminal_id", "state", "is_outlier")
FAILED_FROM = 3
"""Runs after which a workday that the CRM has not accepted counts as failed."""

_COLUMNS = ("date", "terminal_id", "synced_to_crm", "sync_attempts", "is_outlier")
_STATE = f"CASE WHEN {{row}}synced_to_crm THEN 'synced' WHEN {{row}}sync_attempts >= {FAILED_FROM} THEN 'failed' ELSE 'unsynced' END"


def _sqlite() -> list[str]:
    def month(row: str) -> str:
        return f"substr({row}.date, 1, 7)"

    def step(row: str, step: int) -> str:
        keys = (month(row), f"{row}.terminal_id", _STATE.format(row=f"{row}."), f"{row}.is_outlier")
        return sqlite_step(TALLIES, dict(zip(KEYS, keys, strict=True)), step)

    pairs = [
        *((f"OLD.{name}", f"NEW.{name}") for name in ("date", "terminal_id", "is_outlier")),
        (_STATE.format(row="OLD."), _STATE.format(row="NEW.")),
    ]
    differs = " OR ".join(f"{old} IS NOT {new}" for old, new in pairs)
    return [
        f"CREATE TRIGGER workdays_counted_insert AFTER INSERT ON workdays BEGIN {step('NEW', 1)} END",
        f"CREATE TRIGGER workdays_counted_delete AFTER DELETE ON workdays BEGIN {step('OLD', -1)} END",
        f"CREATE TRIGGER workdays_counted_update AFTER UPDATE OF {', '.join(_COLUMNS)} ON workdays WHEN {differs} "
        f"BEGIN {step('OLD', -1)} {step('NEW', 1)} END",
    ]


def _postgresql() -> list[str]:
    def counted(rows: str, step: int) -> str:
        return (
            f"SELECT CAST(to_char(date, 'YYYY-MM') AS varchar(7)) AS month, terminal_id, "  # noqa: S608 — names of our own tables
            f"CAST({_STATE.format(row='')} AS varchar(10)) AS state, is_outlier, {step} AS step FROM {rows}"
        )

    old, new = counted("old_rows", -1), counted("new_rows", 1)
    events = {
        "INSERT": ("NEW TABLE AS new_rows", new),
        "DELETE": ("OLD TABLE AS old_rows", old),
        "UPDATE": ("OLD TABLE AS old_rows NEW TABLE AS new_rows", f"{old} UNION ALL {new}"),
    }
    statements = []
    for verb, (tables, rows) in events.items():
        name = f"workdays_counted_{verb.lower()}"
        statements += [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"{postgresql_steps(TALLIES, {}, KEYS, rows)}RETURN NULL; END $$",
            f"CREATE TRIGGER {name} AFTER {verb} ON workdays REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        ]
    return statements


SQLITE, POSTGRESQL = _sqlite(), _postgresql()


def create(_metadata: MetaData, connection: Any, **_: Any) -> None:
    """Creates the triggers after all tables exist."""
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[connection.dialect.name]:
        connection.execute(text(statement))
