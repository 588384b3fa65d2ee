"""Lists that wait for their import, of this engine and of domains with lists of their own: who owns them, and the space they may take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Base
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports.errors import ImportQuotaExceeded
from request_tracker_utils.imports.models import ImportFile
from request_tracker_utils.imports.permissions import ImportPermission

CONTENT_RETENTION = timedelta(days=1)
"""How long the rows of a list wait for their import."""
MEGABYTE = 1024 * 1024


class OwnedList(Protocol):
    """One of the lists."""

    @property
    def started_by(self) -> str: ...

    @property
    def user_id(self) -> int | None: ...


class WaitingList(OwnedList, Protocol):
    """One with rows that are still stored, as commands print it."""

    @property
    def id(self) -> int: ...

    @property
    def created_at(self) -> datetime: ...

    @property
    def stored_size(self) -> int: ...


@dataclass(frozen=True)
class Quota:
    """How many bytes the waiting files of one person, and of all people, may take. `others` are tables of waiting lists
    of other kinds, which count too."""

    per_person: int
    total: int
    others: Sequence[type[Base]] = ()

    def used(self, session: Session, owner: Actor | None = None) -> int:
        """Bytes of everything that waits: of one person, or of all."""
        tables: list[type[Base]] = [ImportFile, *self.others]
        return sum(waiting_size(session, table, owner) for table in tables)


def owned_by(actor: Actor, model: type[Base]) -> tuple[ColumnElement[bool], ...]:
    """The condition that a list of this table is the actor's."""
    columns = model.__table__.c
    return columns.started_by == actor.name[:100], columns.user_id.is_not_distinct_from(actor.user_id)


def may_see(owned: OwnedList, reader: Actor) -> bool:
    """Whether the list is the reader's, or the reader administers all."""
    return reader.may(ImportPermission.MANAGE_ALL) or (owned.user_id == reader.user_id and owned.started_by == reader.name[:100])


def waiting_size(session: Session, model: type[Base], owner: Actor | None = None) -> int:
    """Bytes of the lists of this table that wait for their import: of one person, or of all."""
    size = model.__table__.c.stored_size
    query = select(func.coalesce(func.sum(size), 0)).where(size > 0)
    return int(session.scalar(query if owner is None else query.where(*owned_by(owner, model))) or 0)


def check_quota(session: Session, actor: Actor, quota: Quota, *, adding: int) -> None:
    """Raises ImportQuotaExceeded."""
    if quota.used(session, actor) + adding > quota.per_person:
        message = _(
            "Your files waiting to be imported would take up more than %(limit)s MB. Import or delete some of them, then upload the file "
            "again.",
            limit=f"{quota.per_person // MEGABYTE:,}",
        )
        raise ImportQuotaExceeded(message, field="file", limit=quota.per_person // MEGABYTE)
    if quota.used(session) + adding > quota.total:
        message = _(
            "All files waiting to be imported would take up more than %(limit)s MB. Try again later: files are deleted after their import, "
            "or after a day. An administrator can delete them now.",
            limit=f"{quota.total // MEGABYTE:,}",
        )
        raise ImportQuotaExceeded(message, field="file", limit=quota.total // MEGABYTE)
