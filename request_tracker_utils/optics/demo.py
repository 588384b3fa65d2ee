"""Sample requests for optics in every status, and a list of parts."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.optics import parts, service
from request_tracker_utils.optics.messages import OpticsMessages
from request_tracker_utils.optics.models import OTHER, OpticsPart, OpticsRequest
from request_tracker_utils.optics.service import NewRequest, OpticsAction

PARTS = ("SFP-1G-SX", "SFP-1G-T", "SFP-10G-SR", "SFP-10G-LR", "QSFP-40G-SR4", "DAC 10G, 3 m")
REQUESTS = (
    ("SFP-10G-SR", "", 4, "Grace Hopper", (OpticsAction.APPROVE, OpticsAction.ARCHIVE)),
    (OTHER, "QSFP-100G-LR4", 1, "Alan Turing", (OpticsAction.DENY,)),
    ("DAC 10G, 3 m", "", 2, "Katherine Johnson", (OpticsAction.APPROVE,)),
    ("SFP-1G-SX", "", 12, "Alan Turing", ()),
    (OTHER, "CWDM4 for the link to the bus garage", 2, "Grace Hopper", ()),
)
NOTES = {
    OpticsAction.APPROVE: "Ordered with PO-20156.",
    OpticsAction.DENY: "The switch has no 100G port. Ask for SFP-10G-LR.",
    OpticsAction.ARCHIVE: "",
}
SILENT = OpticsMessages()


def is_empty(reading: Reading) -> bool:
    with reading() as session:
        return not any(session.scalar(select(exists().select_from(table))) for table in (OpticsPart, OpticsRequest))


def fill(transaction: Transaction, *, now: datetime) -> int:
    """Returns the number of requests. The same each time."""
    actor = of_command()
    with transaction() as session:
        parts.replace_parts(session, PARTS)
        for number, (part, other, quantity, name, actions) in enumerate(REQUESTS):
            at = now - timedelta(days=9 - 2 * number)
            request, _repeated = service.create(session, NewRequest(part, other, quantity, name), actor=actor, now=at, messages=SILENT)
            for days, action in enumerate(actions, 1):
                how = {"actor": actor, "now": at + timedelta(days=days), "messages": SILENT}
                service.decide(session, request.id, action, note=NOTES[action], **how)  # type: ignore[arg-type]
    return len(REQUESTS)
