"""Custom fields of assets: whether those of the settings exist, and if not, why."""

from collections.abc import Iterable

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.errors import RtError, RtInvalid
from request_tracker_utils.integrations.rt.queries import Query, misunderstood, read_all
from request_tracker_utils.integrations.rt.records import is_true, same, text
from request_tracker_utils.integrations.rt.transport import Transport

OF_ASSETS = "RT::Catalog-RT::Asset"


class CustomFields:
    """Thread-safe. Remembers which fields exist, but not which are missing: people correct that in Request Tracker."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: frozenset[str] = frozenset()

    def names(self) -> list[str]:
        """Sorted, without disabled fields."""
        query: Query = [{"field": "LookupType", "operator": "=", "value": OF_ASSETS}]
        names: set[str] = set()
        for rows in read_all(self._transport, query, {"fields": "Name,LookupType"}, path="customfields"):
            if any(row.get("LookupType") != OF_ASSETS for row in rows):
                raise misunderstood()
            names |= {text(row.get("Name")) for row in rows}
        return sorted(names - {""})

    def require(self, field: str) -> None:
        """Raises RtInvalid if assets do not have this field. Asks once for each field that exists."""
        if field.casefold() not in self._known and (problem := self.problems([field])):
            raise RtInvalid(problem[field])

    def require_still(self, field: str) -> None:
        """Like `require`, after an answer that suggests that the field was renamed or deleted."""
        self._known = frozenset()
        self.require(field)

    def problems(self, fields: Iterable[str]) -> dict[str, str]:
        """A sentence for each of these fields that assets do not have. Asks each time."""
        names = self.names()
        self._known = frozenset(name.casefold() for name in names)
        return {field: self._problem(field, names) for field in fields if field.casefold() not in self._known}

    def not_found(self, field: str, catalog: str) -> str:
        """What to do if Request Tracker says that it did not find the field for an asset in this catalog."""
        try:
            return self.problems([field]).get(field) or _not_applied(repr(field), catalog)
        except RtError:
            return _missing(field, [])

    def not_applied(self, field_id: str, catalog: str) -> str:
        """What to do if Request Tracker says that the field with this id does not apply to an asset in this catalog."""
        name, is_disabled = f"#{field_id}", False
        try:
            body = self._transport.get(f"customfield/{field_id}").body
        except RtError:
            body = None
        if isinstance(body, dict):
            name, is_disabled = repr(text(body.get("Name"))), is_true(body.get("Disabled"))
        return _disabled(name) if is_disabled else _not_applied(name, catalog)

    def _problem(self, field: str, names: list[str]) -> str:
        return _disabled(repr(field)) if self._is_disabled(field) else _missing(field, names)

    def _is_disabled(self, field: str) -> bool:
        query: Query = [{"field": "Name", "operator": "=", "value": field}]
        params = {"fields": "Name,LookupType,Disabled", "find_disabled_rows": "1"}
        rows = [row for rows in read_all(self._transport, query, params, path="customfields") for row in rows]
        named = [row for row in rows if row.get("LookupType") == OF_ASSETS and same(text(row.get("Name")), field)]
        return any(is_true(row.get("Disabled")) for row in named)


def _missing(field: str, names: list[str]) -> str:
    return _(
        "Request Tracker has no custom field %(field)s for assets: it was renamed or deleted, or the token's user may not see it. "
        "Correct the name in RT or in the settings, apply the field to the catalogs, or grant SeeCustomField. "
        "Visible fields: %(names)s.",
        field=repr(field),
        names=", ".join(names) or _("none"),
    )


def _not_applied(name: str, catalog: str) -> str:
    return _(
        "Request Tracker has the custom field %(field)s, but not for assets in %(catalog)s. Apply it to that catalog in RT.",
        field=name,
        catalog=catalog,
    )


def _disabled(name: str) -> str:
    return _("The custom field %(field)s is disabled in Request Tracker. Enable it, or correct the name in the settings.", field=name)
