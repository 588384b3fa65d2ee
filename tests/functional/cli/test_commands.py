"""`rtutils`, command by command, as a person at a terminal runs it."""

import hashlib
import re
import socket
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
from alembic.script import ScriptDirectory

from request_tracker_utils.cli import main
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.core.settings import MIGRATIONS
from request_tracker_utils.web.registry import registry_of
from tests.services import apps
from tests.services.csv_files import without_mark
from tests.services.databases import SQLite
from tests.services.tables import check_all
from tests.services.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def ready(terminal: Terminal, sqlite: SQLite) -> Terminal:
    """After a first start, whose migrations were run once for all tests."""
    instance = terminal.folder / "instance"
    instance.mkdir()
    sqlite.copy_to(instance / "database.sqlite")
    apps.ready(apps.make_app(instance))
    return terminal


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, as it is typed."""
    yield path
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))


def test_every_command_has_help_that_needs_no_database(terminal: Terminal) -> None:
    def check(*path: str) -> None:
        shown = terminal.run(*path, "--help")
        assert (shown.exit_code, shown.stderr) == (0, "")
        assert re.search(r"^Usage: \S.*\n\n  [A-Z]", shown.stdout), shown.stdout

    check_all(commands(main), check)
    assert terminal.run().exit_code == 2  # without a command
    assert not (terminal.folder / "instance").exists()


def test_a_database_that_is_not_ready_is_said_with_what_to_do(terminal: Terminal) -> None:
    result = terminal.run("tags", "next")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "rtutils db upgrade" in result.stderr


def test_wrong_settings_are_listed_together(terminal: Terminal) -> None:
    result = terminal.run("settings", PORT="x", TIMEZONE="Mars")
    assert result.exit_code == 2
    assert "PORT" in result.stderr
    assert "TIMEZONE" in result.stderr


def test_settings_are_shown_without_secrets(terminal: Terminal) -> None:
    result = terminal.run("settings", RT_URL="https://rt.example.org", RT_TOKEN="1-14-secretsecret")
    assert "RT_TOKEN=***" in result.stdout
    assert "RT_URL=https://rt.example.org" in result.stdout
    assert "secretsecret" not in result.stdout + result.stderr


def test_settings_are_shown_with_where_they_come_from(ready: Terminal) -> None:
    """The lines are those of a file for SECRETS_FILE, with comments."""
    app = apps.make_app(ready.folder / "instance")
    with app.app_context():
        page_settings = registry_of(app).page_settings
        texts = {"smtp_host": "mail.school.org", "smtp_password": "a-password-of-smtp"}
        with transaction() as session:
            page_settings.store(session, texts, version=page_settings.refresh().version, actor=of_command(), now=utc_now())
        db.engine.dispose()
    result = ready.run("settings", TIMEZONE="America/Chicago")
    lines = result.stdout.splitlines()
    for line in (
        "TIMEZONE=America/Chicago  # environment",
        "SMTP_HOST=mail.school.org  # page",
        "SMTP_PASSWORD=***  # page",
        "SMTP_TLS=starttls  # default",
    ):
        assert line in lines
    assert "a-password-of-smtp" not in result.stdout + result.stderr
    other = ready.run("settings", SECRET_KEY="another-secret-key-of-tests")
    assert "SMTP_PASSWORD=  # default" in other.stdout
    assert "SMTP_PASSWORD: The stored value cannot be decrypted" in other.stderr
    assert ready.run("settings", SMTP_HOST="mail.other.org").stdout.count("SMTP_HOST=mail.other.org  # environment") == 1


def test_settings_are_shown_without_a_database_that_can_be_read(terminal: Terminal) -> None:
    result = terminal.run("settings", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none", SECRET_KEY="a-secret-key-of-the-tests")
    assert (result.exit_code, "PORT=8080  # default" in result.stdout) == (0, True)
    assert "cannot be read" in result.stderr


def test_generated_keys_are_different_stay_the_same_and_are_the_owners_alone(ready: Terminal) -> None:
    keys = [ready.folder / "instance" / name for name in ("secret_key", "token_key")]
    assert [stat.S_IMODE(key.stat().st_mode) for key in keys] == [0o600] * 2
    before = [key.read_text() for key in keys]
    assert len(set(before)) == 2
    ready.run("tags", "next")
    assert [key.read_text() for key in keys] == before


def test_a_damaged_token_key_is_reported_with_its_file(ready: Terminal) -> None:
    (ready.folder / "instance" / "token_key").write_text("short\n")
    result = ready.run("tags", "next")
    assert (result.exit_code, "token_key does not contain a valid key" in result.stderr) == (2, True), result.stderr


def test_users_are_made_and_listed(ready: Terminal) -> None:
    made = ready.run(
        "users", "create", "ada", "--role", "admin", "--email", "ada@example.org", "--password-stdin", typed="a long password\n"
    )
    assert made.exit_code == 0, made.stderr
    assert ready.run("users", "list").stdout == "ada\tadmin\tactive\tada@example.org\n"
    again = ready.run("users", "create", "ADA", "--role", "user", "--password-stdin", typed="a long password\n")
    assert (again.exit_code, "is taken" in again.stderr) == (1, True)
    assert ready.run("users", "create", "bob", "--role", "king", "--password-stdin", typed="a long password\n").exit_code == 2
    assert ready.run("users", "create", "bob", "--role", "user", "--password-stdin", typed="short\n").exit_code == 1


def test_a_token_is_printed_alone_and_can_be_revoked(ready: Terminal) -> None:
    ready.run("users", "create", "ada", "--role", "admin", "--password-stdin", typed="a long password\n")
    token = ready.run("tokens", "create", "ada", "--label", "script").stdout
    assert token.startswith("rtu_")
    assert token.count("\n") == 1
    assert ready.run("tokens", "revoke", "--token-stdin", typed=token).exit_code == 0
    assert ready.run("tokens", "revoke", "--token-stdin", typed=token).exit_code == 1
    ready.run("tokens", "create", "ada", "--label", "script")
    assert ready.run("tokens", "revoke", "ada", "--label", "script").stdout == "Revoked 1 tokens.\n"
    assert ready.run("tokens", "revoke").exit_code == 2
    assert ready.run("tokens", "create", "nobody").exit_code == 1


def test_a_set_up_link_is_printed_while_nobody_administers(ready: Terminal) -> None:
    first = ready.run("setup-link", APP_URL="https://tags.example.org")
    assert first.stdout.startswith("https://tags.example.org/set-up/")
    ready.run("users", "create", "ada", "--role", "admin", "--password-stdin", typed="a long password\n")
    assert ready.run("setup-link").exit_code == 1


def test_jobs_are_listed_by_name_and_run(ready: Terminal) -> None:
    def listed() -> dict[str, list[str]]:
        return {fields[0]: fields[1:] for line in ready.run("jobs", "list").stdout.splitlines() if (fields := line.split("\t"))}

    assert {"adopt-tags", "confirm-tags"} <= listed().keys()
    assert listed()["confirm-tags"][:2] == ["every 0:00:15", "-"]
    assert ready.run("jobs", "run", "confirm-tags").exit_code == 0
    assert listed()["confirm-tags"][1].startswith("next 20")
    assert ready.run("jobs", "run", "delete-terminal-history").exit_code == 0
    assert listed()["delete-terminal-history"][0] == "daily at 02:40"
    assert listed()["delete-terminal-history"][1].endswith(" 02:40")
    unknown = ready.run("jobs", "run", "nonsense")
    assert (unknown.exit_code, "confirm-tags" in unknown.stderr) == (1, True)


def test_the_demonstration_fills_an_empty_database_only(ready: Terminal) -> None:
    assert ready.run("tags", "next").stdout == "W12-0001\n"
    assert ready.run("demo").exit_code == 0
    assert ready.run("tags", "next").stdout == "W12-0061\n"
    assert ready.run("demo").exit_code == 1


def test_the_demonstration_creates_the_database_in_an_empty_folder(terminal: Terminal) -> None:
    filled = terminal.run("demo")
    assert (filled.exit_code, filled.stderr) == (0, "")
    assert "Added " in filled.stdout
    assert terminal.run("tags", "next").stdout == "W12-0061\n"
    again = terminal.run("demo")
    assert (again.exit_code, "only added to an empty database" in again.stderr) == (1, True)


def test_the_demonstration_leaves_a_database_of_another_version_as_it_is(ready: Terminal) -> None:
    file = ready.folder / "instance" / "database.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        (newest,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        older = ScriptDirectory(str(MIGRATIONS)).get_revision(newest).down_revision
        connection.execute("UPDATE alembic_version SET version_num = ?", (older,))
    refused = ready.run("demo")
    assert (refused.exit_code, "rtutils db upgrade" in refused.stderr) == (3, True)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (older,)


def test_an_older_installations_database_is_refused_and_left_untouched(terminal: Terminal) -> None:
    folder = terminal.folder / "instance"
    folder.mkdir()
    file = folder / "database.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE students (id INTEGER PRIMARY KEY, student_id TEXT)")
    connection.close()
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    for arguments in (["db", "upgrade"], ["tags", "next"], ["serve"]):
        result = terminal.run(*arguments)
        assert (result.exit_code, "import-legacy" in result.stderr) == (3, True)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    assert sorted(path.name for path in folder.iterdir()) == ["database.sqlite", "secret_key", "token_key"]


def test_a_file_that_is_no_database_is_refused(terminal: Terminal) -> None:
    (terminal.folder / "notes.txt").write_text("these are notes, and no database at all" * 100)
    result = terminal.run("db", "upgrade", DATABASE_PATH=str(terminal.folder / "notes.txt"))
    assert (result.exit_code, "DATABASE_PATH" in result.stderr) == (3, True)


def test_tags_of_one_directory_are_not_taken_for_those_of_another(ready: Terminal) -> None:
    ready.run("demo")
    result = ready.run("db", "upgrade", RT_URL="http://127.0.0.1:9", RT_TOKEN="1-2-x")
    assert (result.exit_code, "RT_URL" in result.stderr) == (3, True)


def test_an_empty_installation_may_move_to_request_tracker(ready: Terminal) -> None:
    assert ready.run("db", "upgrade", RT_URL="http://127.0.0.1:9", RT_TOKEN="1-2-x").exit_code == 0


def test_what_cannot_be_used_is_named_with_its_setting(terminal: Terminal) -> None:
    def check(name: str, value: str, code: int) -> None:
        result = terminal.run("db", "upgrade", **{name: value})
        assert (result.exit_code, "Traceback" in result.stderr) == (code, False)
        assert name in result.stderr or "database does not answer" in result.stderr

    check_all(
        [
            ("LABEL_FORMAT", "huge", 2),
            ("LOG_FILE", "/proc/nowhere/log", 2),
            ("DATABASE_PATH", "/nowhere/at/all.sqlite", 2),
            ("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none", 3),
        ],
        check,
    )


def test_a_database_of_a_newer_version_is_left_alone(ready: Terminal) -> None:
    with sqlite3.connect(ready.folder / "instance" / "database.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for arguments in (["db", "upgrade"], ["tags", "next"]):
        result = ready.run(*arguments)
        assert (result.exit_code, "newer version" in result.stderr) == (3, True)


def test_a_port_that_is_taken_is_refused(ready: Terminal) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, told = ready.ended("serve", PORT=str(taken.getsockname()[1]))
    assert (code, "PORT" in told) == (3, True)


def test_numbers_of_the_embedded_directory_are_forgotten_when_request_tracker_comes(ready: Terminal) -> None:
    assert ready.run("tags", "next").stdout == "W12-0001\n"
    settings = {"RT_URL": "http://127.0.0.1:9", "RT_TOKEN": "1-2-x"}
    assert ready.run("db", "upgrade", **settings).exit_code == 0
    waits = ready.run("tags", "next", **settings)
    assert (waits.exit_code, "still being imported" in waits.stderr) == (1, True), "what Request Tracker holds has to be read first"


def test_a_data_folder_that_cannot_be_made_is_said(terminal: Terminal) -> None:
    (terminal.folder / "file").write_text("")
    result = terminal.run("db", "upgrade", INSTANCE_PATH=str(terminal.folder / "file" / "instance"))
    assert (result.exit_code, "INSTANCE_PATH" in result.stderr) == (2, True)


def test_the_audit_trail_is_printed_searched_and_cut(ready: Terminal) -> None:
    assert ready.run("demo").exit_code == 0
    rows = ready.run("tags", "audit", "--search", "W12-0007").stdout.splitlines()
    assert [row.split("\t")[1:5] for row in rows] == [
        ["command line", "confirmed", "W12-0007", "7"],
        ["command line", "bound", "W12-0007", "7"],
        ["command line", "reserved", "W12-0007", ""],
    ]
    assert len(ready.run("tags", "audit").stdout.splitlines()) == 50
    head, *lines = without_mark(ready.run("tags", "audit", "--csv").stdout).splitlines()
    assert (head, len(lines)) == ("time,user,action,tag,asset,old name,new name,reason", 180)
    assert ready.run("tags", "audit", "--csv", "--limit", "2").stdout.splitlines()[1:] == lines[:2]
    assert ready.run("tags", "audit", "--search", "nothing").stdout == ""
    assert ready.run("tags", "audit", "--limit", "0").exit_code == 2


def test_an_older_installations_files_are_taken_over_with_a_report(ready: Terminal) -> None:
    (ready.folder / "sequence").write_text("12\n")
    log = ready.folder / "asset_tag_confirmations.log"
    log.write_text("2025-10-08T12:00:00 - Asset Tag: W12-0041, Request Tracker ID: 123\nrubbish\n")
    sqlite3.connect(ready.folder / "instance" / "database.sqlite").executescript("UPDATE tag_sequences SET adopted_at = NULL")
    first, second = (ready.run("tags", "adopt", ASSET_TAG_SEQUENCE_FILE=str(ready.folder / "sequence")) for _ in range(2))
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [
        "Imported or assigned: 1.",
        f"{log}:",
        "  2 lines read, 0 of them match.",
        "  Tags assigned to the log’s asset, although no asset has this name: 1. Check them.",
        "  Lines that could not be read: 1.",
        "  Line 2: the line has the wrong format.",
    ]
    assert second.stdout.splitlines()[0] == "Imported or assigned: 0."
    assert ready.run("tags", "next").stdout == "W12-0042\n"
    missing = ready.run("tags", "adopt", ASSET_TAG_CONFIRMATIONS_LOG="/no/such/file")
    assert (missing.exit_code, "ASSET_TAG_CONFIRMATIONS_LOG: /no/such/file cannot be read" in missing.stderr) == (1, True)


def test_tags_are_compared_with_a_progress_bar(ready: Terminal) -> None:
    ready.run("demo")
    agreed = ready.run("tags", "compare")
    assert (agreed.exit_code, agreed.stdout) == (0, "No differences.\n"), agreed.stderr
    assert "Comparing" in agreed.stderr
    with sqlite3.connect(ready.folder / "instance" / "database.sqlite") as database:
        database.execute("UPDATE directory_assets SET name = 'old' WHERE id = 3")
    assert ready.run("tags", "compare").stdout == "1 open difference.\n"


def test_holders_are_compared_in_the_same_way(ready: Terminal) -> None:
    agreed = ready.run("holders", "compare")
    assert (agreed.exit_code, agreed.stdout) == (0, "No differences.\n"), agreed.stderr
    ready.run("demo")
    with sqlite3.connect(ready.folder / "instance" / "database.sqlite") as database:
        database.execute("UPDATE directory_assets SET holder = 'ms.lee' WHERE id = 50")
    assert ready.run("holders", "compare").stdout == "1 open difference.\n"


def test_a_second_comparison_is_refused_while_one_runs(ready: Terminal) -> None:
    ready.run("jobs", "run", "compare-tags")
    refused = ready.run("tags", "compare")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "A comparison is already running: task 1." in refused.stderr
    ready.run("jobs", "run", "run-tasks")
    assert ready.run("tags", "compare").exit_code == 0
