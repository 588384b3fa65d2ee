"""What this Request Tracker is set up with: its catalogs and the custom fields of assets."""

from request_tracker_utils.integrations.rt.errors import RtInvalid
from request_tracker_utils.integrations.rt.pages import NAMES, Query, misunderstood, read_all
from request_tracker_utils.integrations.rt.rows import text
from request_tracker_utils.integrations.rt.transport import Transport

OF_ASSETS = "RT::Catalog-RT::Asset"


class Schema:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: frozenset[str] = frozenset()

    def catalogs(self) -> list[str]:
        query: Query = []
        pages = read_all(self._transport, query, NAMES, path="catalogs")
        return sorted({text(row.get("Name")) for rows in pages for row in rows} - {""})

    def custom_fields(self) -> list[str]:
        query: Query = [{"field": "LookupType", "operator": "=", "value": OF_ASSETS}]
        names: set[str] = set()
        for rows in read_all(self._transport, query, {"fields": "Name,LookupType"}, path="customfields"):
            if any(row.get("LookupType") != OF_ASSETS for row in rows):
                raise misunderstood()
            names |= {text(row.get("Name")) for row in rows}
        return sorted(names - {""})

    def require(self, field: str) -> None:
        """Raises RtInvalid when assets have no such custom field. Asks once for each field that there is."""
        wanted = field.casefold()
        if wanted not in self._known:
            self._known = frozenset(name.casefold() for name in self.custom_fields())
        if wanted not in self._known:
            raise RtInvalid(
                f"Request Tracker has no custom field {field!r} for assets, or hides it from the token's user. "
                "Make it in RT and apply it to the catalogs, grant SeeCustomField, or set the field's right name."
            )
