"""Messages about optics requests: a new one to those who decide, the decision to the requester."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.accounts.contact import alert_recipients
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.messages import MessageKind, Messenger, Recipient
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.optics.models import OpticsRequest

OPTICS_REQUESTED = MessageKind("optics-requested", gettext_noop("Optics requests to review"), "optics/messages/requested")
OPTICS_DECIDED = MessageKind("optics-decided", gettext_noop("Decisions on your optics requests"), "optics/messages/decided")
KINDS = [OPTICS_REQUESTED, OPTICS_DECIDED]


@dataclass(frozen=True)
class OpticsMessages:
    """Writes messages in the transaction of the change. New requests go to `addresses`, or to all administrators if there are none."""

    messenger: Messenger | None = None
    """None if the app sends no messages."""
    addresses: tuple[str, ...] = ()

    def requested(self, session: Session, request: OpticsRequest, *, actor: Actor, now: datetime) -> None:
        if self.messenger is not None:
            recipients, about = alert_recipients(session, self.addresses), f"optics request {request.id}"
            self.messenger.send(session, OPTICS_REQUESTED, recipients, about=about, values=_values(request), actor=actor, now=now)

    def decided(self, session: Session, request: OpticsRequest, *, actor: Actor, now: datetime) -> None:
        """Sends nothing if the requester's account was deleted."""
        if self.messenger is not None and request.created_by_id is not None:
            recipients, about = [Recipient(user_id=request.created_by_id)], f"optics request {request.id} {request.decision}"
            self.messenger.send(session, OPTICS_DECIDED, recipients, about=about, values=_values(request), actor=actor, now=now)


def _values(request: OpticsRequest) -> dict[str, str | int]:
    return {
        "id": request.id,
        "part": request.part,
        "quantity": request.quantity,
        "requester": request.requester_name,
        "decision": request.decision or "",
        "decided_by": request.decided_by or "",
        "note": request.admin_note,
    }
