"""Messages about accounts. They store the id of a link; its key is computed when they are sent, so no table contains it."""

from sqlalchemy.orm import Session

from request_tracker_utils.accounts import links
from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.accounts.models import OneTimeLink, User
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.messages import Channel, MessageKind, Messenger, Recipient, Values
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.web.registry import registry, settings

EMAIL = frozenset({Channel.EMAIL})


class NotSendable(Conflict):
    """The link cannot be sent by email."""

    code = "not_sendable"


def keys(purpose: str) -> tuple[str, ...]:
    """The keys of links of this installation."""
    return registry().get(TokenService).derived_keys(purpose)


def can_send_to(session: Session, user: User) -> bool:
    """Whether a provider is set up by which this account would receive a password link."""
    messenger = registry().find(Messenger)
    return bool(messenger and user.email and messenger.can_reach(session, user.id, PASSWORD_LINK))


def check_sendable(session: Session, user: User) -> None:
    """Raises NotSendable unless a password link can be sent to this account."""
    if not user.email:
        raise NotSendable(_("%(name)s has no email address. Add one, or create a link and give it to the person.", name=user.name))
    if not can_send_to(session, user):
        raise NotSendable(_("Email cannot be sent to %(name)s. Create a link and give it to the person.", name=user.name))


def send_password_link(session: Session, user: User, link: OneTimeLink, *, actor: Actor) -> None:
    """Sends the link to the account's email address."""
    _send(
        session, PASSWORD_LINK, Recipient(user_id=user.id), link, {"name": user.name, "requested": int(link.purpose == links.RESET)}, actor
    )


def send_invitation(session: Session, link: OneTimeLink, *, actor: Actor) -> None:
    """Sends the invitation to the address that was invited. Raises NotSendable."""
    if not link.email or registry().find(Messenger) is None:
        raise NotSendable(_("This invitation cannot be sent by email. Copy the link and give it to the person."))
    _send(session, INVITATION, Recipient(address=link.email, channel=Channel.EMAIL), link, {"invited_by": link.created_by or ""}, actor)


def password_address(key: str) -> str:
    return f"{settings().public_address()}/password/{key}"


def invitation_address(key: str) -> str:
    return f"{settings().public_address()}/register/{key}"


def _send(session: Session, kind: MessageKind, to: Recipient, link: OneTimeLink, values: dict[str, str | int], actor: Actor) -> None:
    # SQLite assigns ids of deleted rows again, and a message about the same thing is sent once.
    about = f"link {link.id} of {link.created_at.isoformat()}"
    values = {**values, "link_id": link.id, "until": link.expires_at.isoformat()}
    registry().get(Messenger).send(session, kind, [to], about=about, values=values, actor=actor, now=link.created_at)


def _with_password_address(session: Session, values: Values) -> Values | None:
    found = links.key_of(session, int(values["link_id"]), keys=keys, now=utc_now())
    return {**values, "address": password_address(found[1])} if found else None


def _with_invitation_address(session: Session, values: Values) -> Values | None:
    found = links.key_of(session, int(values["link_id"]), keys=keys, now=utc_now())
    return {**values, "address": invitation_address(found[1])} if found else None


PASSWORD_LINK = MessageKind(
    "password-link",
    gettext_noop("Links to choose a password"),
    "accounts/messages/password-link",
    channels=EMAIL,
    optional=False,
    urgent=True,
    complete=_with_password_address,
)
INVITATION = MessageKind(
    "invitation",
    gettext_noop("Invitations to create an account"),
    "accounts/messages/invitation",
    channels=EMAIL,
    optional=False,
    urgent=True,
    complete=_with_invitation_address,
)
