"""The pages of the stock in a browser without scripts: what is entered, what is refused and where, and what the ledger says then."""

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.inventory import counting, demo, reorder, service
from request_tracker_utils.inventory.models import CableReceipt, Movement, StockCountRow
from request_tracker_utils.inventory.stock import find_imbalances
from tests.services.apps import csrf_token, run_job, signed_in
from tests.services.csv_files import without_mark
from tests.services.forms import PAGE, button, submit
from tests.services.stocking import HOW, delivered, line, reserved, taken
from tests.services.tables import check_all

RECORD, PREVIEW = "Record delivery", "Preview balances"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return signed_in(app, "staff")


def words(answer: TestResponse | str) -> str:
    """The text of a page, without markup."""
    text = answer if isinstance(answer, str) else answer.get_data(as_text=True)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def on_hand() -> dict[str, int]:
    with reading() as session:
        assert find_imbalances(session) == []
        return {f"{row.cable_type} {row.cable_length}": row.on_hand for row in service.on_hand(session, include_zero=True)}


def ledger() -> list[tuple[str, int, str]]:
    with reading() as session:
        found = session.scalars(select(Movement).order_by(Movement.id))
        return [(each.movement_type, each.quantity_delta, each.notes) for each in found]


def receive(client: FlaskClient, *rows: tuple[str, str, str], do: str = "record", key: str = "form-1", **head: str) -> TestResponse:
    columns = {name: [row[number] for row in rows] for number, name in enumerate(("cable_type", "cable_length", "quantity"))}
    form: dict[str, Any] = {"csrf_token": csrf_token(client, "/stock/receive"), "request_key": key, "do": do, **columns, **head}
    return client.post("/stock/receive", data=form, headers=PAGE)


def errors(page: str) -> list[str]:
    return [words(each) for each in re.findall(r'<p class="field-error[^>]*>(.*?)</p>', page, re.DOTALL)]


class TestStock:
    def test_rows_are_grouped_filtered_and_searched(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            assert "No stock yet" in client.get("/stock", headers=PAGE).text
            delivered(("Cat6", "100 ft", 5), ("cat6", "30 m", 2), ("Fiber", "spool", 1), ("Gone", "1 m", 1))
            taken("Gone", "1 m", 1)
            reserved(7, line("100ft", 3))
            with transaction() as session:
                reorder.set_levels(session, 1, threshold=4, target=10, **HOW)  # type: ignore[arg-type]
        text = words(client.get("/stock", headers=PAGE))
        assert "Length On hand Reserved Available" in text
        assert "Cat6 Cat6, 100 ft Low 5 3 2 Take out" in text
        assert "cat6, 30 m 2 0 2" in text
        assert "Gone" not in text

        def finds(query: str, *expected: str) -> None:
            page = client.get("/stock", query_string=query, headers=PAGE).text
            found = [words(each) for each in re.findall(r'<td class="first"><a [^>]*>(.*?)</a>', page, re.DOTALL)]
            assert sorted(found) == sorted(expected), found

        cat, meters, fiber = "Cat6, 100 ft", "cat6, 30 m", "Fiber, spool"
        rows: list[tuple[str, ...]] = [
            ("q=cat", cat, meters),
            ("q=CAT6+100ft", cat),
            ("q=100'", cat),
            ("q=spool", fiber),
            ("q=fiber+spo", fiber),
            ("q=cat6+100+m",),
            ("q=%25",),
            ("only=low", cat),
            ("only=reserved", cat),
            ("only=all", cat, meters, fiber, "Gone, 1 m"),
            ("only=nonsense", cat, meters, fiber),
        ]
        check_all(rows, finds)

    def test_a_reader_sees_the_stock_without_buttons(self, app: Flask) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5))
        teacher = signed_in(app, "teacher", "tom")
        for path in ("/stock", "/stock/1", "/stock/movements"):
            page = teacher.get(path, headers=PAGE).text
            assert "100 ft" in page
            assert not re.search(r"Take out|Receive\b|Reverse\b|Adjust stock|Reorder", words(page.split("<main", 1)[1])), path

    def test_the_export_has_every_row(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5), ("=cmd()", "spool", 2))
        rows = list(csv.reader(io.StringIO(without_mark(client.get("/stock/stock.csv").text))))
        assert rows == [
            ["cable_type", "cable_length", "on_hand", "reserved", "available", "backordered", "threshold", "target"],
            ["'=cmd()", "spool", "2", "0", "2", "0", "", ""],
            ["Cat6", "100 ft", "5", "0", "5", "0", "", ""],
        ]


