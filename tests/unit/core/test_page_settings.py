"""Settings from a page: which value wins, who notices a change when, what is refused, and what is stored of secrets."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import event, select, text

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.page_settings import (
    Change,
    InvalidSettings,
    PageSetting,
    PageSettings,
    SettingChange,
    SettingsChanged,
    SettingsGroup,
    Source,
    is_secret,
    parsed,
    recent_changes,
)
from request_tracker_utils.core.settings import Settings, load_settings
from tests.services.tables import check_all
from tests.services.traces import traces

NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "an-unguessable-secret-of-metrics"
ENVIRONMENT = {"SECRET_KEY": "a-secret-key-of-the-tests", "RT_CATALOG": "From the environment"}
FIELDS = "rt_catalog rt_timeout session_days teachers_see device_catalogs metrics_token rt_token app_url"
GROUP = SettingsGroup("test", "Test", {name: name for name in FIELDS.split()}, sent_to={"rt_token": ("app_url", "teachers_see")})

pytestmark = pytest.mark.usefixtures("inside")


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Process:
    """One server process."""

    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.settings = PageSettings(load_settings(self.environment), [GROUP], reading, clock=self.clock)

    def store(self, **texts: str) -> list[str]:
        version = self.settings.refresh().version
        with transaction() as session:
            changed = self.settings.store(session, texts, version=version, actor=of_command(), now=NOW)
        self.settings.refresh()
        return changed

    def current(self) -> Settings:
        return self.settings.current()


def test_the_environment_wins_then_the_row_then_the_default() -> None:
    process = Process()
    with transaction() as session:  # stored before the variable was set
        session.add(PageSetting(name="rt_catalog", value="From the page", changed_at=NOW, changed_by="ada"))
    assert process.store(rt_timeout="7.5", device_catalogs="Laptops, Tablets") == ["rt_timeout", "device_catalogs"]
    effective = process.settings.refresh()
    assert (effective.settings.rt_catalog, effective.settings.rt_timeout) == ("From the environment", 7.5)
    assert (effective.settings.device_catalogs, effective.settings.session_days) == (("Laptops", "Tablets"), 14)
    shown = {name: effective.sources[name] for name in ("rt_catalog", "rt_timeout", "session_days")}
    assert shown == {"rt_catalog": Source.ENVIRONMENT, "rt_timeout": Source.PAGE, "session_days": Source.DEFAULT}
    assert process.store(rt_timeout="", rt_catalog="") == ["rt_timeout", "rt_catalog"]
    assert (process.current().rt_timeout, process.settings.refresh().stored) == (20, {"device_catalogs": "Laptops, Tablets"})
    assert process.settings.base.rt_timeout == 20
    assert process.settings.base.device_catalogs == ()


@pytest.fixture
def statements(inside: Flask) -> Iterator[Callable[[], int]]:
    """How many statements the database got so far."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield lambda: len(seen)
    event.remove(db.engine, "before_cursor_execute", note)


def test_another_process_notices_a_change_within_a_second_and_asks_no_more_than_that(statements: Callable[[], int]) -> None:
    here, there = Process(), Process()
    assert there.current().session_days == 14
    here.store(session_days="3")
    assert here.current().session_days == 3
    before = statements()
    there.clock.now = 0.99
    assert (there.current().session_days, statements()) == (14, before)
    there.clock.now = 1.01
    assert there.current().session_days == 3
    before = statements()
    there.clock.now = 2.5
    for _ in range(50):
        assert there.current() is there.current()
    assert statements() == before + 1  # the version alone


def test_threads_do_not_wait_while_one_asks_the_database() -> None:
    process = Process()
    known = process.current()
    process.clock.now = 5
    with process.settings._lock, ThreadPoolExecutor(1) as pool:  # somebody is asking
        assert pool.submit(process.current).result(timeout=10) is known


