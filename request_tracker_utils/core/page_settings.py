"""Settings that administrators enter on a page: rows of the database. The environment takes precedence, then the row, then the default.

Domains declare which fields of `Settings` these are (`SettingsGroup`). Type, validation, default and description are those of `Settings`: a
row contains the same text as the environment variable would. `Settings` stays frozen: `PageSettings.current` returns another one for this
moment, so code takes it when the work begins, and keeps it until the end.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Any, get_args

import structlog
from pydantic import SecretStr, ValidationError
from sqlalchemy import CheckConstraint, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Base, Instant, Reading, StoredValue, store_once, stored_value, upsert_into
from request_tracker_utils.core.encryption import Encryption, NotDecrypted
from request_tracker_utils.core.errors import Conflict, Invalid
from request_tracker_utils.core.settings import Settings, settings_problem
from request_tracker_utils.core.text import clean, unprintable_character
from request_tracker_utils.core.translation import gettext as _

log = structlog.get_logger(__name__)

CHECKED_EVERY = timedelta(seconds=1)
"""How soon a process notices that another one has changed a setting."""
MAX_LENGTH = 2_000
NEVER = frozenset(
    {
        *("host", "port", "workers", "threads", "instance_path", "secrets_file", "secret_key", "database_url", "database_path"),
        *("trusted_proxies", "scheduler", "log_file", "token_key", "token_key_old"),
    }
)
"""Needed before the database can be read, or decides who may change settings."""
_VERSION = "page_settings_version"


class Source(StrEnum):
    """Where the value of a setting comes from."""

    ENVIRONMENT = "environment"
    PAGE = "page"
    DEFAULT = "default"


class Change(StrEnum):
    """The values are stored."""

    SET = "set"
    REMOVED = "removed"


class SettingsChanged(Conflict):
    """Another person changed these settings after the page was opened. Check the values, then save again."""

    code = "settings_changed"


class InvalidSettings(Invalid):
    """Some values are not valid; `problems` has a sentence for each field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{name.upper()}: {problem}." for name, problem in problems.items()))
        self.problems = problems


class PageSetting(Base):
    """A setting that was entered on a page. Secrets are encrypted."""

    __tablename__ = "page_settings"
    __table_args__ = (CheckConstraint("(value IS NULL) != (ciphertext IS NULL)", name="one_value"),)

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str | None] = mapped_column(Text)
    ciphertext: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    changed_by: Mapped[str] = mapped_column(String(100))