class TestOneRow:
    def test_pieces_are_taken_returned_and_adjusted(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5))
        for words_of_button, fields in (
            ("Take out", {"quantity": "2", "notes": "Room 12"}),
            ("Return to stock", {"quantity": "1", "notes": ""}),
            ("Adjust stock", {"change": "-1", "reason": "Damaged"}),
            ("Adjust stock", {"change": "+3", "reason": "Found"}),
        ):
            assert submit(client, "/stock/1", words_of_button, **fields).status_code == 303
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 6}
            assert ledger()[1:] == [
                ("consumption", -2, "Room 12"),
                ("return", 1, ""),
                ("adjustment", -1, "Damaged"),
                ("adjustment", 3, "Found"),
            ]
        text = words(client.get("/stock/1", headers=PAGE))
        assert "Balance over the last 5 movements" in text
        assert "−2 Taken out, balance 3" in text
        assert "+3" in text

    def test_what_is_refused_is_said_beside_the_field_and_stays_entered(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5))
            reserved(7, line("100 ft", 2))

        def is_refused(words_of_button: str, fields: dict[str, str], status: int, reason: str) -> None:
            answer = submit(client, "/stock/1", words_of_button, **fields)
            assert answer.status_code == status
            assert len(errors(answer.text)) == 1
            assert reason in errors(answer.text)[0]
            for value in fields.values():
                assert not value or f'value="{value}"' in answer.text, value

        whole = "whole number"
        numbers = ["", "0", "-1", "NaN", "two", "1.5", "1e3", "10000000", "999999999999", "½"]
        rows = [("Take out", {"quantity": each, "notes": "Gym"}, 400, whole) for each in numbers if each]
        rows += [("Return to stock", {"quantity": each, "notes": "Gym"}, 400, whole) for each in numbers if each]
        rows += [("Adjust stock", {"change": each, "reason": "Lost"}, 400, whole) for each in numbers if each != "-1"]
        rows += [
            ("Take out", {"quantity": "4", "notes": "Gym"}, 409, "3 pieces"),
            ("Adjust stock", {"change": "-6", "reason": "Lost"}, 409, "available"),
            ("Adjust stock", {"change": "1", "reason": ""}, 400, "Enter the reason"),
            ("Adjust stock", {"change": "1", "reason": "x" * 1001}, 400, "at most 1,000"),
        ]
        check_all(rows, is_refused)
        with app.app_context():
            assert (on_hand(), len(ledger())) == ({"Cat6 100 ft": 5}, 1)
        assert client.get("/stock/99", headers=PAGE).status_code == 404

    def test_a_form_that_is_sent_twice_acts_once(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5))
        pressed = button(client.get("/stock/1", headers=PAGE).text, "Take out")
        for _ in range(2):
            assert client.post(pressed.action, data={**pressed.fields, "quantity": "2", "notes": ""}).status_code == 303
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 3}


