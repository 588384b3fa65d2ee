"""What notifications have in this app, for entry points."""

from collections.abc import Mapping

from flask import current_app
from sqlalchemy.orm import Session

from request_tracker_utils.core.encryption import Encryption
from request_tracker_utils.core.messages import Channel, MessageKind, Values
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.notifications import phone_confirmation, preferences
from request_tracker_utils.notifications.service import NotificationService
from request_tracker_utils.web.registry import registry, settings


def message_kinds() -> Mapping[str, MessageKind]:
    """The kinds of messages of all domains, by name."""
    return {kind.name: kind for kind in registry().messages}


def messenger() -> NotificationService:
    """Writes messages, and sends by another channel what did not arrive."""
    return registry().get(NotificationService)


def phone_code_key() -> bytes:
    """The key from which codes for phone numbers follow."""
    return str(current_app.secret_key).encode()


def chat_encryption() -> Encryption:
    """Encrypts people's chat addresses."""
    return Encryption.of(settings(), preferences.PURPOSE)


def _complete_phone_code(session: Session, values: Values) -> Values | None:
    return phone_confirmation.complete(session, values, key=phone_code_key())


PHONE_CODE = MessageKind(
    "phone-code",
    gettext_noop("Code for a phone number"),
    "notifications/messages/phone-code",
    channels=frozenset({Channel.SMS}),
    optional=False,
    urgent=True,
    complete=_complete_phone_code,
)