class SettingChange(Base):
    """Who changed which setting on a page, without its values."""

    __tablename__ = "setting_changes"
    __table_args__ = (CheckConstraint("change IN ('set', 'removed')", name="change"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    actor: Mapped[str] = mapped_column(String(100))
    setting: Mapped[str] = mapped_column(String(60))
    change: Mapped[str] = mapped_column(String(10))


@dataclass(frozen=True)
class SettingsGroup:
    """Fields of Settings that a domain lets administrators enter on one page."""

    name: str
    """Part of the address."""
    title: str
    """Marked with `gettext_noop`, like `help` and the titles of the fields."""
    fields: Mapping[str, str]
    """Field → title."""
    help: str = ""
    order: int = 50
    sent_to: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Secret → fields that decide where it is sent. A person who changes one must know the secret, so that nobody gets a stored secret by
    having it sent to a server of their own."""

    def __post_init__(self) -> None:
        if wrong := [name for name in self.fields if name in NEVER or name not in Settings.model_fields]:
            raise ValueError(f"cannot be entered on a page: {', '.join(wrong)}")


@dataclass(frozen=True)
class Effective:
    """The settings of one moment, where they come from, and what is wrong with stored values that cannot be used."""

    version: str
    settings: Settings
    sources: Mapping[str, Source]
    stored: Mapping[str, str | None]
    """Texts of the rows by field; None for secrets."""
    problems: Mapping[str, str] = field(default_factory=dict)


class PageSettings:
    """The effective settings of this process. `base` has what the environment says."""

    def __init__(
        self, base: Settings, groups: Sequence[SettingsGroup], reading: Reading, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.base, self.groups = base, sorted(groups, key=lambda group: group.order)
        self._names = frozenset(name for group in groups for name in group.fields)
        self._sent_to = {secret: fields for group in groups for secret, fields in group.sent_to.items()}
        self._reading, self._clock = reading, clock
        self._lock = Lock()
        self._effective: Effective | None = None
        self._checked = 0.0

    def current(self) -> Settings:
        """The settings that apply now. Asks the database at most once a second."""
        return self.effective().settings

    def effective(self) -> Effective:
        """The same with sources and problems. While one thread asks the database, the others get what was known before."""
        known = self._effective
        if known is None:
            self._lock.acquire()
        elif self._clock() - self._checked < CHECKED_EVERY.total_seconds() or not self._lock.acquire(blocking=False):
            return known
        try:
            if self._effective is not None and self._effective is not known:
                return self._effective  # another thread was faster
            begun = self._clock()
            self._effective, self._checked = self._read(known), begun
            return self._effective
        finally:
            self._lock.release()

    def effective_without_database(self) -> Effective:
        """What the environment says, and nothing else."""
        return self._effective_of("", [])

    def refresh(self) -> Effective:
        """Asks the database now: after a change was committed, and where a form shows the values."""
        with self._lock:
            begun = self._clock()
            self._effective, self._checked = self._read(None), begun
            return self._effective

    def store(self, session: Session, texts: Mapping[str, str], *, version: str, actor: Actor, now: datetime) -> list[str]:
        """Stores these values; an empty one removes the row. `version` is that of the page on which they were entered. Returns the names
        of what has changed. Raises SettingsChanged, and InvalidSettings for all that is wrong."""
        cleaned = {name: clean(text).strip() for name, text in texts.items()}
        if problems := {name: problem for name, text in cleaned.items() if (problem := self._problem(name, text))}:
            raise InvalidSettings(problems)
        _lock_version(session, version)
        rows = {row.name: row for row in session.scalars(select(PageSetting).where(PageSetting.name.in_(self._names)))}
        changed = [name for name, text in cleaned.items() if (name in rows if not text else not self._is(rows.get(name), text))]
        if problems := self._secrets_to_repeat(rows, cleaned, changed):
            raise InvalidSettings(problems)
        for name in changed:
            text = cleaned[name]
            if text:
                values = {**self._columns(name, text), "changed_at": now, "changed_by": actor.name}
                insert = upsert_into(session)(PageSetting).values(name=name, **values)
                session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))
            else:
                session.execute(delete(PageSetting).where(PageSetting.name == name))
            change = Change.SET if text else Change.REMOVED
            session.add(SettingChange(at=now, actor=actor.name, setting=name.upper(), change=change))
            log.info("setting changed on a page", setting=name.upper(), change=str(change), by=actor.name)
        if changed:
            session.get_one(StoredValue, _VERSION).value = secrets.token_hex(8)
        return changed

    # Inside

    def _read(self, known: Effective | None) -> Effective:
        with self._reading() as session:
            version = stored_value(session, _VERSION) or ""
            if known is not None and known.version == version:
                return known
            rows = list(session.scalars(select(PageSetting).where(PageSetting.name.in_(self._names))))
        return self._effective_of(version, rows)

    def _effective_of(self, version: str, rows: Sequence[PageSetting]) -> Effective:
        given = self.base.model_fields_set
        sources = {name: Source.ENVIRONMENT if name in given else Source.DEFAULT for name in Settings.model_fields}
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for row in rows:
            if row.name in given:
                continue
            try:
                if secret := self._secret_of_environment(row.name):
                    raise ValueError(_with_its_secret(secret))
                values[row.name] = parsed(row.name, self._text(row))
                sources[row.name] = Source.PAGE
            except NotDecrypted:
                problems[row.name] = _("The stored value cannot be decrypted, because SECRET_KEY has changed. Enter it again.")
            except ValueError as error:
                problems[row.name] = _("The stored value is not used: %(problem)s. Enter it again, or remove it.", problem=error)
        for name in problems.keys() - (self._effective.problems.keys() if self._effective else set()):
            log.warning("a setting that was entered on a page cannot be used; enter it again", setting=name.upper())
        settings = Settings.model_construct({*given, *values}, **{**dict(self.base), **values})
        return Effective(version, settings, sources, {row.name: row.value for row in rows}, problems)

    def _problem(self, name: str, text: str) -> str:
        """Why this cannot be stored; empty if it can."""
        if name not in self._names:
            return _("This setting cannot be entered on a page")
        if text and name in self.base.model_fields_set:
            return _("This setting comes from the environment, which takes precedence")
        if text and (secret := self._secret_of_environment(name)):
            return _with_its_secret(secret)
        return _problem_of_text(name, text) if text else ""

    def _secret_of_environment(self, name: str) -> str:
        """The secret that is sent where this field says, if it comes from the environment; else empty."""
        found = (secret for secret, fields in self._sent_to.items() if name in fields and secret in self.base.model_fields_set)
        return next(found, "")

    def _secrets_to_repeat(self, rows: Mapping[str, PageSetting], texts: Mapping[str, str], changed: Sequence[str]) -> dict[str, str]:
        """The stored secrets that would be sent to another place, and were not entered again."""
        problems = {}
        for secret, fields in self._sent_to.items():
            moved = [name.upper() for name in fields if name in changed and texts[name]]
            if moved and secret in rows and secret not in texts:
                problems[secret] = _("Enter it again, because %(settings)s changed and it would be sent there", settings=", ".join(moved))
        return problems

    def _columns(self, name: str, text: str) -> dict[str, str | None]:
        encrypted = self._encryption(name).encrypt(text) if is_secret(name) else None
        return {"value": None if encrypted else text, "ciphertext": encrypted}

    def _is(self, row: PageSetting | None, text: str) -> bool:
        try:
            return row is not None and self._text(row) == text
        except NotDecrypted:
            return False

    def _text(self, row: PageSetting) -> str:
        """Raises NotDecrypted. A secret is never read from the column that pages show."""
        if is_secret(row.name):
            return self._encryption(row.name).decrypt(row.ciphertext or "")
        return row.value or ""

    def _encryption(self, name: str) -> Encryption:
        return Encryption.of(self.base, f"setting {name}")


def is_secret(name: str) -> bool:
    """Whether the field is written but never shown."""
    annotation = Settings.model_fields[name].annotation
    return SecretStr in (annotation, *_members(annotation))


def parsed(name: str, text: str) -> Any:
    """The value of a field, as if the text were its environment variable. Raises ValueError; the message does not contain the text."""
    try:
        return getattr(Settings.model_validate({name: text}), name)
    except ValidationError as error:
        raise ValueError(settings_problem(error.errors(include_input=False, include_context=False)[0]["msg"])) from None


def recent_changes(session: Session, *, limit: int) -> list[SettingChange]:
    """The newest first."""
    return list(session.scalars(select(SettingChange).order_by(SettingChange.id.desc()).limit(limit)))


def _with_its_secret(secret: str) -> str:
    return _("%(secret)s comes from the environment, so this setting must come from there too", secret=secret.upper())


def _problem_of_text(name: str, text: str) -> str:
    if len(text) > MAX_LENGTH:
        return _("Enter at most %(count)s characters", count=MAX_LENGTH)
    if character := unprintable_character(text):
        return _("Remove the character %(character)s", character=character)
    try:
        parsed(name, text)
    except ValueError as error:
        return str(error)
    return ""


def _members(annotation: Any) -> list[Any]:
    """The types of a union, also those inside Annotated."""
    found = []
    for each in get_args(annotation):
        found += [each, *_members(each)]
    return found


def _lock_version(session: Session, version: str) -> None:
    """Changes of settings happen one after another. Raises SettingsChanged."""
    store_once(session, _VERSION, "")
    stored = session.scalars(select(StoredValue).where(StoredValue.name == _VERSION).with_for_update()).one()
    if stored.value != version:
        raise SettingsChanged(_("Another person changed these settings in the meantime. Check the values, then save again."))