class TestTakeOut:
    QUERY = "/stock/take-out?cable_type=cat6&cable_length=100ft&quantity="

    def test_exact_pieces_come_first_then_the_shortest_to_cut(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 2), ("Cat6", "1,000 ft", 1), ("Cat6", "250 ft", 1), ("Cat6", "300 m", 1))
        text = words(client.get(f"{self.QUERY}2", headers=PAGE))
        assert "2 pieces of 100 ft 2 available Cut from 250 ft 1 available Cut from 1,000 ft 1 available" in text
        assert submit(client, f"{self.QUERY}2", "Take out", offer="exact").status_code == 303
        text = words(client.get(f"{self.QUERY}1", headers=PAGE))
        assert "Cut 1 × 100ft from a piece of 250 ft 150 ft remains and goes back on the shelf." in text
        assert "300 m" not in text.split("Take from")[1]
        assert submit(client, f"{self.QUERY}1", "Take out", offer="cut").status_code == 303
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 0, "Cat6 150 ft": 1, "Cat6 250 ft": 0, "Cat6 1,000 ft": 1, "Cat6 300 m": 1}
        long = words(client.get(f"{self.QUERY}1", headers=PAGE))
        assert "from a piece of 150 ft" in long
        chosen = re.search(r'value="(\d+)"> <span>Cut from 1,000 ft', client.get(f"{self.QUERY}1", headers=PAGE).text)
        assert chosen
        answer = submit(client, f"{self.QUERY}1", "Take out", offer=chosen[1], notes="Gym")
        text = words(client.get(answer.location, headers=PAGE))
        assert "1 piece of Cat6, 1,000 ft was taken out. A remnant of 900 ft is back on the shelf." in text

    def test_without_enough_nothing_is_offered(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 2), ("Cat6", "spool", 2))

        def is_refused(query: str, status: int, reason: str) -> None:
            answer = client.get("/stock/take-out", query_string=query, headers=PAGE)
            assert (answer.status_code, reason in words(answer)) == (status, True), words(answer)[-400:]
            assert "Take from" not in answer.text or status == 200

        check_all(
            [
                ("cable_type=Cat6&cable_length=100ft&quantity=3", 200, "2 pieces of Cat6 100 ft are available, and 3 are needed."),
                ("cable_type=Cat6&cable_length=200ft&quantity=1", 200, "The stock has no Cat6 200ft."),
                ("cable_type=Cat6&cable_length=10m&quantity=1", 200, "The stock has no Cat6 10m."),
                ("cable_type=Cat6&cable_length=100ft&quantity=0", 400, "whole number"),
                ("cable_type=Cat6&cable_length=100ft&quantity=-1", 400, "whole number"),
                ("cable_type=Cat6&cable_length=100ft&quantity=NaN", 400, "whole number"),
                ("cable_type=Cat6&cable_length=-1ft&quantity=1", 400, "cannot be negative"),
                ("cable_type=Cat6&cable_length=0ft&quantity=1", 400, "cannot be zero"),
                ("cable_type=Cat6&cable_length=1+parsec&quantity=1", 400, "not a unit of length"),
            ],
            is_refused,
        )

    def test_pieces_that_others_took_meanwhile_are_refused(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 2))
        pressed = button(client.get(f"{self.QUERY}2", headers=PAGE).text, "Take out")
        with app.app_context():
            taken("Cat6", "100 ft", 1)
        answer = client.post(pressed.action, data={**pressed.fields, "offer": "exact"}, headers=PAGE)
        assert (answer.status_code, "1 piece of Cat6 100 ft is available, and 2 are needed." in words(answer)) == (409, True)
        for offer in ("77", "nonsense"):
            assert client.post(pressed.action, data={**pressed.fields, "offer": offer}, headers=PAGE).status_code in (404, 409), offer
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 1}


