"""What the token's user may do, as far as Request Tracker tells without anything being changed."""

from typing import Any

from request_tracker_utils.integrations.rt.pages import NAMES, Query, read_all, read_page
from request_tracker_utils.integrations.rt.rows import misshapen, number, text
from request_tracker_utils.integrations.rt.transport import Transport

NOBODY_ID = "Nobody"
"""A user that every Request Tracker has."""


class Rights:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def may_create_in(self, catalog: str) -> bool | None:
        query: Query = []
        rows = (row for rows in read_all(self._transport, query, NAMES, path="catalogs") for row in rows)
        found = next((row for row in rows if text(row.get("Name")) == catalog), None)
        if found is None:
            return None
        # RT offers the link to those alone who have CreateAsset.
        return any(link.get("ref") == "create" for link in self._links(f"catalog/{number(found.get('id'))}"))

    def sees_every_asset(self) -> bool:
        # RT counts the found for those alone who have ShowAsset in all catalogs.
        return read_page(self._transport, [{"field": "id", "operator": ">", "value": 0}], NAMES, size=1).total is not None

    def may_change_newest(self) -> tuple[int, bool] | None:
        page = read_page(self._transport, [{"field": "id", "operator": ">", "value": 0}], NAMES, size=1, order="DESC")
        if not page.rows:
            return None
        asset_id = number(page.rows[0].get("id"))
        return asset_id, any(link.get("ref") == "lifecycle" for link in self._links(f"asset/{asset_id}"))

    def sees_users(self) -> bool:
        # RT leaves the number out for those who have no AdminUsers.
        body = self._transport.get(f"user/{NOBODY_ID}").body
        return isinstance(body, dict) and "id" in body

    def _links(self, path: str) -> list[dict[str, Any]]:
        body = self._transport.get(path).body
        links = body.get("_hyperlinks") if isinstance(body, dict) else None
        if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
            raise misshapen("a record's links")
        return links
