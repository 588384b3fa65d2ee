"""Who gets alerts about the office's work: the addresses of a setting, or all administrators."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts.models import Role, User
from request_tracker_utils.core.messages import Channel, Recipient


def alert_recipients(session: Session, addresses: Sequence[str]) -> list[Recipient]:
    """By email to the `addresses`, or if there are none, to each active administrator on the channels that they have chosen."""
    if addresses:
        return [Recipient(address=address, channel=Channel.EMAIL) for address in addresses]
    administrators = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id)
    return [Recipient(user_id=user_id) for user_id in session.scalars(administrators)]