class TestReceive:
    ROWS = (("Cat6", "100 ft", "5"), ("", "", ""), ("cat6", "100ft", "2"), ("Fiber", "spool", "1"))

    def test_a_delivery_is_previewed_recorded_once_and_undone(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 1))
        preview = words(receive(client, *self.ROWS, do="preview", vendor="Graybar")).split("Resulting balances", 1)[1]
        assert "Cat6, 100 ft 2 rows together 1 +7 8" in preview
        assert "Fiber, spool new" in preview
        assert "it gets a row of its own. 0 +1 1" in preview
        answers = [receive(client, *self.ROWS, vendor="Graybar", packing_slip="4711") for _ in range(2)]
        assert [answer.location for answer in answers] == ["/stock/receive/2?key=form-1"] * 2
        page = client.get(answers[0].location, headers=PAGE)
        assert "This delivery was already recorded." in words(page)
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 8, "Fiber spool": 1}
        undo = submit(client, "/stock/receive/2", "Undo delivery", reason="Wrong vendor")
        assert "The delivery was undone." in client.get(undo.location, headers=PAGE).text
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 1, "Fiber spool": 0}
            assert [each[0] for each in ledger()] == ["receipt"] * 4 + ["reversal"] * 3
        assert receive(client, *self.ROWS, vendor="Anixter", packing_slip="4711", key="form-2").status_code == 303

    def test_every_bad_row_is_marked_and_stays_entered(self, client: FlaskClient, app: Flask) -> None:
        def is_refused(row: tuple[str, str, str], reason: str) -> None:
            answer = receive(client, ("Good", "3 ft", "1"), row)
            assert (answer.status_code, len(errors(answer.text))) == (400, 1), errors(answer.text)
            assert reason in errors(answer.text)[0]
            assert all(f'value="{unescape(value)}"' in unescape(answer.text) for value in row if value)

        whole = "whole number"
        check_all(
            [
                (("", "100 ft", "5"), "Enter the cable type"),
                (("Cat6", "", "5"), "Enter the length"),
                (("Cat6", "100 ft", ""), whole),
                (("Cat6", "100 ft", "0"), whole),
                (("Cat6", "100 ft", "-3"), whole),
                (("Cat6", "100 ft", "1.5"), whole),
                (("Cat6", "100 ft", "NaN"), whole),
                (("Cat6", "100 ft", "Infinity"), whole),
                (("Cat6", "100 ft", "five"), whole),
                (("Cat6", "100 ft", "1000001"), whole),
                (("Cat6", "100 ft", "9" * 12), whole),
                (("Cat6", "-100 ft", "5"), "cannot be negative"),
                (("Cat6", "0 ft", "5"), "cannot be zero"),
                (("Cat6", "NaN", "5"), "not a length"),
                (("Cat6", "1e9 ft", "5"), "not a length"),
                (("Cat6", "99999999 ft", "5"), "larger than"),
                (("Cat6", "100 fet", "5"), "not a unit of length"),
                (("Cat6", "x" * 61, "5"), "at most 60 characters"),
                (("y" * 61, "100 ft", "5"), "at most 60 characters"),
            ],
            is_refused,
        )
        both = receive(client, ("", "100 ft", "5"), ("Cat6", "-1 ft", "x"))
        assert len(errors(both.text)) == 2, "all at once"
        assert "Enter the cable that was delivered" in words(receive(client, ("", "", "")))
        assert "at most 500 rows" in words(receive(client, *[("Cat6", f"{number} ft", "1") for number in range(1, 502)]))
        for field, value in (("vendor", "x" * 101), ("po_number", "x" * 61), ("packing_slip", "x" * 61), ("notes", "x" * 1001)):
            answer = receive(client, ("Cat6", "1 ft", "1"), **{field: value})
            assert (answer.status_code, f'id="{field}-error"' in answer.text) == (400, True), field
        with app.app_context():
            assert ledger() == []

    def test_a_packing_slip_is_recorded_once_for_each_vendor(self, client: FlaskClient, app: Flask) -> None:
        row = ("Cat6", "100 ft", "5")
        assert receive(client, row, vendor="Graybar", packing_slip="PS-1").status_code == 303
        again = receive(client, row, vendor="GRAYBAR ", packing_slip="ps-1", key="form-2")
        assert (again.status_code, 'href="/stock/receive/1"' in again.text) == (409, True)
        assert "already received, as delivery 1" in errors(again.text)[0]
        assert receive(client, row, vendor="Anixter", packing_slip="PS-1", key="form-3").status_code == 303
        other = receive(client, ("Cat6", "100 ft", "6"), vendor="Graybar", packing_slip="PS-2", key="form-1")
        assert (other.status_code, "Send a new key" in words(other)) == (409, True)
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 10}

    def test_enter_adds_a_row_without_scripts(self, client: FlaskClient) -> None:
        page = client.get("/stock/receive", headers=PAGE).text
        assert button(page, "Next field").fields["do"] == "add", "the first button of the form is what Enter presses"
        added = receive(client, ("Cat6", "100 ft", "5"), do="add")
        assert (added.status_code, added.text.count("data-row")) == (200, 3), "the row, a blank one, and the pattern for scripts"
        assert re.search(r'id="type-2"[^>]* autofocus', added.text)

    def test_an_undo_that_the_shelf_cannot_cover_says_how_many_are_left(self, client: FlaskClient, app: Flask) -> None:
        receive(client, ("Cat6", "100 ft", "5"))
        with app.app_context():
            taken("Cat6", "100 ft", 2)
        answer = submit(client, "/stock/receive/1", "Undo delivery", reason="Oops")
        assert "3 pieces of Cat6 100 ft are available, and 5 are needed." in words(client.get(answer.location, headers=PAGE))
        answer = submit(client, "/stock/receive/1", "Undo delivery", reason="")
        assert "Enter the reason." in client.get(answer.location, headers=PAGE).text
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 3}


