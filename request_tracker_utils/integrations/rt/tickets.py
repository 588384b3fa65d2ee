"""Tickets about assets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from request_tracker_utils.integrations.rt.assetsql import pattern, quoted
from request_tracker_utils.integrations.rt.errors import RtInvalid, RtRefused
from request_tracker_utils.integrations.rt.pages import read_all
from request_tracker_utils.integrations.rt.rows import misshapen, number, text
from request_tracker_utils.integrations.rt.transport import Transport


@dataclass(frozen=True)
class RtTicket:
    """`assets` are the ids that the ticket refers to, as RT holds them."""

    id: int
    assets: tuple[int, ...]


class Tickets:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read(self, ticket_id: int) -> RtTicket:
        body = self._transport.get(f"ticket/{ticket_id}").body
        links = body.get("_hyperlinks") if isinstance(body, dict) else None
        if not isinstance(links, list):
            raise misshapen("a ticket")
        assets = (link for link in links if isinstance(link, dict) and (link.get("ref"), link.get("type")) == ("refers-to", "asset"))
        return RtTicket(number(body.get("id")), tuple(sorted(number(link.get("id")) for link in assets)))

    def with_mark(self, mark: str) -> list[int]:
        pages = read_all(self._transport, f"Subject LIKE {quoted(pattern(mark))}", {"fields": "Subject"}, path="tickets")
        return [number(row.get("id")) for rows in pages for row in rows if text(row.get("Subject")).endswith(mark)]

    def create(self, *, queue: str, subject: str, body: str, requestor: str, asset_ids: Iterable[int]) -> RtTicket:
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
            message = f"Request Tracker has no queue {queue!r}, or the token's user may not create tickets there. Check both."
            raise RtRefused(message, status=403) from None
        ticket_id = number(answer.get("id") if isinstance(answer, dict) else None)
        # Read back, since RT leaves out links that it cannot resolve. Without links there is nothing to learn.
        return self.read(ticket_id) if links else RtTicket(ticket_id, ())

    def link(self, ticket_id: int, asset_ids: Iterable[int]) -> RtTicket:
        wanted = list(dict.fromkeys(asset_ids))
        # `RefersTo` would replace the links that are there.
        said = self._transport.write("PUT", f"ticket/{ticket_id}", {"AddRefersTo": [f"asset:{asset_id}" for asset_id in wanted]}).body
        ticket = self.read(ticket_id)
        if missing := [asset_id for asset_id in wanted if asset_id not in ticket.assets]:
            messages = "; ".join(map(str, said))[:300] if isinstance(said, list) else ""
            raise RtInvalid(
                f"Ticket #{ticket_id} could not be linked to asset {', '.join(f'#{each}' for each in missing)}. It said: {messages}"
            )
        return ticket
