"""What an import has changed, recorded in the same transaction, so that it can be undone: one compressed row for thousands of records."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import affected
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports.errors import ImportNotUndoable
from request_tracker_utils.imports.models import ImportChanges, ImportRun

COMPRESSION = 1
"""The fastest level: JSON of similar records shrinks to a tenth with it."""


class FollowedUp(NamedTuple):
    """A second step of a row: the record, its `updated_at` before, and the number by which the row type undoes it."""

    id: int
    updated_at: Any
    reference: int


@dataclass
class Changes:
    """Changes of one transaction, all with the time `at` as `updated_at` of their records. Times of before are as the database driver
    returns them."""

    at: datetime
    created: list[int] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    changed: list[tuple[Any, ...]] = field(default_factory=list)
    """The id of each changed record, and its values before of `columns` and `updated_at`."""
    follow_ups: list[FollowedUp] = field(default_factory=list)

    @property
    def existing(self) -> list[int]:
        """Records that are not created, each once."""
        created, ids = set(self.created), [*(row[0] for row in self.changed), *(each.id for each in self.follow_ups)]
        return [each for each in dict.fromkeys(ids) if each not in created]


def record(session: Session, run_id: int, changes: Changes) -> None:
    """Raises ImportNotUndoable when the import was undone in the meantime: a task that was resumed changes nothing more."""
    added = {"created": len(changes.created), "changed": len(changes.changed), "followed_up": len(changes.follow_ups)}
    if not any(added.values()):
        return
    counts = {name: getattr(ImportRun, name) + count for name, count in added.items()}
    counted = update(ImportRun).where(ImportRun.id == run_id, ImportRun.undone_at.is_(None)).values(counts)
    if not affected(session.execute(counted.execution_options(synchronize_session=False))):
        raise ImportNotUndoable(_("The import was undone. To import the file again, upload it again."))
    session.add(ImportChanges(run_id=run_id, changed_at=changes.at, content=_encode(changes)))


def newest_first(session: Session, run_id: int) -> Iterator[Changes]:
    """One at a time: together they may be large."""
    ids = session.scalars(select(ImportChanges.id).where(ImportChanges.run_id == run_id).order_by(ImportChanges.id.desc())).all()
    for changes_id in ids:
        row = select(ImportChanges.changed_at, ImportChanges.content).where(ImportChanges.id == changes_id)
        for changed_at, content in session.execute(row):
            yield _decode(changed_at, content)


def _encode(changes: Changes) -> bytes:
    content = [changes.created, changes.columns, changes.changed, changes.follow_ups]
    return zlib.compress(json.dumps(content, separators=(",", ":"), ensure_ascii=False, default=datetime.isoformat).encode(), COMPRESSION)


def _decode(at: datetime, content: bytes) -> Changes:
    created, columns, changed, follow_ups = json.loads(zlib.decompress(content))
    return Changes(at, created, tuple(columns), [tuple(row) for row in changed], [FollowedUp(*each) for each in follow_ups])