class TestCount:
    @pytest.fixture(autouse=True)
    def shelf(self, app: Flask) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 3), ("Fiber", "3 m", 2))

    def start(self, client: FlaskClient, **fields: str) -> str:
        return str(submit(client, "/stock/count", "Start counting", **fields).location)

    def counted(self) -> list[tuple[int, int, str]]:
        with reading() as session:
            found = session.scalars(select(StockCountRow).order_by(StockCountRow.id))
            return [(each.counted, each.expected, each.reason) for each in found]

    def test_rows_are_counted_one_after_another_and_differences_need_a_reason(self, app: Flask, client: FlaskClient) -> None:
        page = self.start(client, cable_type="Cat6", title="Shelf B")
        text = words(client.get(page, headers=PAGE).text.split("<main", 1)[1])
        assert "0 of 2 rows counted" in text
        assert "Cat6, 50 ft Pieces on the shelf" in text
        assert "not counted" in text
        assert "expected" not in text.split("Rows")[0], "only after counting"
        answer = submit(client, page, "Next", counted="3")
        text = words(client.get(answer.location, headers=PAGE))
        assert "1 of 2 rows counted" in text
        assert "Cat6, 100 ft Pieces on the shelf" in text
        asked = submit(client, answer.location, "Next", counted="4")
        assert (asked.status_code, "counted 4 expected 5 difference −1 Reason" in words(asked)) == (400, True)
        pressed = button(asked.text, "Record the difference")
        refused = client.post(pressed.action, data={**pressed.fields, "reason": "  "}, headers=PAGE)
        assert refused.status_code == 400
        done = client.post(pressed.action, data={**pressed.fields, "reason": "Taken without a record"}, headers=PAGE)
        text = words(client.get(done.location, headers=PAGE))
        assert "All rows are counted." in text
        assert "difference −1" in text
        with app.app_context():
            assert self.counted() == [(3, 3, ""), (4, 5, "Taken without a record")]
            assert on_hand() == {"Cat6 50 ft": 3, "Cat6 100 ft": 4, "Fiber 3 m": 2}
        submit(client, page, "Finish count")
        assert "This count was finished" in words(client.get(page, headers=PAGE))
        assert "finished" in words(client.get("/stock/count", headers=PAGE))

    def test_what_moves_while_a_row_is_counted_is_asked_about(self, app: Flask, client: FlaskClient) -> None:
        """Five were there. Two were taken, before or after the person counted."""
        for position, (moment, number, left) in enumerate((("I counted before", "5", 3), ("I counted after", "1", 1))):
            page = self.start(client, cable_type="Cat6") + "?row=1"
            opened = button(client.get(page, headers=PAGE).text, "Next")
            with app.app_context():
                taken("Cat6", "100 ft", 2)
            asked = client.post(opened.action, data={**opened.fields, "counted": number}, headers=PAGE)
            assert "Did you count before or after that? −2 Taken out ada" in words(asked), position
            pressed = button(asked.text, moment)
            answer = client.post(pressed.action, data=pressed.fields, headers=PAGE)
            assert answer.status_code == 303, errors(answer.text)
            with app.app_context():
                assert on_hand()["Cat6 100 ft"] == left

    def test_a_row_that_was_counted_or_corrected_by_others_is_counted_again(self, app: Flask, client: FlaskClient) -> None:
        page = self.start(client)
        first = button(client.get(f"{page}?row=1", headers=PAGE).text, "Next")
        second = button(client.get(f"{page}?row=1", headers=PAGE).text, "Next")
        assert client.post(first.action, data={**first.fields, "counted": "5"}).status_code == 303
        again = client.post(second.action, data={**second.fields, "counted": "5"}, headers=PAGE)
        assert (again.status_code, "already counted this row: 5" in words(again)) == (409, True)
        assert submit(client, f"{page}?row=1", "Next", counted="5").status_code == 303, "who opens a counted row means to count it again"
        opened = button(client.get(f"{page}?row=2", headers=PAGE).text, "Next")
        with app.app_context(), transaction() as session:
            service.adjust(session, "Cat6", "50 ft", -1, reason="Lost", **HOW)  # type: ignore[arg-type]
        asked = client.post(opened.action, data={**opened.fields, "counted": "2"}, headers=PAGE)
        pressed = button(asked.text, "I counted before")
        refused = client.post(pressed.action, data=pressed.fields, headers=PAGE)
        assert (refused.status_code, "Count it again." in words(refused)) == (409, True)
        with app.app_context():
            assert on_hand()["Cat6 50 ft"] == 2

    def test_bad_numbers_are_refused_beside_the_field(self, app: Flask, client: FlaskClient) -> None:
        page = self.start(client)

        def is_refused(number: str) -> None:
            answer = submit(client, page, "Next", counted=number)
            assert (answer.status_code, "whole number from 0" in errors(answer.text)[0]) == (400, True)

        check_all([(number,) for number in ("", "-1", "NaN", "five", "1.5", "1e3", "1000001", "9" * 12)], is_refused)
        opened = button(client.get(page, headers=PAGE).text, "Next")
        for seen in ("", "x", "-1", "9" * 12):
            assert client.post(opened.action, data={**opened.fields, "seen": seen, "counted": "1"}).status_code == 303, seen
        unknown = client.post(opened.action, data={**opened.fields, "seen": "999999", "counted": "1"}, headers=PAGE)
        assert unknown.status_code == 400
        assert client.get("/stock/count/99", headers=PAGE).status_code == 404
        with app.app_context():
            assert self.counted() == []

    def test_a_finished_count_takes_no_more_numbers(self, app: Flask, client: FlaskClient) -> None:
        page = self.start(client, cable_type="Fiber")
        opened = button(client.get(page, headers=PAGE).text, "Next")
        with app.app_context(), transaction() as session:
            counting.finish(session, 1, now=HOW["now"])  # type: ignore[arg-type]
        answer = client.post(opened.action, data={**opened.fields, "counted": "2"})
        assert "This count is finished." in words(client.get(answer.location, headers=PAGE))
        assert "This count is finished." in words(client.get(client.post(f"{page}/finish", data=opened.fields).location, headers=PAGE))