def test_what_is_wrong_is_refused_as_the_environment_would_and_nothing_is_stored() -> None:
    process = Process()

    def is_refused(name: str, value: str, problem: str) -> None:
        with pytest.raises(InvalidSettings) as raised:
            process.store(**{name: value, "device_catalogs": "Laptops"})
        assert problem in raised.value.problems[name], raised.value.problems
        assert value.strip() not in raised.value.message or len(value) < 4, raised.value.message
        with reading() as session:
            assert session.scalars(select(PageSetting)).all() == []
            assert session.scalars(select(SettingChange)).all() == []

    rows = [
        ("rt_timeout", "soon-ish", "number"),
        ("rt_timeout", "nan", "less than or equal to 60"),
        ("rt_timeout", "61", "less than or equal to 60"),
        ("session_days", "0", "greater than or equal to 1"),
        ("session_days", "1" * 5000, "at most 2000 characters"),
        ("teachers_see", "everything", "'school'"),
        ("app_url", "javascript:alert(1)", "http://"),
        ("metrics_token", "too-short", "at least 16"),
        ("metrics_token", "long-enough-but-with\x00-nul", "U+0000 (NULL)"),
        ("metrics_token", "long enough but with spaces", "without spaces"),
        ("rt_catalog", "Laptops", "comes from the environment"),
        ("secret_key", "another-key-of-sixteen", "cannot be entered on a page"),
        ("database_url", "sqlite:////tmp/x", "cannot be entered on a page"),
        ("no_such_setting", "whatever", "cannot be entered on a page"),
    ]
    check_all(rows, is_refused)
    with pytest.raises(InvalidSettings, match="LINE FEED"):
        process.store(device_catalogs="Laptops\nTablets")


def test_a_row_that_nobody_could_enter_changes_nothing() -> None:
    """Whoever can write to the database cannot make the program use another key or listen elsewhere."""
    process = Process()
    with transaction() as session:
        for name, value in (("secret_key", "a-key-of-somebody-else"), ("host", "0.0.0.0"), ("gone", "x")):
            session.add(PageSetting(name=name, value=value, changed_at=NOW, changed_by="ada"))
        session.add(PageSetting(name="metrics_token", value="plain-text-is-not-a-secret", changed_at=NOW, changed_by="ada"))
    effective = process.settings.refresh()
    assert effective.settings.secret_key == SecretStr(ENVIRONMENT["SECRET_KEY"])
    assert (effective.settings.host, effective.settings.metrics_token) == ("127.0.0.1", None)
    assert list(effective.problems) == ["metrics_token"]


def test_secrets_are_encrypted_and_never_in_events_logs_or_errors(inside: Flask, caplog: pytest.LogCaptureFixture) -> None:
    process = Process()
    process.store(metrics_token=f"  {SECRET}\u200b ", rt_timeout="9")
    assert process.current().metrics_token == SecretStr(SECRET)
    effective = process.settings.refresh()
    assert effective.stored == {"metrics_token": None, "rt_timeout": "9"}
    assert SECRET not in repr(effective) + json.dumps(effective.settings.masked()) + caplog.text
    with reading() as session:
        changes = [(each.setting, each.change, each.actor) for each in recent_changes(session, limit=10)]
        row = session.get_one(PageSetting, "metrics_token")
        assert (row.value, SECRET in str(row.ciphertext)) == (None, False)
    assert sorted(changes) == [("METRICS_TOKEN", Change.SET, of_command().name), ("RT_TIMEOUT", Change.SET, of_command().name)]
    assert traces(inside, SECRET) == []


def test_after_a_new_secret_key_secrets_are_to_be_entered_again_and_the_rest_stays() -> None:
    Process().store(metrics_token=SECRET, rt_timeout="9")
    process = Process({**ENVIRONMENT, "SECRET_KEY": "a-new-secret-key-of-the-tests"})
    effective = process.settings.refresh()
    assert (effective.settings.metrics_token, effective.settings.rt_timeout) == (None, 9)
    assert "Enter it again" in effective.problems["metrics_token"]
    assert process.store(metrics_token=SECRET) == ["metrics_token"]
    assert process.current().metrics_token == SecretStr(SECRET)
    assert process.settings.refresh().problems == {}


def test_a_stored_value_that_a_newer_version_refuses_is_reported_and_the_default_applies() -> None:
    with transaction() as session:
        session.add(PageSetting(name="rt_timeout", value="soon", changed_at=NOW, changed_by="ada"))
    effective = Process().settings.effective()
    assert (effective.settings.rt_timeout, effective.sources["rt_timeout"]) == (20, Source.DEFAULT)
    assert "Enter it again" in effective.problems["rt_timeout"]


