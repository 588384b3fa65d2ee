"""Read-only pages for every table of the database. Flask-Admin queries the database; the templates are ours."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

from flask import Flask, Response, g, render_template, request
from flask_admin import Admin, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import (
    BooleanEqualFilter,
    FilterEmpty,
    FilterEqual,
    FilterGreater,
    FilterLike,
    FilterNotLike,
    FilterSmaller,
    IntEqualFilter,
    IntGreaterFilter,
    IntSmallerFilter,
)
from flask_admin.form import BaseForm
from flask_admin.model.filters import BaseFilterConverter
from flask_admin.tools import iterdecode
from sqlalchemy import JSON, Boolean, Integer, LargeBinary, String, func, inspect, select, tuple_
from sqlalchemy.orm import Query, Session, load_only
from sqlalchemy.sql.elements import NamedColumn

from request_tracker_utils.administration.permissions import AdministrationPermission
from request_tracker_utils.core.db import Base, Instant, db, reading
from request_tracker_utils.core.errors import Invalid, NotFound
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.students.models import Student
from request_tracker_utils.web.access_log import record_list, record_lookup, student
from request_tracker_utils.web.auth import Access, open_endpoint
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import MAX_PAGE
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.security import is_local_path

SECRET = re.compile(r"hash|secret|password|passwd|token|credential|cipher|salt|nonce|(^|_)key(_|$)", re.IGNORECASE)
"""Names of columns that are never shown, so that secrets in new tables are hidden by default."""
SECRETS = frozenset(
    {
        "kept_values.value",
        "roster_parts.content",
        "roster_changes.content",
        "rosters.sample",
        "rosters.report",
        "asset_intakes.head",
        "asset_intakes.rows",
        "asset_intakes.findings",
        "notification_preferences.chat_urls",
        "phone_codes.seed",
    }
)
"""Columns that their names do not reveal: secrets, and contents of uploaded lists, which are for their owners."""
PAGE = 50
MAX_SEARCH_LENGTH = 100
MAX_FILTERS = 10
CHUNK = 1_000
"""Rows of a file per chunk. No connection is in use between chunks, no matter how slow the download is."""
ROUTES = ("index_view", "details_view", "export")
ACCESS = Access(permission=AdministrationPermission.DATA)


class NoSuchRow(NotFound):
    code = "row_not_found"


def is_secret(table: str, column: str) -> bool:
    return SECRET.search(column) is not None or f"{table}.{column}" in SECRETS


def _is_shown(table: str, column: NamedColumn[Any]) -> bool:
    """Neither secrets nor bytes: compressed files and lists, which nobody can read, and which would be loaded for each row of the page."""
    return not is_secret(table, column.name) and not isinstance(column.type, LargeBinary)


def models() -> list[type[Base]]:
    """Every table's model, by the table's name."""
    return sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__tablename__)


YES_OR_NO = {"yes": "1", "no": "0", "1": "1", "0": "0"}


class YesOrNo:
    """What people enter; Flask-Admin expects 1 or 0."""

    def validate(self, value: str) -> bool:
        return value.lower() in YES_OR_NO

    def clean(self, value: str) -> Any:
        return YES_OR_NO[value.lower()]


class IsEmpty(YesOrNo, FilterEmpty):  # type: ignore[misc]
    def operation(self) -> str:
        return _("is empty (yes or no)")


class Is(YesOrNo, BooleanEqualFilter):  # type: ignore[misc]
    def clean(self, value: str) -> bool:
        return YES_OR_NO[value.lower()] == "1"

    def operation(self) -> str:
        return _("is (yes or no)")


class LocalTime:
    """A date or time such as 2026-01-31 08:15, in TIMEZONE."""

    def clean(self, value: str) -> datetime:
        time = datetime.fromisoformat(value)
        try:
            return (time if time.tzinfo else time.replace(tzinfo=settings().zone)).astimezone(UTC)
        except OverflowError:
            raise ValueError("out of range") from None


class After(LocalTime, FilterGreater):  # type: ignore[misc]
    def operation(self) -> str:
        return _("after")


class Before(LocalTime, FilterSmaller):  # type: ignore[misc]
    def operation(self) -> str:
        return _("before")


class Filters(BaseFilterConverter):  # type: ignore[misc]
    """The filters of a column, by its type; an unknown type can only be empty or not."""

    KINDS: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
        (Instant, (After, Before, IsEmpty)),
        (Boolean, (Is,)),
        (Integer, (IntEqualFilter, IntGreaterFilter, IntSmallerFilter, IsEmpty)),
        (String, (FilterLike, FilterNotLike, FilterEqual, IsEmpty)),
    )

    def convert(self, type_name: str, column: Any, name: str, **options: Any) -> list[Any]:
        fitting = next((kinds for kind, kinds in self.KINDS if isinstance(column.type, kind)), (IsEmpty,))
        return [kind(column, name) for kind in fitting]


class Tables(BaseView):  # type: ignore[misc]
    """The list of tables."""

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> str:
        with reading() as session:
            counts = [(view, session.scalar(select(func.count()).select_from(view.model))) for view in self.tables()]
        return render_template("administration/tables.html", tables=counts)

    def tables(self) -> "list[Table]":
        return [view for view in self.admin._views if isinstance(view, Table)]


class Table(ModelView):  # type: ignore[misc]
    """One table: its rows with search, filters and sorting; one row in full; CSV export."""

    can_create = can_edit = can_delete = False
    can_view_details = can_export = named_filter_urls = True
    form = BaseForm  # nothing is edited
    filter_converter = Filters()
    page_size = PAGE
    list_template, details_template = "administration/table.html", "administration/row.html"
    column_type_formatters: dict[type, Any] = {}  # noqa: RUF012 — Flask-Admin expects a class attribute; templates format the values
    column_type_formatters_detail = column_type_formatters

    def __init__(self, model: type[Base]) -> None:
        shown = [prop for prop in inspect(model).column_attrs if _is_shown(model.__tablename__, prop.columns[0])]
        plain = [prop for prop in shown if not isinstance(prop.columns[0].type, JSON)]
        names = [prop.key for prop in shown]
        self.column_list = self.column_details_list = self.column_export_list = names
        self.column_labels = {name: name for name in names}
        self.column_sortable_list = self.column_filters = [prop.key for prop in plain]
        self.column_searchable_list = [prop.key for prop in plain if isinstance(prop.columns[0].type, String)]
        self._shown = [prop.class_attribute for prop in shown]
        self._key = inspect(model).primary_key
        self._urls = [rule for rule in ModelView._urls if rule[1] in ROUTES]  # routes that change something are not registered at all
        super().__init__(model, db, name=model.__tablename__, endpoint=f"data_{model.__tablename__}", url=model.__tablename__)

    @property
    def description(self) -> str:
        """The first sentence of the model's docstring."""
        paragraph = " ".join((self.model.__doc__ or "").split())
        return paragraph.partition(". ")[0].partition(": ")[0].rstrip(".")

    def get_query(self) -> "Query[Any]":
        return _session().query(self.model).options(load_only(*self._shown))

    def get_count_query(self) -> "Query[Any]":
        return _session().query(func.count()).select_from(self.model)

    def get_one(self, id: str) -> Base:
        """Raises NoSuchRow."""
        try:
            pairs = [(column, _parsed(column.type.python_type, value)) for column, value in zip(self._key, iterdecode(id), strict=True)]
        except ValueError:
            raise NoSuchRow(_("The table %(table)s does not have this row.", table=self.name)) from None
        row = self.get_query().filter(*(column == value for column, value in pairs)).first()
        if row is None:
            raise NoSuchRow(_("The table %(table)s does not have this row.", table=self.name))
        number = str(row.student_id or "") if isinstance(row, Student) else ""
        if number:
            record_lookup(f"table {self.name}", student(number))
        else:
            record_list(f"table {self.name}", 1)
        return cast(Base, row)

    def _apply_sorting(self, query: "Query[Any]", joins: Any, sort_column: str | None, sort_desc: bool) -> Any:
        """The newest first; ties in the sort column have the same order on all pages."""
        query, joins = super()._apply_sorting(query, joins, sort_column, sort_desc)
        return query.order_by(*(column.desc() for column in self._key)), joins

    def get_invalid_value_msg(self, value: str, filter: Any) -> str:
        return _("“%(value)s” is not a valid value for %(column)s.", value=value[:40], column=filter.name)

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Flask-Admin's own session would start a transaction that lasts as long as the request, and its `url` may lead anywhere."""
        if not is_local_path(request.args.get("url", "/")):
            raise Invalid(_("The page to return to must be part of this program."))
        with reading() as session:
            g.table_session = session
            try:
                return fn(self, *args, **kwargs)
            except OverflowError:
                raise Invalid(_("A number in the address is too large.")) from None

    def get_list(self, *args: Any, **kwargs: Any) -> Any:
        """Records the page of rows; an export does not come here for its rows."""
        count, found = super().get_list(*args, **kwargs)
        if isinstance(found, list):
            record_list(f"table {self.name}", len(found))
        return count, found

    def _get_list_extra_args(self) -> Any:
        arguments = super()._get_list_extra_args()
        arguments.page = min(max(arguments.page, 0), MAX_PAGE)
        arguments.search = (arguments.search or "").strip()[:MAX_SEARCH_LENGTH] or None
        arguments.extra_args = {}
        return arguments

    def _get_list_filter_args(self) -> list[tuple[int, str, str]]:
        """The filters in the address, and the one just chosen in the form."""
        arguments = (super()._get_list_filter_args() or [])[:MAX_FILTERS]
        chosen = (self._filter_args or {}).get(request.args.get("filter", ""))
        if chosen is not None:
            index, found = chosen
            value = request.args.get("value", "").strip()[:MAX_SEARCH_LENGTH]
            if found.validate(value):
                arguments.append((index, found.name, value))
            else:
                raise Invalid(self.get_invalid_value_msg(value, found))
        return cast(list[tuple[int, str, str]], arguments)

    def _export_csv(self, return_url: str) -> Response:
        """All rows that the list shows, ordered by primary key."""
        arguments = self._get_list_extra_args()
        _, found = self.get_list(0, None, False, arguments.search, arguments.filters, execute=False, page_size=0)
        query = found.order_by(None).order_by(*self._key)
        first = query.limit(CHUNK).all()  # now, so that an error becomes a response and does not truncate the file
        return csv_response(self.name, self.column_export_list, self._cells(query, first), what=f"table {self.name}")

    def _cells(self, query: "Query[Any]", rows: list[Any]) -> Iterator[list[object]]:
        while rows:
            for row in rows:
                yield [_cell(getattr(row, name)) for name in self.column_export_list]
            last = inspect(rows[-1]).identity
            with reading() as session:
                rows = query.with_session(session).filter(tuple_(*self._key) > tuple_(*last)).limit(CHUNK).all()


def install(app: Flask) -> None:
    """Registers the pages of every table. Flask-Admin's own assets are not served."""
    before = set(app.view_functions)
    admin = Admin(app, url="/admin/data", index_view=Tables(name="Data", endpoint="data", url="/admin/data"))
    for model in models():
        admin.add_view(Table(model))
    for endpoint in set(app.view_functions) - before:
        open_endpoint(app, endpoint, ACCESS)


def _session() -> Session:
    return cast(Session, g.table_session)


def _cell(value: Any) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:  # the own time of a terminal
            return value.isoformat(timespec="seconds")
        return value.astimezone(settings().zone).isoformat(timespec="seconds")
    return json.dumps(value) if isinstance(value, dict | list) else value


def _parsed(kind: type, value: str) -> object:
    """A part of a key, as the address of a row has it. Raises ValueError."""
    return value == "True" if kind is bool else kind(value)
