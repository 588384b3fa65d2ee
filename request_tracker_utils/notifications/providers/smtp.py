"""Email through an SMTP server, the third provider."""

import re
import smtplib
import socket
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import IO, Literal

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.connections import Deadline, connect, reason_of, trusted_authorities
from request_tracker_utils.integrations.http.exchange import quoted_detail
from request_tracker_utils.notifications.providers.http import SECONDS
from request_tracker_utils.notifications.providers.interface import (
    Accepted,
    BadMessage,
    BadRecipient,
    Busy,
    NotConnected,
    Provider,
    ProviderError,
    Refused,
    RenderedMessage,
    Silent,
)
from request_tracker_utils.notifications.providers.sendgrid import message_id

Tls = Literal["starttls", "tls", "none"]
PORTS: dict[Tls, int] = {"starttls": 587, "tls": 465, "none": 25}
LARGEST_ANSWER = 256 * 1024
"""Bytes of all replies in one connection."""
BUSY_PAUSE = timedelta(minutes=5)
"""After a temporary refusal. Greylisting expects a pause of minutes."""
_NO_SUCH_MAILBOX = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")


class SmtpProvider(Provider):
    """Signs in for each message: an idle connection may be gone, and then nobody knows whether the message was sent."""

    name, title, channel = "smtp", "SMTP", Channel.EMAIL
    seconds = SECONDS

    def __init__(
        self, host: str, *, port: int | None = None, tls: Tls = "starttls", user: str = "", password: str = "", sender: str | None = None
    ) -> None:
        """`sender` replaces the From of all providers."""
        self._host, self._port, self._tls, self._user, self._password = host, port or PORTS[tls], tls, user, password
        self._sender = sender

    def send(self, message: RenderedMessage, key: str) -> Accepted:
        email = self._email(message, key)
        with Deadline(self.seconds) as deadline:
            connection = _Connection(self._host, self._port, deadline, implicit_tls=self._tls == "tls")
            try:
                self._sign_in(connection, deadline)
                self._deliver(connection, email, message, deadline)
            finally:
                with suppress(OSError, smtplib.SMTPException):
                    connection.close()
        return Accepted(email["Message-ID"])

    def _email(self, message: RenderedMessage, key: str) -> EmailMessage:
        if "@" not in message.to or parseaddr(message.to)[1] != message.to or not message.to.isprintable():
            raise BadRecipient(_("This is not an email address."))
        email = EmailMessage(policy=SMTP_POLICY)
        try:
            email["From"] = self._sender or message.sender
            email["To"] = message.to
            email["Subject"] = message.subject
        except ValueError as error:  # a line break in a header
            raise BadMessage(_("The message has an invalid header.") + self._quoted(str(error))) from None
        email["Message-ID"] = message_id(message, key)
        if message.written_at is not None:
            email["Date"] = format_datetime(message.written_at)
        email["Auto-Submitted"] = "auto-generated"
        email.set_content(message.text, cte="quoted-printable")
        if message.html:
            email.add_alternative(message.html, subtype="html", cte="quoted-printable")
            email.set_boundary(f"=_{key}")
        return email

    def _sign_in(self, connection: "_Connection", deadline: Deadline) -> None:
        try:
            code, said = connection.connect(self._host, self._port)
            if code != 220:
                raise self._refused(code, said)
            connection.ehlo_or_helo_if_needed()
            if self._tls == "starttls":
                connection.starttls(context=trusted_authorities())
                connection.ehlo_or_helo_if_needed()
            if self._user:
                connection.login(self._user, self._password)
        except smtplib.SMTPNotSupportedError:
            text = _("The SMTP server does not offer encryption, or no way to sign in. Check SMTP_TLS, SMTP_PORT and SMTP_USER.")
            raise Refused(text) from None
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code < 500:
                raise self._refused(error.smtp_code, error.smtp_error) from None
            text = _("The SMTP server does not accept the user name and password. Check SMTP_USER and SMTP_PASSWORD.")
            raise Refused(text + self._quoted(error.smtp_error)) from None
        except smtplib.SMTPResponseException as error:
            raise self._refused(error.smtp_code, error.smtp_error) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise self._not_connected(error, deadline) from None

    def _deliver(self, connection: "_Connection", email: EmailMessage, message: RenderedMessage, deadline: Deadline) -> None:
        """Until the last line of the message, nothing was sent: a server that loses the connection before discards it."""
        sender = parseaddr(email["From"])[1]
        international = not (message.to + sender).isascii()
        content = email.as_bytes(policy=SMTPUTF8 if international else SMTP_POLICY)
        try:
            options = ["SMTPUTF8", "BODY=8BITMIME"] if international and connection.has_extn("smtputf8") else []
            if international and not options:
                raise BadRecipient(_("The SMTP server does not support addresses with letters such as é."))
            code, said = connection.mail(sender, options)
            if code != 250:
                if code >= 500:
                    text = _(
                        "The SMTP server refuses the sender. Set SMTP_FROM or SENDGRID_FROM_EMAIL to an address that SMTP_USER may use."
                    )
                    raise Refused(text + self._quoted(said))
                raise self._refused(code, said)
            code, said = connection.rcpt(message.to)
            if code not in (250, 251):
                raise self._recipient_refused(code, said)
            code, said = connection.docmd("data")
            if code != 354:
                raise self._refused(code, said)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise self._not_connected(error, deadline) from None
        try:
            connection.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
            code, said = connection.getreply()
        except (OSError, smtplib.SMTPException, ValueError) as error:
            text = _("The SMTP server did not say whether it accepted the message: %(reason)s.", reason=reason_of(error, deadline))
            raise Silent(text) from None
        if code != 250:
            if code == 552:
                raise BadMessage(_("The message is too large for the SMTP server.") + self._quoted(said))
            raise self._refused(code, said)
        with suppress(OSError, smtplib.SMTPException):
            connection.docmd("quit")

    def _recipient_refused(self, code: int, said: bytes | str) -> ProviderError:
        text = _text(said)
        if code in (550, 551, 553) and text.startswith(_NO_SUCH_MAILBOX):
            return BadRecipient(_("The SMTP server says that this mailbox does not exist.") + self._quoted(text), suppress="bounced")
        if code in (501, 553) or (code == 550 and not text.startswith("5.")):
            return BadRecipient(_("The SMTP server refuses the address of the recipient.") + self._quoted(text))
        if code >= 500:
            sandbox = _(
                "The SMTP server does not send to this address. It may be restricted to its own domain or to verified addresses "
                "(a sandbox), or require SMTP_USER."
            )
            return Refused(sandbox + self._quoted(text))
        return self._refused(code, said)

    def _refused(self, code: int, said: bytes | str) -> ProviderError:
        """Any other reply that is not a success."""
        detail = self._quoted(said)
        if 400 <= code < 500:
            return Busy(_("The SMTP server accepts no message at the moment (%(code)s).", code=code) + detail, retry_after=BUSY_PAUSE)
        if 500 <= code < 600:
            return Refused(_("The SMTP server refuses the message (%(code)s).", code=code) + detail)
        return NotConnected(_("The server at this address does not speak SMTP. Check SMTP_HOST, SMTP_PORT and SMTP_TLS."))

    def _not_connected(self, error: Exception, deadline: Deadline) -> NotConnected:
        text = _("The connection to the SMTP server failed (%(reason)s).", reason=reason_of(error, deadline))
        return NotConnected(text + " " + _("Check SMTP_HOST, SMTP_PORT and SMTP_TLS."))

    def _quoted(self, said: bytes | str) -> str:
        return quoted_detail(_text(said), (self._password,))


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


class _Connection(smtplib.SMTP):
    """With a deadline for all, and a limit on what the server may say."""

    def __init__(self, host: str, port: int, deadline: Deadline, *, implicit_tls: bool) -> None:
        # Without a host, it does not connect yet. The name for EHLO is fixed: finding this machine's own may take long.
        super().__init__(local_hostname="localhost", timeout=deadline.seconds)
        self._host, self._deadline, self._implicit_tls = host, deadline, implicit_tls

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raw = connect(host, port, self._deadline)
        if not self._implicit_tls:
            return raw
        try:
            return trusted_authorities().wrap_socket(raw, server_hostname=self._host)
        except BaseException:
            raw.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Limited(self.sock.makefile("rb"))
        return super().getreply()


class _Limited:
    """The replies of a server."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, LARGEST_ANSWER

    def readline(self, limit: int) -> bytes:
        line = self._file.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("too many lines")
        return line

    def close(self) -> None:
        self._file.close()