def test_a_secret_cannot_be_moved_to_another_setting() -> None:
    process = Process()
    process.store(metrics_token=SECRET)
    with transaction() as session:
        session.execute(text("UPDATE page_settings SET name = 'rt_token'"))
    assert process.settings.refresh().settings.rt_token is None
    assert list(process.settings.refresh().problems) == ["rt_token"]


def test_nobody_gets_a_secret_by_having_it_sent_elsewhere() -> None:
    """As with an SMTP password and the server's name: whoever changes the one must know the other."""
    process = Process()
    process.store(rt_token=SECRET, app_url="https://ours.example.org")
    with pytest.raises(InvalidSettings, match="RT_TOKEN: Enter it again, because APP_URL"):
        process.store(app_url="https://mine.example.org")
    assert process.store(app_url="https://ours.example.org", session_days="3") == ["session_days"]  # the same place
    assert process.store(app_url="") == ["app_url"]  # no place
    with pytest.raises(InvalidSettings):
        process.store(app_url="https://mine.example.org")
    assert process.store(app_url="https://new.example.org", rt_token=SECRET) == ["app_url"]
    assert process.store(app_url="https://mine.example.org", rt_token="") == ["app_url", "rt_token"]
    assert process.store(app_url="https://ours.example.org") == ["app_url"]

    with_secret = Process({**ENVIRONMENT, "RT_TOKEN": SECRET, "RT_URL": "https://rt.example.org"})
    effective = with_secret.settings.refresh()
    assert (effective.settings.app_url, list(effective.problems)) == (None, ["app_url"])
    with pytest.raises(InvalidSettings, match="RT_TOKEN comes from the environment"):
        with_secret.store(app_url="https://mine.example.org")
    assert with_secret.store(app_url="") == ["app_url"]


def test_of_two_people_with_the_same_page_the_second_is_told() -> None:
    process = Process()
    opened = process.settings.refresh().version
    process.store(rt_timeout="5")
    with pytest.raises(SettingsChanged), transaction() as session:
        process.settings.store(session, {"rt_timeout": "6"}, version=opened, actor=of_command(), now=NOW)
    assert process.settings.refresh().settings.rt_timeout == 5


def test_of_two_who_save_at_the_same_moment_one_is_told(app: Flask) -> None:
    opened = Process().settings.refresh().version

    def save(seconds: str) -> bool:
        with app.app_context():
            process = Process()
            try:
                with transaction() as session:
                    process.settings.store(session, {"rt_timeout": seconds}, version=opened, actor=of_command(), now=NOW)
            except SettingsChanged:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(save, ("5", "6", "7", "8"))) == [False, False, False, True]


def test_saving_the_same_values_again_is_no_change() -> None:
    process = Process()
    process.store(metrics_token=SECRET, rt_timeout="9")
    version = process.settings.refresh().version
    assert process.store(metrics_token=SECRET, rt_timeout="9", session_days="") == []
    assert process.settings.refresh().version == version


def test_which_fields_are_secrets_is_said_by_their_type() -> None:
    assert [name for name in GROUP.fields if is_secret(name)] == ["metrics_token", "rt_token"]
    every = {name for name in Settings.model_fields if is_secret(name)}
    assert {"secret_key", "webhook_token", "metrics_token", "rt_token"} <= every


def test_values_are_parsed_like_the_environment() -> None:
    def is_same(name: str, text: str) -> None:
        assert parsed(name, text) == getattr(load_settings({name.upper(): text}), name)

    rows: list[tuple[Any, ...]] = [
        ("device_catalogs", "A, B"),
        ("scheduler", "false"),
        ("rt_timeout", "7"),
        ("app_url", "https://u.example.org/"),
    ]
    check_all(rows, is_same)


def test_a_group_with_settings_that_must_not_be_on_a_page_is_refused() -> None:
    for name in ("secret_key", "database_url", "trusted_proxies", "no_such_setting"):
        with pytest.raises(ValueError, match=name):
            SettingsGroup("test", "Test", {name: name})
