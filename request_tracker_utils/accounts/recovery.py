"""“Forgot your password?”: a request stores a row, whether or not an account exists, and a job answers it by email soon after.

So the page takes the same time for every name, and what a stranger can cause is bounded: requests of a network like wrong passwords,
and links of an account by `links.MAX_RESETS`. Earlier links go on working, so requesting more of them keeps nobody out.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.accounts import links, throttling
from request_tracker_utils.accounts.links import Keys
from request_tracker_utils.accounts.login_events import Origin
from request_tracker_utils.accounts.models import LoginKind, OneTimeLink, User
from request_tracker_utils.core.clock import is_over
from request_tracker_utils.core.db import Reading, Transaction, after_commit

SEND_REQUESTED_LINKS = "send-requested-links"
BY_NAME, BY_EMAIL = "name", "email"
MAX_ACCOUNTS = 5
"""Accounts with one email address that are sent a link for one request."""
MAX_AGE = timedelta(hours=1)
"""Older requests are not answered: their owners have found another way."""
BATCH = 100

Send = Callable[[Session, User, OneTimeLink], None]
"""Writes the message with the link."""


def request_link(reading: Reading, transaction: Transaction, *, typed: str, unknown_key: str, origin: Origin, now: datetime) -> None:
    """Stores the request of somebody who typed this name or email address. `unknown_key` is recorded if no account has it.

    Raises TooManyAttempts while the network waits, whatever was typed.
    """
    with reading() as session:
        paused = throttling.pause_of_network(session, LoginKind.LINK_REQUESTED, origin, now=now)
    if paused is not None:
        raise paused
    with transaction() as session:
        named, mailed = _named(session, typed), _with_email(session, typed)
        user = named or (mailed[0] if mailed else None)
        throttling.admit_stranger(session, LoginKind.LINK_REQUESTED, origin, now=now, user=user, key=None if user else unknown_key)
        links.request(session, user=user, by=BY_NAME if named else BY_EMAIL, now=now)
        after_commit(session, SEND_REQUESTED_LINKS)


def send_requested(session: Session, send: Send, *, keys: Keys, now: datetime) -> int:
    """Answers requests, in the transaction that deletes them, and returns how many. Only active accounts with an address get a link."""
    requests = links.requested(session, limit=BATCH)
    for request in requests:
        for user in [] if is_over(request.created_at, MAX_AGE, now) else _accounts(session, request):
            link = links.reset_link(session, user, keys=keys, now=now)
            if link is not None:
                send(session, user, link)
        session.delete(request)
    return len(requests)


def _accounts(session: Session, request: OneTimeLink) -> list[User]:
    user = request.user
    if user is None:
        return []
    by_email = request.requested_by == BY_EMAIL
    # A name may be the address of somebody else, who must still get their link.
    mailed = _with_email(session, (user.email or "") if by_email else user.name)
    found = mailed if by_email else {each.id: each for each in (user, *mailed)}.values()
    return [each for each in found if each.active and each.email]


def _named(session: Session, typed: str) -> User | None:
    return session.scalar(select(User).where(User.name_key == typed.lower()))


def _with_email(session: Session, email: str) -> list[User]:
    """Active accounts with this address, in any case, by age."""
    same = (User.email_key == email.lower(), User.active)
    return list(session.scalars(select(User).where(*same).order_by(User.id).limit(MAX_ACCOUNTS)))
