"""The access log and the token service of this app."""

from datetime import timedelta

from request_tracker_utils.accounts.access_events import AccessEventWriter, Reading
from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.web.access_log import Access, AccessLog


def token_service(settings: Settings) -> TokenService:
    """With the keys of the settings; an app that was created without any, such as for the command `settings`, cannot issue tokens."""
    keys = [key.get_secret_value() for key in (settings.token_key, settings.token_key_old) if key is not None]
    return TokenService(keys, lifetime=timedelta(hours=settings.access_token_hours))


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
