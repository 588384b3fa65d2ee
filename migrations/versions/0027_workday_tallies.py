"""Counts of workdays by month, terminal and state, which triggers maintain."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

VERBS = ("insert", "delete", "update")
KEYS = "month, terminal_id, state, is_outlier"
STATE = "CASE WHEN {row}synced_to_crm THEN 'synced' WHEN {row}sync_attempts >= 3 THEN 'failed' ELSE 'unsynced' END"


def sqlite_triggers() -> list[str]:
    def step(row: str, step: int) -> str:
        return (
            f"INSERT INTO workday_tallies ({KEYS}, shard, count) "  # noqa: S608
            f"VALUES (substr({row}.date, 1, 7), {row}.terminal_id, {STATE.format(row=f'{row}.')}, {row}.is_outlier, 0, {step}) "
            f"ON CONFLICT ({KEYS}, shard) DO UPDATE SET count = count + {step};"
        )

    differs = " OR ".join(
        [
            *(f"OLD.{name} IS NOT NEW.{name}" for name in ("date", "terminal_id", "is_outlier")),
            f"{STATE.format(row='OLD.')} IS NOT {STATE.format(row='NEW.')}",
        ]
    )
    return [
        f"CREATE TRIGGER workdays_counted_insert AFTER INSERT ON workdays BEGIN {step('NEW', 1)} END",
        f"CREATE TRIGGER workdays_counted_delete AFTER DELETE ON workdays BEGIN {step('OLD', -1)} END",
        "CREATE TRIGGER workdays_counted_update AFTER UPDATE OF date, terminal_id, synced_to_crm, sync_attempts, is_outlier ON workdays "
        f"WHEN {differs} BEGIN {step('OLD', -1)} {step('NEW', 1)} END",
    ]


def postgresql_triggers() -> list[str]:
    def counted(rows: str, step: int) -> str:
        return (
            "SELECT CAST(to_char(date, 'YYYY-MM') AS varchar(7)) AS month, terminal_id, "  # noqa: S608
            f"CAST({STATE.format(row='')} AS varchar(10)) AS state, is_outlier, {step} AS step FROM {rows}"
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
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608
            f"INSERT INTO workday_tallies ({KEYS}, shard, count) "
            f"SELECT {KEYS}, pg_backend_pid(), sum(step) FROM ({rows}) AS changed "
            f"GROUP BY {KEYS} HAVING sum(step) <> 0 ORDER BY {KEYS} "
            f"ON CONFLICT ({KEYS}, shard) DO UPDATE SET count = workday_tallies.count + excluded.count; RETURN NULL; END $$",
            f"CREATE TRIGGER {name} AFTER {verb} ON workdays REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        ]
    return statements


def upgrade() -> None:
    op.create_table(
        "workday_tallies",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("terminal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("is_outlier", sa.Boolean(), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "terminal_id", "state", "is_outlier", "shard", name=op.f("pk_workday_tallies")),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    month = "substr(date, 1, 7)" if is_sqlite else "to_char(date, 'YYYY-MM')"
    op.execute(
        f"INSERT INTO workday_tallies ({KEYS}, shard, count) "  # noqa: S608
        f"SELECT {month}, terminal_id, {STATE.format(row='')}, is_outlier, 0, count(*) FROM workdays GROUP BY 1, 2, 3, 4"
    )
    for statement in sqlite_triggers() if is_sqlite else postgresql_triggers():
        op.execute(statement)


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for verb in VERBS:
        op.execute(f"DROP TRIGGER workdays_counted_{verb}" + ("" if is_sqlite else " ON workdays"))
        if not is_sqlite:
            op.execute(f"DROP FUNCTION workdays_counted_{verb}()")
    op.drop_table("workday_tallies")
