"""Queries in Request Tracker's two languages, and reading all pages of their results so that no row is lost unnoticed."""

import unicodedata
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.errors import RtInvalid, RtRefused, RtSearchFailed
from request_tracker_utils.integrations.rt.records import malformed, number
from request_tracker_utils.integrations.rt.transport import Transport

Query = list[dict[str, Any]] | str
"""A JSON search, or a condition in AssetSQL or TicketSQL."""

LARGEST_PAGE = 100
"""Rows. Request Tracker silently truncates larger pages."""
WILDCARDS = frozenset("%_\\")
"""Characters that LIKE and STARTSWITH do not take literally."""

FULL = {
    "fields": "Name,Status,Catalog,CustomFields,HeldBy,Owner,Created",
    "fields[Catalog]": "Name",
    "fields[HeldBy]": "Name",
    "fields[Owner]": "Name",
}
NAMES = {"fields": "Name"}
NAMES_AND_CATALOGS = {"fields": "Name,Catalog", "fields[Catalog]": "Name"}
HOLDERS = {**FULL, "fields": "Name,Status,Catalog,HeldBy,Owner"}
"""Custom fields are most of what a row costs Request Tracker."""


@dataclass(frozen=True)
class Page:
    rows: list[dict[str, Any]]
    total: int | None
    """Rows on all pages. None if the token's user may not see all of them: Request Tracker does not count then."""


def quoted(text: str) -> str:
    """`text` as a value in AssetSQL. Raises RtInvalid for control characters, which no name or serial number contains."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise RtInvalid(_("The text contains control characters, such as a line break or a tab. Remove them."))
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def pattern(text: str) -> str:
    """`text` for LIKE and STARTSWITH. It may match more than the text, never less.

    A backslash is an escape on some databases and a character on others; `_`, any character, matches it on both.
    """
    return text.replace("\\", "_")


def after(query: Query, last_id: int) -> Query:
    """The same query for ids greater than `last_id`."""
    if isinstance(query, str):
        # At the end: Request Tracker runs a query as far as it understands it. If this condition applies, it understood everything.
        return f"({query}) AND id > {last_id}"
    return [*query, {"field": "id", "operator": ">", "value": last_id}]


def read_page(
    transport: Transport,
    query: Query,
    fields: dict[str, str],
    *,
    path: str = "assets",
    page: int = 1,
    size: int = LARGEST_PAGE,
    order: str = "ASC",
) -> Page:
    """Raises RtRefused for an answer that is not a page, and RtSearchFailed if Request Tracker's database could not run the query."""
    params = {**fields, "page": page, "per_page": size, "orderby": "id", "order": order}
    found = _page_of(transport.search(path, query, params).body)
    if found.total is None and not found.rows:
        _check_was_run(transport, query, path)
    return found


def _page_of(body: Any) -> Page:
    rows = body.get("items") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise malformed(_("a page of a search"))
    total = body.get("total")
    return Page(rows, None if total is None else number(total))


def _check_was_run(transport: Transport, query: Query, path: str) -> None:
    """For an answer without rows and total. Request Tracker 6 sends it for a query that its database cannot run, but also, as version 5
    does, for one without results to a user who may not see everything. Raises RtSearchFailed for the former.

    If the same user gets a total for a search that cannot fail, the query failed. A user without totals may have no row of the query: then
    the query must find something once everything else is added. JSON queries cannot express that; they are short, and do not fail.
    """

    def search(query: Query) -> Page:
        return _page_of(transport.search(path, query, {**NAMES, "page": 1, "per_page": 1}).body)

    everything = search("id > 0" if isinstance(query, str) else [{"field": "id", "operator": ">", "value": 0}])
    if everything.total is None:
        if not everything.rows or not isinstance(query, str):
            return
        extended = search(f"({query}) OR id > 0")
        if extended.rows or extended.total is not None:
            return
    raise search_failed()


def read_all(
    transport: Transport, query: Query, fields: dict[str, str], *, path: str = "assets", complete: bool = False, after_id: int = 0
) -> Generator[list[dict[str, Any]], None, None]:
    """All rows with ids greater than `after_id`, in pages ordered by id. Each page continues after the last id, so that new rows do not
    shift pages.

    Raises RtRefused if rows are missing; with `complete` also if the token's user may not see all assets, because Request Tracker then
    silently omits rows.
    """
    last_id, count, expected = after_id, 0, 0
    while True:
        page = read_page(transport, after(query, last_id), fields, path=path)
        if complete and page.total is None:
            raise incomplete()
        expected = expected or page.total or 0
        if not page.rows:
            if page.total:
                raise RtRefused(_("Request Tracker returned an empty page before the last row. Try again."))
            break
        ids = [number(row.get("id")) for row in page.rows]
        if ids[0] <= last_id or ids != sorted(set(ids)):
            raise misunderstood()
        last_id, count = ids[-1], count + len(ids)
        yield page.rows
        if page.total is not None and len(ids) >= page.total:
            break
    if count < expected:
        message = _("Request Tracker found %(expected)s assets and returned only %(count)s. Try again.", expected=expected, count=count)
        raise RtRefused(message)


def misunderstood() -> RtRefused:
    message = _("Request Tracker did not understand the search and returned assets that do not match. Nothing was changed.")
    return RtRefused(message)


def search_failed() -> RtSearchFailed:
    message = _(
        "Request Tracker could not run the search, so it is unknown what it would have found. Nothing was changed. "
        "Use fewer conditions if you wrote the query; otherwise try again, and check Request Tracker's log."
    )
    return RtSearchFailed(message)


def incomplete() -> RtRefused:
    message = _("The token's user may not see all assets, so the list would be incomplete. Grant the right ShowAsset globally in RT.")
    return RtRefused(message)
