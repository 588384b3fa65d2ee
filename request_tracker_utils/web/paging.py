"""Pages of long lists, as routes take and answer them: `count`, `next`, `previous` and `results` over JSON, or a plain array with a `Link`;
`page` and `after` on pages. And row ids in addresses."""

from typing import Any

from flask import request
from pydantic import BaseModel, Field

from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.keyset import Cursor
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.addresses import this_page
from request_tracker_utils.web.body import Answer

MAX_PAGE_SIZE = 1_000
MAX_PAGE = 100_000
"""The last page that a page's address may name."""


class PageQuery(BaseModel):
    page: int = Field(1, ge=1, le=1_000_000, description="Page number, starting at 1.", json_schema_extra={"example": 1})
    page_size: int = Field(100, ge=1, le=MAX_PAGE_SIZE, description="Rows per page.", json_schema_extra={"example": 100})
    after: str = Field(
        "",
        max_length=30,
        description="Cursor of the page, taken from `next`. With it, deep pages are as fast as the first.",
        json_schema_extra={"example": ""},
    )

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size

    def cursor(self) -> Cursor | None:
        """Raises Invalid for text that no `next` contains."""
        if not self.after:
            return None
        cursor = Cursor.parse(self.after)
        if cursor is None:
            raise Invalid(_("after: not a valid cursor; take it from `next` of the previous page"), field="after")
        return cursor


def page_answer(query: PageQuery, count: int, next_cursor: Cursor | None, rows: list[dict[str, object]]) -> Answer:
    """The body of a list route. `count` is the number of rows on all pages."""

    following = this_page(page=query.page + 1, after=str(next_cursor)) if next_cursor else None
    previous = this_page(page=query.page - 1, after=None) if query.page > 1 else None
    return {"count": count, "next": following, "previous": previous, "results": rows}


def plain_list(rows: list[dict[str, Any]], *, limit: int) -> Any:
    """The answer of a list route whose contract is a plain array, newest first, with `limit` and `before_id`: for `limit` + 1 rows, all
    but the last of them, and the address of the next ones in a `Link` header."""
    shown = rows[:limit]
    if len(rows) <= limit:
        return shown
    return shown, 200, {"Link": f'<{this_page(before_id=shown[-1]["id"])}>; rel="next"'}


def requested_page() -> int:
    """The page number in the address of a page, from 1 to MAX_PAGE."""
    return min(max(1, request.args.get("page", 1, type=int)), MAX_PAGE)


def requested_cursor() -> Cursor | None:
    """The cursor in the address of a page; None if it is missing or invalid."""
    return Cursor.parse(request.args.get("after", ""))


def row_id(text: str) -> int:
    """For `type` of a query argument. Raises ValueError, also for numbers that no id column can store."""
    number = int(text)
    if not 0 < number <= LARGEST_ID:
        raise ValueError(text)
    return number