class TestMovements:
    def test_they_are_filtered_paged_and_exported(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 200), ("Fiber", "3 m", 2))
            for _ in range(120):
                taken("Cat6", "100 ft", 1)
        seen, address = [], "/stock/movements?movement_type=consumption&stock_id=1"
        while address:
            page = client.get(address, headers=PAGE).text
            seen += re.findall(r'id="movement-(\d+)"', page)
            older = re.search(r'rel="next" href="([^"]+)"', page)
            address = unescape(older[1]) if older else ""
        assert seen == [str(number) for number in range(122, 2, -1)]
        exported = list(
            csv.DictReader(io.StringIO(without_mark(client.get("/stock/movements/movements.csv?source_type=cable_receiving").text)))
        )
        assert [(each["cable_type"], each["quantity_delta"], each["balance"], each["by"]) for each in exported] == [
            ("Fiber", "2", "2", "ada"),
            ("Cat6", "200", "200", "ada"),
        ]
        assert "No movements" in client.get("/stock/movements?movement_type=return", headers=PAGE).text

    def test_one_is_reversed_once_with_a_reason(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5))
        pressed = button(client.get("/stock/movements", headers=PAGE).text, "Reverse movement")
        refused = client.post(pressed.action, data={**pressed.fields, "reason": ""}, headers=PAGE)
        assert (refused.status_code, errors(refused.text)) == (400, ["Enter the reason."])
        pressed = button(refused.text, "Reverse movement")
        for _ in range(2):
            assert client.post(pressed.action, data={**pressed.fields, "reason": "Wrong"}).status_code == 303
        page = client.get("/stock/movements", headers=PAGE).text
        assert "Reverse movement" not in page
        assert "of movement 1" in page
        again = {**pressed.fields, "reason": "Wrong", "request_key": "another"}
        for movement, reason in (("1", "was already reversed, by movement 2"), ("2", "is a reversal and cannot be reversed")):
            answer = client.post(f"/stock/movements/{movement}/reverse", data=again, headers=PAGE)
            assert (answer.status_code, reason in words(answer)) == (409, True), movement
        assert client.post("/stock/movements/99/reverse", data={**again, "request_key": "third"}, headers=PAGE).status_code == 404
        with app.app_context():
            assert on_hand() == {"Cat6 100 ft": 0}


