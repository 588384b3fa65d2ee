"""What migrations build is what the models say, constraint by constraint; and every migration goes both ways."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from request_tracker_utils.assets.models import AssetImport
from request_tracker_utils.core.db import Base, db, reading, transaction
from request_tracker_utils.core.settings import MIGRATIONS
from tests.services.apps import make_app
from tests.services.databases import PostgreSQL
from tests.services.traces import traces, traces_in

HEAD = str(ScriptDirectory(str(MIGRATIONS)).get_current_head())
REVISIONS = [str(step.revision) for step in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]

SSN = "078-05-1120"
OLD_LIST = """INSERT INTO asset_intakes (id, source, rows, head, columns, defaults, findings, started_by, created_at)
 VALUES (1, 'x.csv', :rows, '["Serial", "Social"]', '{"serial_number": 0}', '{}', '[]', 'ada', :now)"""
OLD_TASKS = """INSERT INTO tasks (id, kind, title, arguments, state, done, failed, started_by, created_at, attempts)
 VALUES (1, 'import-roster', 'Import Smith, John lost.csv', '{}', 'done', 0, 0, 'ada', :now, 0),
 (2, 'create-assets', 'Create 2 assets from Smith, John lost.csv', '{}', 'done', 0, 0, 'ada', :now, 0),
 (3, 'create-assets', 'Create 2 assets', '{}', 'done', 0, 0, 'ada', :now, 0)"""
OLD_FILE = """INSERT INTO rosters (id, subject, source, size, stored_size, encoding, separator, head, sample, columns, deactivate_missing,
 match_zeros, state, report, started_by, created_at, left_out, emptied) VALUES (1, 'students', 'x.csv', 9, 0, 'utf-8', ',', '[]', '[]',
 '{}', :no, :no, 'read', :report, 'ada', :now, '[]', '[]')"""

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


def test_lists_reports_and_titles_from_before_lose_what_nobody_mapped(empty_app: Flask, tmp_path: Path) -> None:
    app = empty_app
    with app.app_context():
        upgrade(directory=str(MIGRATIONS), revision="0012")
        with transaction() as session:
            now = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
            session.execute(text(OLD_LIST), {"rows": f'[["A1", "{SSN}"], ["B2", "{SSN}"]]', "now": now})
            session.execute(text(OLD_TASKS), {"now": now})
            session.execute(text(OLD_FILE), {"report": f'{{"lines": 3, "remarks": ["left out: Total, {SSN}"]}}', "now": now, "no": False})
        upgrade(directory=str(MIGRATIONS))
        with reading() as session:
            found = session.get_one(AssetImport, 1)
            assert (found.rows, found.head, found.columns, found.left_out) == (
                [["A1"], ["B2"]],
                ["Serial"],
                {"serial_number": 0},
                ["Social"],
            )
            assert found.stored_size > 0
            titles = session.scalars(text("SELECT title FROM tasks ORDER BY id")).all()
            assert titles == ["Import of a file", "Create assets", "Create 2 assets"]
        assert traces(app, SSN) == traces(app, "Smith") == []
        db.engine.dispose()  # SQLite then has no log any more
        assert traces_in(tmp_path, SSN) == traces_in(tmp_path, "Smith") == []
        if db.engine.dialect.name == "postgresql":
            assert _in_files(SSN) == _in_files("Smith") == []


def _in_files(needle: str) -> list[str]:
    """The tables whose files have the text, in rows that nobody can read any more too."""
    query = "SELECT position(convert_to(:needle, 'UTF8') IN pg_read_binary_file(pg_relation_filepath(:name)))"
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
        names = ("asset_intakes", "rosters", "tasks")
        return [name for name in names if connection.scalar(text(query), {"needle": needle, "name": name})]


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
        "SELECT stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext",
    ]
    with db.engine.connect() as connection:
        for query in queries:
            for row in connection.execute(text(query)):
                yield " | ".join(map(str, row))
