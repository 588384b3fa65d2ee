"""Talking to a terminal without reading its log: its description, and setting its clock. One connection at a time, as with polls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select

from request_tracker_utils.attendance import leases
from request_tracker_utils.attendance.errors import TerminalNotPolled, TerminalReplaced
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.polling import Poller
from request_tracker_utils.attendance.reading import DeviceInfo, Layout, Target, TerminalReader, Transport
from request_tracker_utils.attendance.service import record_event, stored_values
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.translation import gettext as _

LONGEST = 30.0
"""Seconds for a whole contact."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Contact:
    poller: Poller
    reader: TerminalReader

    def test(self, terminal_id: int) -> tuple[Terminal, DeviceInfo]:
        """What the terminal says about itself; nothing is stored. Raises TerminalNotFound, TerminalNotPolled, TerminalBusy, and what
        reading raises."""
        return self._alone(terminal_id, lambda target, _terminal: self.reader.info(target, deadline=LONGEST))

    def info(self, terminal_id: int) -> tuple[Terminal, DeviceInfo]:
        """As `test`, and what a terminal that was not replaced says is stored."""
        terminal, found = self.test(terminal_id)
        with self.poller.transaction() as session:
            row = find_terminal(session, terminal_id, with_for_update=True)
            if row.serial_number == found.serial_number:
                row.last_contact_at = self.poller.clock()
                row.firmware, row.platform, row.device_name = found.firmware, found.platform, found.device_name
                row.user_count, row.record_count, row.capacity = found.users, found.records, found.capacity
        return terminal, found

    def test_fields(self, terminal_id: int | None, fields: Mapping[str, Any], *, deadline: float) -> DeviceInfo:
        """What answers at an address before it is saved. Without a new communication key, the one of the terminal is used if the address
        is its own: a key is never sent elsewhere. Raises InvalidTerminalField, TerminalBusy, and what reading raises."""
        values = stored_values(fields, encrypt=lambda _text: "", allow_loopback=self.poller.allow_loopback)
        comm_key = fields.get("comm_key", 0)
        with self.poller.transaction() as session:
            at_address = select(Terminal).where(Terminal.address == values["address"], Terminal.port == values["port"])
            for terminal in session.scalars(at_address):
                leases.check_free(terminal, timedelta(seconds=self.poller.deadline) + leases.STORING, self.poller.clock())
                if terminal.id == terminal_id and "comm_key" not in fields:
                    comm_key = self.poller.comm_key(terminal)
        transport, layout = Transport(values["transport"]), Layout(values["layout"])
        timeout = values["timeout"] or self.poller.timeout
        return self.reader.info(Target(values["address"], values["port"], transport, comm_key, timeout, layout), deadline=deadline)

    def set_clock(self, terminal_id: int, actor: Actor) -> Terminal:
        """Sets its clock to the time of its zone. Raises what `test` raises, and TerminalReplaced."""

        def set_now(target: Target, terminal: Terminal) -> None:
            if terminal.replaced_at is not None:
                raise TerminalReplaced(_("The terminal %(name)s was replaced. Accept the replacement first.", name=terminal.name))
            local_time = self.poller.clock().astimezone(ZoneInfo(terminal.timezone)).replace(tzinfo=None)
            self.reader.set_clock(target, deadline=LONGEST, local_time=local_time)

        terminal, _done = self._alone(terminal_id, set_now)
        with self.poller.transaction() as session:
            row = find_terminal(session, terminal_id, with_for_update=True)
            record_event(session, row, "clock_set", actor=actor, now=self.poller.clock(), drift=terminal.clock_drift)
        return terminal

    def _alone(self, terminal_id: int, action: Callable[[Target, Terminal], Result]) -> tuple[Terminal, Result]:
        duration = timedelta(seconds=self.poller.deadline) + leases.STORING
        with self.poller.transaction() as session:
            terminal = find_terminal(session, terminal_id, with_for_update=True)
            if terminal.address is None:
                raise TerminalNotPolled(_("The terminal %(name)s has no address: it pushes its records.", name=terminal.name))
            lease_id = leases.claim(terminal, duration, self.poller.clock())
        try:
            return terminal, action(self.poller.target(terminal), terminal)
        finally:
            with self.poller.transaction() as session:
                own = select(Terminal).where(Terminal.id == terminal_id, Terminal.lease_id == lease_id).with_for_update()
                if (row := session.scalar(own)) is not None:
                    leases.end(row)
