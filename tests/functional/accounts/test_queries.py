"""What every request asks of the database is one query that takes an index; so is what a wrong password asks."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection, event, text

from request_tracker_utils.accounts import login_events, sessions, throttling, tokens
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, PersonalToken, SignInSession, User
from request_tracker_utils.core.db import db, read_connection, reading, transaction
from tests.services.apps import user
from tests.services.people import Person, token_in

MANY = 5_000
INDEXES = {"personal_tokens": "uq_personal_tokens_key_hash", "sign_in_sessions": "uq_sign_in_sessions_key_hash"}


@pytest.fixture
def crowded(app: Flask) -> Flask:
    """Many tokens, sessions and failures, and a database that knows how many."""
    user(app, "staff", "ada")
    now = datetime.now(UTC)
    with app.app_context(), transaction() as session:
        owner = session.query(User).one().id
        each = [{"user_id": owner, "key_hash": f"{number:064}", "created_at": now} for number in range(MANY)]
        session.execute(PersonalToken.__table__.insert(), [{**one, "label": "x"} for one in each])
        more = {"expires_at": now + timedelta(days=1), "address": "x", "agent": "x"}
        session.execute(SignInSession.__table__.insert(), [{**one, **more} for one in each])
        failures = [{"account_key": f"user {n % 500}", "network": f"10.0.{n % 250}.1"} for n in range(MANY)]
        session.execute(
            LoginEvent.__table__.insert(), [{"at": now, "kind": "wrong password", "address": "x", "agent": "x", **one} for one in failures]
        )
    with app.app_context(), db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return app


def plans(connection: Connection, statements: list[tuple[str, object]]) -> list[str]:
    """How the database would carry each statement out."""
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return ["\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, given)) for statement, given in statements]


def asked(app: Flask, connection: Connection, ask) -> list[tuple[str, object]]:  # type: ignore[no-untyped-def]
    """The statements that `ask` sends over the connection."""
    seen: list[tuple[str, object]] = []
    event.listen(connection, "before_cursor_execute", lambda _c, _k, statement, given, *_: seen.append((statement, given)))
    ask()
    return seen


def test_a_token_or_session_is_authenticated_by_one_indexed_query(crowded: Flask) -> None:
    now = datetime.now(UTC)
    for table, ask in (("personal_tokens", tokens.owner_of), ("sign_in_sessions", sessions.by_key)):
        with crowded.app_context(), read_connection() as connection:
            statements = asked(crowded, connection, lambda ask=ask, connection=connection: ask(connection, "some key", now=now))
            assert len(statements) == 1
        with crowded.app_context(), read_connection() as connection:
            (plan,) = plans(connection, statements)
        assert INDEXES[table] in plan or f"{table} USING INDEX sqlite_autoindex_{table}_1 (key_hash=?)" in plan, plan
        assert f"Seq Scan on {table}" not in plan


def test_failed_attempts_are_counted_with_indexes(crowded: Flask) -> None:
    with crowded.app_context(), reading() as session:
        connection, origin, now = session.connection(), Origin("10.0.7.1", "x"), datetime.now(UTC)
        statements = asked(crowded, connection, lambda: throttling.current_pause(session, "user 7", origin, now=now))
    with crowded.app_context(), read_connection() as connection:
        for plan in plans(connection, statements):
            assert "ix_login_events" in plan, plan
            assert "SCAN login_events" not in plan.replace("SEARCH", "")
            assert "Seq Scan" not in plan


def test_a_request_with_a_token_runs_one_authentication_query(app: Flask) -> None:
    bob = Person(app, user(app, "staff", "bob"))
    token = token_in(bob.submit("/me/tokens", label="x", expires="30"))
    headers = {"Authorization": f"Bearer {token}"}
    assert bob.get("/next-asset-tag", headers=headers).status_code == 200  # its first use, and its address, are written down
    statements: list[str] = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_: statements.append(statement))
    assert bob.get("/next-asset-tag", headers=headers).status_code == 200
    assert [("personal_tokens" in statement, "tag_sequences" in statement) for statement in statements] == [(True, False), (False, True)]


def test_tokens_used_from_different_addresses_are_separate_events(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        login_events.record(session, LoginKind.PAUSED, Origin("10.0.0.1"), now=datetime.now(UTC), key="a")
        session.flush()
        assert login_events.recently_recorded(session, LoginKind.PAUSED, Origin("10.0.0.1"), now=datetime.now(UTC), key="a")
        assert not login_events.recently_recorded(session, LoginKind.PAUSED, Origin("10.0.0.1"), now=datetime.now(UTC), key="b")
        assert not login_events.recently_recorded(session, LoginKind.PAUSED, Origin("10.0.0.2"), now=datetime.now(UTC))
        assert not login_events.recently_recorded(session, LoginKind.FORBIDDEN, Origin("10.0.0.1"), now=datetime.now(UTC))
