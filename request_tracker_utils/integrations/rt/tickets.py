"""Tickets about assets."""

from collections.abc import Iterable
from typing import Any

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.errors import RtInvalid, RtRefused
from request_tracker_utils.integrations.rt.queries import pattern, quoted, read_all
from request_tracker_utils.integrations.rt.records import RtTicket, malformed, number, text
from request_tracker_utils.integrations.rt.transport import Transport, quoted_message


class Tickets:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, ticket_id: int) -> RtTicket:
        """Raises RtNotFound."""
        body = self._transport.get(f"ticket/{ticket_id}").body
        links = body.get("_hyperlinks") if isinstance(body, dict) else None
        if not isinstance(links, list):
            raise malformed(_("a ticket"))
        assets = (link for link in links if isinstance(link, dict) and (link.get("ref"), link.get("type")) == ("refers-to", "asset"))
        return RtTicket(number(body.get("id")), tuple(sorted(number(link.get("id")) for link in assets)))

    def with_mark(self, mark: str) -> list[int]:
        """Ids of the tickets whose subject ends with this text, in order."""
        pages = read_all(self._transport, f"Subject LIKE {quoted(pattern(mark))}", {"fields": "Subject"}, path="tickets")
        return [number(row.get("id")) for rows in pages for row in rows if text(row.get("Subject")).endswith(mark)]

    def create(self, *, queue: str, subject: str, body: str, requestor: str = "", asset_ids: Iterable[int] = ()) -> RtTicket:
        """Sent once: after RtUnreachable the ticket may exist. Assets that do not exist are missing from the answer's `assets`.

        `requestor` is a user's number, a name that is not made of digits, or an email address. RT silently ignores others.
        """
        if not subject.strip():
            raise RtInvalid(_("A ticket needs a subject."))
        data: dict[str, Any] = {"Queue": queue, "Subject": subject, "Content": body, "ContentType": "text/plain"}
        if requestor:
            data["Requestor"] = requestor
        if links := [f"asset:{asset_id}" for asset_id in asset_ids]:
            data["RefersTo"] = links
        try:
            answer = self._transport.write("POST", "ticket", data).body
        except RtRefused as refusal:
            if refusal.status != 403:
                raise
            message = _(
                "Request Tracker has no queue %(queue)s, or the token's user may not create tickets in it. Check both.", queue=repr(queue)
            )
            raise RtRefused(message, status=403) from None
        ticket_id = number(answer.get("id") if isinstance(answer, dict) else None)
        # Read back, since RT omits links to assets that do not exist.
        return self.get(ticket_id) if links else RtTicket(ticket_id, ())

    def link(self, ticket_id: int, asset_ids: Iterable[int]) -> RtTicket:
        """Adds links to assets and reads them back. Raises RtNotFound, RtInvalid."""
        linked = list(dict.fromkeys(asset_ids))
        # `RefersTo` would replace the links that exist.
        answer = self._transport.write("PUT", f"ticket/{ticket_id}", {"AddRefersTo": [f"asset:{asset_id}" for asset_id in linked]}).body
        ticket = self.get(ticket_id)
        if missing := [asset_id for asset_id in linked if asset_id not in ticket.assets]:
            message = _(
                "Ticket #%(ticket_id)s could not be linked to asset %(assets)s.",
                ticket_id=ticket_id,
                assets=", ".join(f"#{each}" for each in missing),
            )
            raise RtInvalid(message + quoted_message("; ".join(map(str, answer))[:300] if isinstance(answer, list) else ""))
        return ticket

    def address(self, ticket_id: int) -> str:
        """Of the ticket's page."""
        return f"{self._transport.url}/Ticket/Display.html?id={ticket_id}"
