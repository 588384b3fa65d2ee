"""Every page of every table, with a value in every column."""

import csv
import io
import re
from html import unescape

import pytest
from flask import Flask

from request_tracker_utils.administration.views.tables import MAX_FILTERS, Table
from tests.services.apps import user
from tests.services.csv_files import without_mark
from tests.services.filled_tables import ROWS, fill
from tests.services.people import Person
from tests.services.tables import check_all

VALUES = {"yes or no": "yes", "after": "2026-01-31 08:00", "before": "2026-12-31", "": "1"}
"""What to enter in a filter, by the end of its operation."""


@pytest.mark.both_databases
def test_every_page_of_every_table_shows_every_kind_of_value(own_app: Flask) -> None:
    admin = Person(own_app, user(own_app, "admin", "ada"))
    fill(own_app)
    views = [view for view in own_app.extensions["admin"][0]._views if isinstance(view, Table)]
    check_all([(admin, view) for view in views], check_table)


def check_table(admin: Person, view: Table) -> None:
    base = f"/admin/data/{view.name}/"
    html = read(admin, base)
    assert "Details" in html
    for link in set(re.findall(rf'href="({re.escape(base)}details/[^"]*)"', html)):
        read(admin, unescape(link))
    for number, _column in enumerate(view.column_list):
        read(admin, f"{base}?sort={number}&desc={number % 2}")
    filters = list(view._filter_args)
    for begin in range(0, len(filters), MAX_FILTERS):
        chosen = filters[begin : begin + MAX_FILTERS]
        query = "&".join(f"flt{number}_{name}={value_for(name)}" for number, name in enumerate(chosen))
        read(admin, f"{base}?{query}&search=b&page=1")
        read(admin, f"{base}export/csv/?{query}")
    read(admin, f"{base}?filter={filters[0]}&value={value_for(filters[0])}")
    rows = list(csv.DictReader(io.StringIO(without_mark(read(admin, f"{base}export/csv/")))))
    assert len(rows) >= ROWS
    assert any(all(row[name] for name in view.column_list) for row in rows), rows


def read(admin: Person, path: str) -> str:
    answer = admin.get(path)
    assert answer.status_code == 200, f"{answer.status_code} for {path}"
    return answer.get_data(as_text=True)


def value_for(name: str) -> str:
    return next(value for end, value in VALUES.items() if name.endswith(end.replace(" ", "_")))
