"""The providers that the settings set up, in the order in which they are tried."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from pydantic import SecretStr

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.notifications.callbacks import TwilioCallback, callback_address
from request_tracker_utils.notifications.providers.apprise import AppriseProvider
from request_tracker_utils.notifications.providers.folder import FolderProvider
from request_tracker_utils.notifications.providers.interface import Provider
from request_tracker_utils.notifications.providers.resend import ResendProvider
from request_tracker_utils.notifications.providers.sendgrid import SendGridProvider
from request_tracker_utils.notifications.providers.smtp import SmtpProvider
from request_tracker_utils.notifications.providers.twilio import TwilioProvider

FALLBACK_SENDER = "rtutils@localhost"
"""In the outbox folder, where no sender is set."""


def outbox_folder(settings: Settings) -> Path:
    return settings.instance_path.resolve() / "outbox"


def sender_of(settings: Settings) -> str:
    """The From address of email. Empty if none is set: then no provider of email is set up."""
    return settings.sendgrid_from_email or settings.smtp_from or ""


def office_addresses(settings: Settings) -> list[str]:
    return _secret(settings.notify_urls).split()


def set_up_providers(settings: Settings, channel: Channel) -> list[Provider]:
    """Without the folder, and without those whose setup is incomplete (`diagnosis` says why)."""
    if channel is Channel.EMAIL:
        return _email(settings) if sender_of(settings) else []
    if channel is Channel.SMS:
        account, token, sender = settings.twilio_account_sid, _secret(settings.twilio_auth_token), settings.twilio_phone_number
        if not (account and token and sender):
            return []
        is_reachable = (settings.app_url or "").startswith("https://")
        callback = callback_address(settings, TwilioCallback.name) if is_reachable else None
        return [TwilioProvider(account, token, sender, url=settings.twilio_api_url, callback=callback)]
    # Personal addresses need no setting. Messages to the office's channels do, and are written to the folder without it.
    folder = FolderProvider(channel, outbox_folder(settings))
    return [AppriseProvider(_secret(settings.notify_urls), folder=folder, allow_private=settings.notify_private_addresses)]


def _email(settings: Settings) -> list[Provider]:
    found: list[Provider] = []
    if key := _secret(settings.resend_api_key):
        found.append(ResendProvider(key, url=settings.resend_api_url))
    if key := _secret(settings.sendgrid_api_key):
        found.append(SendGridProvider(key, url=settings.sendgrid_api_url))
    if settings.smtp_host:
        server = SmtpProvider(
            settings.smtp_host,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            user=settings.smtp_user or "",
            password=_secret(settings.smtp_password),
            sender=settings.smtp_from,
        )
        found.append(server)
    return found


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""


@dataclass
class ConfiguredProviders:
    """`interface.Providers` for settings that may change while the program runs."""

    settings: Callable[[], Settings]
    _built: tuple[Settings, dict[Channel, list[Provider]]] | None = None
    _lock: Lock = field(default_factory=Lock)

    def of(self, channel: Channel) -> Sequence[Provider]:
        settings = self.settings()
        with self._lock:
            if self._built is None or (self._built[0] is not settings and self._built[0] != settings):
                folder = outbox_folder(settings)
                self._built = settings, {each: set_up_providers(settings, each) or [FolderProvider(each, folder)] for each in Channel}
            return self._built[1][channel]

    def sender(self, channel: Channel) -> str:
        return (sender_of(self.settings()) or FALLBACK_SENDER) if channel is Channel.EMAIL else ""