class TestReorder:
    def test_levels_are_edited_in_place_and_decide_what_to_order(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5), ("Cat6", "50 ft", 5), ("Fiber", "3 m", 2))
            reserved(7, line("100 ft", 7))
        page = client.get("/stock/reorder", headers=PAGE).text
        assert "Cat6, 100 ft 2 0 2 –" in words(page), "open back-orders alone"
        levels = {"threshold-1": "", "target-1": "", "threshold-2": "5", "target-2": "12", "threshold-3": "4", "target-3": "1"}
        answer = submit(client, "/stock/reorder", "Save levels", **levels)
        assert (answer.status_code, errors(answer.text)) == (400, ["The target cannot be less than the threshold."])
        text = words(answer)
        assert "The levels of 1 row were saved." in text
        assert "1 row was not saved. Correct it below." in text
        assert 'name="target-3" value="1"' in answer.text
        assert submit(client, "/stock/reorder", "Save levels", **{**levels, "target-3": "9"}).status_code == 303
        rows = list(csv.reader(io.StringIO(without_mark(client.get("/stock/reorder/order.csv").text))))
        assert [row[:5] for row in rows[1:]] == [
            ["Cat6", "50 ft", "7", "5", "0"],
            ["Cat6", "100 ft", "2", "0", "2"],
            ["Fiber", "3 m", "7", "2", "0"],
        ]
        answer = submit(client, "/stock/reorder", "Save levels", **{**levels, "target-3": "9"})
        assert "No level was changed." in client.get(answer.location, headers=PAGE).text

    def test_bad_levels_are_refused_beside_the_field(self, app: Flask, client: FlaskClient) -> None:
        with app.app_context():
            delivered(("Cat6", "100 ft", 5))

        def is_refused(threshold: str, target: str, reason: str) -> None:
            answer = submit(client, "/stock/reorder", "Save levels", **{"threshold-1": threshold, "target-1": target})
            assert (answer.status_code, len(errors(answer.text))) == (400, 1)
            assert reason in errors(answer.text)[0]

        whole = "whole number from 0"
        check_all(
            [
                ("-1", "5", whole),
                ("NaN", "5", whole),
                ("two", "5", whole),
                ("1.5", "5", whole),
                ("1", "10000000", whole),
                ("1", "", "or neither"),
                ("", "5", "or neither"),
                ("6", "5", "less than the threshold"),
            ],
            is_refused,
        )
        for fields in ({"threshold-99": "1", "target-99": "2"}, {"threshold-x": "1"}, {"threshold-1": "1"}):
            assert submit(client, "/stock/reorder", "Save levels", **fields).status_code == 303, fields


