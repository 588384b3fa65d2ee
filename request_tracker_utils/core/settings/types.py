"""Types of settings: what each accepts, the sentence for what it does not, and how values are shown."""

import base64
import re
from datetime import time
from email.utils import parseaddr
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from request_tracker_utils.core.ip_addresses import Network

PREFIX_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}[A-Za-z._-]|[A-Za-z]")


def _address(value: str) -> str:
    return _exact_address(value).rstrip("/")


def _exact_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address that starts with http:// or https://")
    if parts.username or parts.password:
        raise ValueError("must not contain a user name or password")
    return value


def _time_of_day(value: str | time) -> time:
    if isinstance(value, time):
        return value
    if not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError("must be a time of day such as 08:00")
    hour, minute = value.split(":")
    return time(int(hour), int(minute))


def _prefix(value: str) -> str:
    if not PREFIX_FORM.fullmatch(value):
        raise ValueError("must be 1 to 16 letters, digits, dots, hyphens or underscores, and must not end with a digit")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as America/Chicago") from None
    return value


def _database(value: str) -> str:
    if value.startswith(("postgresql://", "postgres://")):
        value = "postgresql+psycopg://" + value.split("://", 1)[1]
    if not value.startswith(("postgresql+psycopg://", "sqlite:///")):
        raise ValueError("must start with postgresql:// or sqlite:///")
    try:
        make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError("must look like postgresql://user:password@host:5432/name") from None
    return value


def _parts(value: str | tuple[str, ...]) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else list(value)


def _token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("must be ASCII letters, digits and punctuation without spaces")
    return value


def _field(value: str) -> str:
    if not re.fullmatch(r"[^'\"{}\\\x00-\x1f]+", value):
        raise ValueError("must not contain quotes, braces or backslashes")
    return value


def _sender(value: str) -> str:
    name, address = parseaddr(value)
    try:
        if any(ord(character) < 32 for character in value) or "," in value.replace(name, ""):
            raise ValueError
        validate_email(address, check_deliverability=False, allow_domain_literal=False)
    except ValueError:
        raise ValueError("must be an email address such as tickets@example.org or Tickets <tickets@example.org>") from None
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", value):
        raise ValueError("must be a host name or an address, without https:// and without a port")
    return value


def _email_addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            validate_email(value, check_deliverability=False)
        except EmailNotValidError:
            raise ValueError(f"{value!r} is not an email address") from None
    return values


def _student_user(value: str) -> str:
    rest = value.replace("{student_id}", "").replace("{email}", "")
    if rest == value or "{" in rest or "}" in rest:
        raise ValueError("must contain {student_id} or {email}, and no other braces")
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    """Refuses what would be read as an empty or short key: then anybody could sign."""
    try:
        key = base64.b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < 16:
        raise ValueError("must be the signing secret of a webhook, which begins with whsec_")
    return value


def _public_key(value: str) -> str:
    """The Base64 text of a key for elliptic curves, without the lines of PEM around it."""
    text = re.sub(r"-----(BEGIN|END) PUBLIC KEY-----|\s", "", value)
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("must be the verification key of the signed event webhook, which begins with MF")
    return text


Address = Annotated[str, AfterValidator(_address)]
ExactAddress = Annotated[str, AfterValidator(_exact_address)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Token = Annotated[SecretStr, AfterValidator(_token)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_parts)]
Names = Annotated[tuple[str, ...], BeforeValidator(_parts)]
EmailAddresses = Annotated[tuple[str, ...], BeforeValidator(_parts), AfterValidator(_email_addresses)]
CustomField = Annotated[str, AfterValidator(_field)]
Sender = Annotated[str, AfterValidator(_sender)]
Host = Annotated[str, AfterValidator(_host)]
Database = Annotated[str, AfterValidator(_database)]
TimeZone = Annotated[str, AfterValidator(_zone)]
Prefix = Annotated[str, AfterValidator(_prefix)]
StudentUser = Annotated[str, AfterValidator(_student_user)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
PublicKey = Annotated[str, AfterValidator(_public_key)]


def masked_database(address: str) -> str:
    """The database URL without its password, which may also be a query parameter (`?password=`, `?sslpassword=`)."""
    url = make_url(address)
    secret = {name: "***" for name in url.query if name.lower().endswith("password")}
    return url.update_query_dict(secret).render_as_string(hide_password=True)


def masked_value(value: Any) -> str:
    """A setting as text; a secret as `***`."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return "" if value is None else str(value)
