"""Email addresses and phone numbers of accounts: what is accepted, how they are stored, and who gets alerts."""

from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_valid_number, parse
from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.messages import Channel, Recipient
from request_tracker_utils.core.translation import gettext as _

MAX_TYPED = 254
"""Characters of what people type into either field."""


def checked_email(email: str | None) -> str | None:
    """The address as it is stored, with its domain in lowercase; None for an empty one. Whether it exists is not checked.

    Raises Invalid.
    """
    typed = (email or "").strip()
    if not typed:
        return None
    try:
        return validate_email(typed, check_deliverability=False).normalized
    except EmailNotValidError:
        message = _("%(email)s is not an email address. Enter one such as ada@example.org.", email=" ".join(typed[:MAX_TYPED].split()))
        raise Invalid(message, field="email") from None


def checked_phone(phone: str | None) -> str | None:
    """The number in the form E.164, such as `+12025551234`; None for an empty one. Raises Invalid."""
    typed = (phone or "").strip()
    if not typed:
        return None
    try:
        number = parse(typed, None) if len(typed) <= MAX_TYPED and typed.startswith("+") else None
    except NumberParseException:
        number = None
    if number is None or number.extension or not is_valid_number(number):
        message = _("This is not a complete phone number. Enter it with + and the country code, such as +1 202 555 1234.")
        raise Invalid(message, field="phone")
    return str(format_number(number, PhoneNumberFormat.E164))


def set_phone(user: User, phone: str | None) -> bool:
    """Sets the number, which is then not confirmed. Returns whether it has changed. Raises Invalid."""
    checked = checked_phone(phone)
    if checked == user.phone:
        return False
    user.phone, user.phone_confirmed_at = checked, None
    return True


def alert_recipients(session: Session, addresses: Sequence[str]) -> list[Recipient]:
    """By email to the `addresses`, or if there are none, to each active administrator on the channels that they have chosen."""
    if addresses:
        return [Recipient(address=address, channel=Channel.EMAIL) for address in addresses]
    administrators = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id)
    return [Recipient(user_id=user_id) for user_id in session.scalars(administrators)]
