"""Writes down what is printed, and tells the rooms above that labels of assets may be on paper now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.labels import record

Labels = list[tuple[int, str]]
"""Assets by number, with the name that their label bears."""
Listener = Callable[[Session, Labels, datetime], list[str]]


class Listeners(list[Listener]):
    """Called before labels are handed out, in the transaction that records them; each returns notices to show beside the labels."""


@dataclass
class Printing:
    """A print under way. Each chunk of its labels is announced before it is handed out: a label that may be on paper is on record."""

    actor: Actor
    listeners: Sequence[Listener]
    format: str
    copies: int = 1
    print_id: int | None = None

    def announce(self, labels: Labels) -> list[str]:
        """Records the labels in one short transaction; returns what the listeners have to say of them. Raises Unavailable."""
        now = utc_now()
        try:
            with transaction() as session:
                print_id = self.print_id or record.begin(session, format=self.format, copies=self.copies, actor=self.actor, now=now)
                record.add(session, print_id, labels, actor=self.actor, now=now)
                notices = [notice for listener in self.listeners for notice in listener(session, labels, now)]
        except OperationalError:
            raise Unavailable("The database does not answer. Try again in a moment.") from None
        self.print_id = print_id
        return notices
