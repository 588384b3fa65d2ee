"""Sends a test message through every provider of a channel, and explains why one does not work. For a page and a command."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.outbox import InContext, deliver
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.providers.available import office_addresses, outbox_folder, sender_of
from request_tracker_utils.notifications.providers.chat_addresses import parse_chat_address
from request_tracker_utils.notifications.providers.interface import Accepted, Provider, ProviderError, Providers, RenderedMessage, Silent

TEST_SERVER_PORTS = frozenset({1025, 1026})
"""SMTP servers for developers use them. They deliver to nobody."""


class InvalidTestAddress(Invalid):
    """Nothing can be sent to this address."""

    code = "invalid_address"


@dataclass(frozen=True)
class ProviderResult:
    """What one provider did with the test message. `explanation` is for people, and says what to do."""

    name: str
    title: str
    accepted: bool
    explanation: str
    provider_id: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """`hints` are about the settings, and about messages that do not arrive although they were accepted."""

    channel: Channel
    results: Sequence[ProviderResult]
    hints: Sequence[str]

    @property
    def works(self) -> bool:
        """Every provider has accepted the message, and there is one."""
        return bool(self.results) and all(each.accepted and each.name != "folder" for each in self.results)


def send_test(
    providers: Providers, settings: Settings, channel: Channel, address: str, *, in_context: InContext = lambda call: call
) -> Diagnosis:
    """One message through each provider, at the same time, so it takes no longer than the slowest one (`interface.DEADLINE`).

    `settings` are the effective ones. An empty address on chat means those of NOTIFY_URLS. Raises Invalid if the address is invalid.
    """
    to = checked_address(settings, channel, address)
    tested = list(providers.of(channel))

    def send(provider: Provider) -> Accepted:
        return provider.send(_message(channel, to, providers.sender(channel), provider), secrets.token_hex(32))

    # One destination each: that one is unreachable says nothing about the others.
    sent = deliver(tested, send, workers=max(len(tested), 1), destination=lambda provider: provider.name, in_context=in_context)
    without_address = channel is Channel.CHAT and not to and not office_addresses(settings)
    results = [
        _result(each.item, each.result if each.result is not None else each.error, is_folder=each.item.is_folder or without_address)
        for each in sent
    ]
    return Diagnosis(channel, results, [*_setup_hints(settings, channel), *_arrival_hints(settings, channel, results)])


def checked_address(settings: Settings, channel: Channel, address: str) -> str:
    """In the form in which messages are sent. Raises Invalid."""
    text = address.strip()
    if channel is Channel.EMAIL:
        try:
            return validate_email(text, check_deliverability=False).normalized
        except EmailNotValidError:
            raise InvalidTestAddress(_("This is not an email address. Enter one such as ada@example.org.")) from None
    if channel is Channel.SMS:
        return _checked_number(text)
    if text and text not in office_addresses(settings):
        parse_chat_address(text, personal=True, allow_private=settings.notify_private_addresses)
    return text


def _checked_number(text: str) -> str:
    if not text.startswith("+"):
        raise InvalidTestAddress(_("The number has no country code. Enter it in full, such as +1 202 555 0123."))
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise InvalidTestAddress(_("This is not a phone number. Enter it in full, such as +1 202 555 0123.")) from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidTestAddress(_("This phone number is too short or too long. Enter it in full, such as +1 202 555 0123."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _message(channel: Channel, to: str, sender: str, provider: Provider) -> RenderedMessage:
    text = _("This is a test message of RequestTracker Utils through %(provider)s.", provider=provider.title)
    subject = "" if channel is Channel.SMS else _("Test message (%(provider)s)", provider=provider.title)
    return RenderedMessage(channel, to, sender, subject, text)


def _result(provider: Provider, outcome: object, *, is_folder: bool) -> ProviderResult:
    if isinstance(outcome, Accepted):
        if is_folder:
            text = _("No provider is set up. The message was written to the file %(file)s.", file=outcome.provider_id)
            return ProviderResult("folder", _("Outbox folder"), True, text, outcome.provider_id)
        text = _("%(provider)s has accepted the message.", provider=provider.title)
        return ProviderResult(provider.name, provider.title, True, text, outcome.provider_id)
    if isinstance(outcome, Silent):
        text = outcome.message + " " + _("It may still arrive.")
    else:
        text = outcome.message if isinstance(outcome, ProviderError) else _("The message was not sent.")
    return ProviderResult(provider.name, provider.title, False, text)


def _setup_hints(settings: Settings, channel: Channel) -> list[str]:
    """Settings that belong together, and of which some are missing."""
    if channel is Channel.EMAIL:
        chosen = [name for name in ("resend_api_key", "sendgrid_api_key", "smtp_host") if getattr(settings, name)]
        hints = []
        if chosen and not sender_of(settings):
            text = _("%(name)s has no effect without a sender. Set SENDGRID_FROM_EMAIL.", name=chosen[0].upper())
            hints.append(text)
        if settings.smtp_user and not settings.smtp_password:
            hints.append(_("SMTP_USER is set without SMTP_PASSWORD."))
        if settings.smtp_password and not settings.smtp_user:
            hints.append(_("SMTP_PASSWORD has no effect without SMTP_USER."))
        if settings.smtp_user and settings.smtp_tls == "none":
            hints.append(_("The password is sent to the SMTP server unencrypted. Set SMTP_TLS to starttls or tls if the server offers it."))
        return hints
    if channel is Channel.SMS:
        names = ("twilio_account_sid", "twilio_auth_token", "twilio_phone_number")
        missing = [name.upper() for name in names if not getattr(settings, name)]
        return [_("Twilio also needs %(names)s.", names=", ".join(missing))] if 0 < len(missing) < len(names) else []
    return []


def _arrival_hints(settings: Settings, channel: Channel, results: Sequence[ProviderResult]) -> list[str]:
    """Why a message that was accepted may not arrive."""
    accepted = {each.name for each in results if each.accepted}
    hints = []
    if "folder" in accepted:
        hints.append(_("The folder is %(folder)s. Nobody receives what is written there.", folder=str(outbox_folder(settings))))
    if "smtp" in accepted and ("sandbox" in str(settings.smtp_host).lower() or settings.smtp_port in TEST_SERVER_PORTS):
        hints.append(_("The SMTP server looks like one for tests, which delivers to nobody. Check SMTP_HOST and SMTP_PORT."))
    if channel is Channel.EMAIL and accepted - {"folder"}:
        text = _("If it does not arrive, look in the spam folder. The domain of the sender needs DNS records of each provider (SPF, DKIM).")
        hints.append(text)
    if channel is Channel.SMS and "twilio" in accepted:
        hints.append(
            _("If it does not arrive, check at Twilio that the number is registered for SMS (A2P 10DLC) and that the account has funds.")
        )
    if accepted - {"folder", "smtp", "apprise"} and not (settings.app_url or "").startswith("https://"):
        hints.append(_("Without an APP_URL that begins with https://, delivery reports of providers cannot arrive."))
    return hints
