"""The access log in tests: what it has stored, and storing as in a server process."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import select

from request_tracker_utils.accounts.current import StoredAccessLog
from request_tracker_utils.accounts.models import AccessEvent
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.registry import registry_of


@contextmanager
def storing_in_background(app: Flask) -> Iterator[StoredAccessLog]:
    """Accesses are stored by a thread, as in a server process; all of them at the end."""
    log = registry_of(app).get(StoredAccessLog)
    log.writer.start()
    try:
        yield log
    finally:
        log.writer.stop()


def accesses(app: Flask) -> list[AccessEvent]:
    """All events, the oldest first."""
    with app.app_context(), reading() as session:
        return list(session.scalars(select(AccessEvent).order_by(AccessEvent.id)))
