"""The database session, and the one place that commits."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MethodType
from typing import Any, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary, WeakMethod

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, CursorResult, DateTime, Engine, ExceptionContext, MetaData, Result, String, event, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from request_tracker_utils.core.durability import NotOnDisk, WriteAheadLog
from request_tracker_utils.core.private_files import create_if_missing

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BUSY_MILLISECONDS = 20_000
"""How long a writer waits for another writer of the same SQLite file."""
BRIEF_MILLISECONDS = 1_000
"""How long a brief transaction waits for others."""
LARGEST_ID = 2**31 - 1
"""Of a row."""


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


_JOBS = "run after commit"
_after_commit: WeakKeyDictionary[Engine, Callable[[], Callable[[str, timedelta], None] | None]] = WeakKeyDictionary()
_logs: WeakKeyDictionary[Engine, WriteAheadLog] = WeakKeyDictionary()

db = SQLAlchemy(model_class=Base, disable_autonaming=True)


class Transaction(Protocol):
    """Passed to use cases that call another system: they open a short transaction for each step. See `transaction`."""

    def __call__(self, *, durable: bool = True) -> AbstractContextManager[Session]: ...


Reading = Callable[[], AbstractContextManager[Session]]
"""The same for use cases that only read; see `reading`."""


class Instant(TypeDecorator[datetime]):
    """A point in time, with a time zone when written and in UTC when read. SQLite stores no zones, so it gets naive UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@contextmanager
def transaction(*, durable: bool = True, brief: bool = False) -> Iterator[Session]:
    """One writing transaction in a session of its own: committed on leaving, rolled back by an exception.

    Opened by entry points only (a route, a job, a command). Services receive the session, or this factory, and never commit.

    What was committed survives a power failure, also what other transactions have committed before. Raises OperationalError if the disk
    cannot store it. `durable=False` does not wait for the disk: for work that is done again, or never missed, if a power failure loses the
    last seconds of it. A later durable transaction makes it durable too, so nothing is ever missing in the middle.

    `brief` raises OperationalError after a second if another one has the lock: for what is recorded about a request that only reads.
    """
    engine = db.engine
    log = _logs.get(engine)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.connection(execution_options={"writes": True, "brief": brief})
        if brief and log is None:
            session.execute(text(f"SET LOCAL lock_timeout = {BRIEF_MILLISECONDS}"))
        if not durable and log is None:
            session.execute(text("SET LOCAL synchronous_commit = off"))
        yield session
    if durable and log is not None:
        try:
            log.wait_until_stored()
        except NotOnDisk as error:
            raise OperationalError("COMMIT", None, error) from error
    run = _after_commit[engine]() if engine in _after_commit else None
    for job, after in session.info.pop(_JOBS, {}).items():
        if run is not None:
            run(job, after)


def after_commit(session: Session, job: str, *, after: timedelta = timedelta(0)) -> None:
    """Runs the job soon after the session's transaction is committed, instead of on its schedule; not after a rollback.

    Called by the function that writes the job's row. The job finds the row on its schedule if the process dies before.
    """
    jobs = session.info.setdefault(_JOBS, {})
    jobs[job] = min(after, jobs.get(job, after))


def run_after_commit(engine: Engine, run: Callable[[str, timedelta], None]) -> None:
    """Calls `run` with the job's name and the delay for each `after_commit` of a transaction on this engine.

    A method is referred to weakly: its object usually knows the app, which would be kept alive by its own engine.
    """
    _after_commit[engine] = WeakMethod(run) if isinstance(run, MethodType) else lambda: run


@contextmanager
def reading() -> Iterator[Session]:
    """A read-only session: it neither waits for writers nor blocks them. Each statement sees what is committed when it runs."""
    with Session(db.engine) as session:
        session.connection(execution_options={"reads": True})
        yield session


def upsert_into(session: Session) -> Any:
    """INSERT with ON CONFLICT, in the dialect of the database in use."""
    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert


def affected(result: Result[Any]) -> int:
    """How many rows an INSERT, UPDATE or DELETE has changed."""
    return cast(CursorResult[Any], result).rowcount


@contextmanager
def read_connection() -> Iterator[Connection]:
    """Like `reading`, without an ORM session: for the small queries of every request."""
    with db.engine.connect().execution_options(reads=True) as connection:
        yield connection


def tune_sqlite(engine: Engine) -> None:
    """Makes SQLite wait for locks, enforce foreign keys, and take the write lock at BEGIN; `transaction` syncs the disk.

    Readers run without a transaction: on PostgreSQL too each statement sees its own snapshot, and each call to SQLite costs a switch of
    the interpreter lock.

    Without the immediate lock two transactions that read first and write later fail with "database is locked"
    immediately, regardless of the busy timeout: neither can be upgraded while the other reads.
    """
    log = _logs[engine] = WriteAheadLog(Path(str(engine.url.database)))

    @event.listens_for(engine, "engine_disposed")
    def close_log(_engine: Engine) -> None:
        log.close()

    @event.listens_for(engine, "do_connect")
    def create_file(_dialect: object, _record: object, arguments: list[Any], _options: object) -> None:
        create_if_missing(arguments[0])  # SQLite would leave its mode to the umask; the files beside it get the same mode

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the BEGIN below, not the driver's
        # Set the timeout first: switching to WAL needs a lock itself, and another process may be starting too.
        connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        # Without a log (SQLite cannot use one on some network file systems) there is nothing for us to sync.
        connection.execute(f"PRAGMA synchronous={'NORMAL' if mode == 'wal' else 'FULL'}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # deleted rows of uploaded lists and students do not stay in free pages

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("brief"):
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BRIEF_MILLISECONDS}")
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        elif not options.get("reads"):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def shorten_postgresql_errors(engine: Engine) -> None:
    """Reduces errors to their primary message: they are logged, and PostgreSQL puts all values of the row into the details."""

    @event.listens_for(engine, "handle_error")
    def drop_row_values(context: ExceptionContext) -> None:
        error, wrapped = context.original_exception, context.sqlalchemy_exception
        reason = getattr(getattr(error, "diag", None), "message_primary", None)
        if reason:
            if wrapped is not None:
                wrapped.args = (str(wrapped.args[0]).replace(str(error), reason), *wrapped.args[1:])
            error.args = (reason,)


Row = TypeVar("Row", bound=Base)


def find_row(session: Session, table: type[Row], row_id: int, **options: Any) -> Row | None:
    """The row with this ID, if there is one. PostgreSQL would refuse an ID that is too large. `options` are those of `Session.get`."""
    return session.get(table, row_id, **options) if 0 < row_id <= LARGEST_ID else None


class StoredValue(Base):
    __tablename__ = "kept_values"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(500))


def stored_value(session: Session, name: str) -> str | None:
    return session.scalar(select(StoredValue.value).where(StoredValue.name == name))


def store_once(session: Session, name: str, value: str) -> str:
    """Stores `value` unless one is stored already. Returns the stored value. Safe for concurrent processes."""
    session.execute(upsert_into(session)(StoredValue).values(name=name, value=value).on_conflict_do_nothing())
    return session.execute(select(StoredValue.value).where(StoredValue.name == name)).scalar_one()
