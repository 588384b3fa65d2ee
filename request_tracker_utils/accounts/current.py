"""The access log of this app."""

from datetime import timedelta

from request_tracker_utils.accounts.access_events import AccessEventWriter, Reading
from request_tracker_utils.web.access_log import Access, AccessLog


class StoredAccessLog(AccessLog):
    """Stores accesses in the database."""

    def __init__(self, writer: AccessEventWriter) -> None:
        self.writer = writer

    def add(self, access: Access, *, once_per: timedelta | None = None) -> None:
        actor = access.actor
        reading = Reading(
            access.at,
            str(access.kind),
            access.what,
            access.subject,
            access.records,
            access.complete,
            actor.user_id,
            actor.name,
            access.address,
        )
        self.writer.add(reading, once_per=once_per)
