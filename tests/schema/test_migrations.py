"""What migrations build is what the models say, constraint by constraint; and every migration goes both ways."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from request_tracker_utils.core.db import Base, db
from request_tracker_utils.core.settings import MIGRATIONS
from tests.services.apps import make_app
from tests.services.databases import PostgreSQL

HEAD = str(ScriptDirectory(str(MIGRATIONS)).get_current_head())
REVISIONS = [str(step.revision) for step in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]

FUNCTIONS = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An app on a database without tables."""
    if request.param == "sqlite":
        yield make_app(tmp_path)
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.empty() as url:
        app = make_app(tmp_path, database_url=url)
        yield app
        with app.app_context():
            db.engine.dispose()


def test_migrations_build_what_the_models_say(empty_app: Flask) -> None:
    with empty_app.app_context():
        Base.metadata.create_all(db.engine)
        wanted = describe()
        Base.metadata.drop_all(db.engine)
        if db.engine.dialect.name == "postgresql":
            with db.engine.begin() as connection:
                for function in connection.scalars(text(FUNCTIONS)).all():
                    connection.execute(text(f"DROP FUNCTION {function}"))
        upgrade(directory=str(MIGRATIONS))
        built = describe()
    assert built == wanted


def test_the_comparison_sees_a_check_and_the_condition_of_an_index(empty_app: Flask) -> None:
    with empty_app.app_context():
        upgrade(directory=str(MIGRATIONS))
        before = describe()
        with db.engine.begin() as connection:
            connection.execute(text("DROP INDEX ix_asset_tags_due"))
            connection.execute(text("CREATE INDEX ix_asset_tags_due ON asset_tags (due_at)"))
        assert describe() != before


def test_every_migration_goes_down_and_up_again(empty_app: Flask) -> None:
    with empty_app.app_context():
        built = {}
        for revision in REVISIONS:
            upgrade(directory=str(MIGRATIONS), revision=revision)
            built[revision] = describe()
        for revision, below in zip(REVISIONS[::-1], [*REVISIONS[-2::-1], "base"], strict=True):
            downgrade(directory=str(MIGRATIONS), revision=below)
            assert describe() == built.get(below, []), f"{revision} leaves something behind"
        upgrade(directory=str(MIGRATIONS))
        assert describe() == built[HEAD]


def describe() -> list[str]:
    """Every column, constraint, index and trigger of the database, as sorted lines."""
    lines = _of_sqlite() if db.engine.dialect.name == "sqlite" else _of_postgresql()
    return sorted(line for line in lines if "alembic_version" not in line)


def _of_sqlite() -> Iterator[str]:
    with db.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
        ).all()
    for kind, name, table, sql in rows:
        flat = re.sub(r"\s+", " ", sql.replace('"', "")).replace("( ", "(").replace(" )", ")")
        if kind != "table":
            yield f"{kind} {name} {flat}"
            continue
        for part in _parts(flat[flat.index("(") + 1 : flat.rindex(")")]):
            yield f"table {table}: {part}"
        yield f"table {table}: after {flat[flat.rindex(')') + 1 :]}"


def _parts(inside: str) -> Iterator[str]:
    """The parts between the commas that stand in no parentheses."""
    depth, part = 0, ""
    for character in inside:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += character
    yield part.strip()


def _of_postgresql() -> Iterator[str]:
    queries = [
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, collation_name"
        " FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    ]
    with db.engine.connect() as connection:
        for query in queries:
            for row in connection.execute(text(query)):
                yield " | ".join(map(str, row))
