"""The dashboard of cable tickets: figures as links, and charts with their tables."""

import re

from flask import Flask

from request_tracker_utils.cable_tickets.charts import column_chart
from request_tracker_utils.cable_tickets.feature import fill_demo
from request_tracker_utils.cable_tickets.models import Ticket
from request_tracker_utils.cable_tickets.views.dashboard import duration
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import demo as stock
from tests.services.apps import signed_in
from tests.services.tables import check_all


def test_it_begins_with_a_hint_and_then_counts(app: Flask) -> None:
    client = signed_in(app, "admin", "root")
    assert "No tickets yet" in client.get("/tickets").get_data(as_text=True)
    with app.app_context():
        stock.fill(transaction, now=utc_now())
        fill_demo()
        with reading() as session:
            tickets = session.query(Ticket).all()
            counts = {status: sum(ticket.status == status for ticket in tickets) for status in {ticket.status for ticket in tickets}}
    page = client.get("/tickets").get_data(as_text=True)
    for status, count in counts.items():
        assert re.search(rf'<a[^>]* href="/tickets/list\?tab=all&amp;status={status}"[^>]*>{count}\b', page), status
    assert page.count('<svg class="week-chart"') == 1
    assert page.count("<table") >= 5, "each chart has a table"
    links = set(re.findall(r'href="(/tickets/list[^"]*)"', page))
    assert {"/tickets/list?tab=decide", "/tickets/list?tab=mine", "/tickets/list?tab=all&amp;mine=assigned"} <= links

    def opens(link: str) -> None:
        assert client.get(link.replace("&amp;", "&")).status_code == 200

    check_all([(link,) for link in links], opens)


def test_columns_start_on_the_axis_and_stay_below_its_top() -> None:
    chart = column_chart(["a", "b", "c", "d"], [0, 3, 7, 1], [5, 0, 0, 2], label_every=3)
    assert [line.number for line in chart.lines] == [0, 5, 10]
    assert [label.text for label in chart.labels] == ["a", "d"]
    ground = chart.lines[0].y
    assert {round(column.y + column.height, 1) for column in chart.columns} == {round(ground, 1)}
    assert (len(chart.columns), min(column.y for column in chart.columns) > chart.lines[-1].y) == (5, True)
    assert max(column.x + column.width for column in chart.columns) <= chart.width
    empty = column_chart(["a"], [0])
    assert (empty.columns, [line.number for line in empty.lines]) == ([], [0, 1])


def test_durations_are_rounded() -> None:
    def rounds(minutes: int | None, expected: str) -> None:
        assert duration(minutes) == expected

    table = [
        (None, "–"),
        (0, "0 min"),
        (59, "59 min"),
        (90, "1.5 h"),
        (120, "2 h"),
        (700, "12 h"),
        (3_600, "2.5 days"),
        (43_200, "30 days"),
    ]
    check_all(table, rounds)
