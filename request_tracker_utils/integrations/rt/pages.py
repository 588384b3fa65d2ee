"""Pages of a search, and reading all of them so that none goes missing unnoticed."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from request_tracker_utils.integrations.rt.errors import RtRefused
from request_tracker_utils.integrations.rt.rows import misshapen, number
from request_tracker_utils.integrations.rt.transport import Transport

Query = list[dict[str, Any]] | str
"""A JSON search, or a condition in AssetSQL."""

LARGEST_PAGE = 100
"""Rows. Request Tracker cuts larger ones to this, without a word."""

FULL = {
    "fields": "Name,Status,Catalog,CustomFields,HeldBy,Owner",
    "fields[Catalog]": "Name",
    "fields[HeldBy]": "Name",
    "fields[Owner]": "Name",
}
NAMES = {"fields": "Name"}
NAMES_AND_CATALOGS = {"fields": "Name,Catalog", "fields[Catalog]": "Name"}
HOLDERS = {**FULL, "fields": "Name,Status,Catalog,HeldBy,Owner"}
"""What a row costs Request Tracker is mostly its custom fields."""


@dataclass(frozen=True)
class Page:
    rows: list[dict[str, Any]]
    total: int | None
    """Of all pages; None when the token's user may not see every asset, since Request Tracker then does not count."""


def misunderstood() -> RtRefused:
    return RtRefused("Request Tracker answered with assets that were not asked for, so the question was not understood. Nothing was done.")


def not_complete() -> RtRefused:
    return RtRefused("The token's user may not see every asset, so the list would have holes. Grant it ShowAsset globally in RT.")


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
    params = {**fields, "page": page, "per_page": size, "orderby": "id", "order": order}
    return page_of(transport.search(path, query, params).body)


def page_of(body: Any) -> Page:
    """Raises RtRefused for what is no page."""
    rows = body.get("items") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise misshapen("a page of a search")
    total = body.get("total")
    return Page(rows, None if total is None else number(total))


def read_all(
    transport: Transport, query: Query, fields: dict[str, str], *, path: str = "assets", complete: bool = False, last: int = 0
) -> Generator[list[dict[str, Any]], None, None]:
    """Every row, by pages in the order of their ids, which begin beyond `last`. The next page begins after the last id: what is created
    meanwhile shifts nothing.

    Raises RtRefused when rows are missing; with `complete` also when the token's user may not see all assets, for then
    Request Tracker leaves out rows and does not say so.
    """
    seen, promised = 0, 0
    while True:
        page = read_page(transport, after(query, last), fields, path=path)
        if complete and page.total is None:
            raise not_complete()
        promised = promised or page.total or 0
        if not page.rows:
            if page.total:
                raise RtRefused("Request Tracker answered with an empty page where rows were left. Try again.")
            break
        ids = [number(row.get("id")) for row in page.rows]
        if ids[0] <= last or ids != sorted(set(ids)):
            raise misunderstood()
        last, seen = ids[-1], seen + len(ids)
        yield page.rows
        if page.total is not None and len(ids) >= page.total:
            break
    if seen < promised:
        raise RtRefused(f"Request Tracker found {promised} assets and gave only {seen}. Try again.")


def after(query: Query, last: int) -> Query:
    """The same question about ids beyond `last`."""
    if isinstance(query, str):
        # At the end: Request Tracker runs a query as far as it understands it, so whoever gets this far has understood all of it.
        return f"({query}) AND id > {last}"
    return [*query, {"field": "id", "operator": ">", "value": last}]