def test_cable_types_are_added_changed_and_suggested(app: Flask, client: FlaskClient) -> None:
    page = "/stock/cable-types"
    assert submit(client, page, "Add type", name="Cat6A", gauges="23 AWG; 24 AWG", lengths="3 ft\n1,000 ft; 3ft").status_code == 303

    def is_refused(name: str, lengths: str, status: int, reason: str) -> None:
        answer = submit(client, page, "Add type", name=name, gauges="", lengths=lengths)
        assert (answer.status_code, len(errors(answer.text))) == (status, 1)
        assert reason in errors(answer.text)[0]

    check_all(
        [
            ("", "", 400, "Enter the cable type"),
            ("x" * 61, "", 400, "at most 60"),
            ("CAT6a", "", 409, "already a cable type"),
            ("Cat7", "-3 ft", 400, "cannot be negative"),
            ("Cat7", "NaN", 400, "not a length"),
            ("Cat7", "3 parsecs", 400, "not a unit of length"),
        ],
        is_refused,
    )
    form = client.get("/stock/receive", headers=PAGE).text
    assert re.search(r'<datalist id="types"><option value="Cat6A">', form)
    assert re.findall(r'<option value="([^"]*)">', form.split('id="lengths"')[1].split("</datalist>")[0]) == ["3 ft", "1,000 ft"]
    assert submit(client, page, "Save type", name="Cat6A", gauges="", lengths="7 ft").status_code == 303
    assert "inactive" in client.get(page, headers=PAGE).text
    assert 'value="Cat6A"' not in client.get("/stock/receive", headers=PAGE).text


def test_files_of_stock_and_deliveries_are_imported_on_their_pages(app: Flask, client: FlaskClient) -> None:
    for page, data, title in (
        ("/stock/import", b"Cable Type,Length,On Hand\nCat6,100 ft,5\nCat6,-1 ft,5\n", "Import stock"),
        ("/stock/receive/import", b"Packing Slip,Cable Type,Length,Quantity\n4711,Cat6,100ft,2\n", "Import deliveries"),
    ):
        form = {"csrf_token": csrf_token(client, page), "file": (io.BytesIO(data), "list.csv")}
        file = client.post(page, data=form, content_type="multipart/form-data", headers=PAGE).location
        columns = {name: str(number) for number, name in enumerate(("cable_type", "cable_length", "on_hand"))}
        if "receive" in page:
            columns = {name: str(number) for number, name in enumerate(("packing_slip", "cable_type", "cable_length", "quantity"))}
        submit(client, file, "Preview changes", **columns)
        run_job(app, "run-tasks")
        assert "Cat6, 100" in client.get(file, headers=PAGE).text
        submit(client, file, title)
        run_job(app, "run-tasks")
    with app.app_context():
        assert on_hand() == {"Cat6 100 ft": 7}
    text = words(client.get(file, headers=PAGE))
    assert "0 created, 0 changed, 1 movement" in text
    submit(client, file, "Undo import")
    run_job(app, "run-tasks")
    with app.app_context():
        assert on_hand() == {"Cat6 100 ft": 5}
        with reading() as session:
            assert session.scalars(select(CableReceipt.reversed_at)).one() is not None


def test_the_sample_stock_is_consistent_and_only_for_an_empty_database(app: Flask) -> None:
    with app.app_context():
        assert demo.is_empty(reading)
        rows = demo.fill(transaction, now=HOW["now"])  # type: ignore[arg-type]
        assert (len(on_hand()), demo.is_empty(reading)) == (rows, False)
        with reading() as session:
            assert {each.row.cable_type for each in reorder.suggestions(session)} >= {"Cat6", "OS2 LC-SC"}
