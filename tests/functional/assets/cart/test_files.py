"""Files with a cart's assets: read, their columns mapped, or refused with what to do."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.assets.models import Intake
from tests.functional.assets.cart.lists import (
    HERE,
    PAGE,
    count,
    press,
    problem_at,
    rows,
    send,
    serials,
    show,
)
from tests.services.apps import csrf_token


class TestAFile:
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
    def test_is_read_as_spreadsheets_write_it(self, client: FlaskClient, encoding: str) -> None:
        data = "Serial Number;Model;Room\r\nA1;Größe 14;1;2;3;4;5;6\r\nB2;Größe 15\r\n".encode(encoding)
        address = send(client, file=(data, "cart 4.csv"))
        assert [row[1:3] for row in rows(show(client, address))] == [
            ["A1", "Dell Größe 14 Laptop · Title I · Chromebooks"],
            ["B2", "Dell Größe 15 Laptop · Title I · Chromebooks"],
        ]
        assert "cart 4.csv" in show(client, HERE)

    def test_has_its_columns_said_by_hand(self, client: FlaskClient) -> None:
        address = send(client, file=(b"Nummer,Typ,Ort\nA1,G10,12\nB2,G11,13\n", "liste.csv"))
        assert [row[:2] for row in rows(show(client, address))] == [["1", "Nummer"], ["2", "A1"], ["3", "B2"]]
        press(client, address, "Use these columns", serial_number="0", model="1", first_is_head="on")
        assert [row[:3] for row in rows(show(client, address))] == [
            ["2", "A1", "Dell G10 Laptop · Title I · Chromebooks"],
            ["3", "B2", "Dell G11 Laptop · Title I · Chromebooks"],
        ]

    def test_whose_heading_says_otherwise_has_the_columns_that_somebody_said(self, client: FlaskClient) -> None:
        address = send(client, "Number,Model,Brand name\nA1,Cart 1,HP\nB2,Cart 2,HP\n")
        press(client, address, "Use these columns", serial_number="0", internal_name="1", manufacturer="2", first_is_head="on")
        assert rows(show(client, address))[0][:3] == ["2", "A1", "HP Chromebook 3100 Cart 1 · Laptop · Title I · Chromebooks"]

    @pytest.mark.parametrize(
        ("chosen", "said"),
        [
            ({"serial_number": "0", "model": "0"}, "Two fields have the same column"),
            ({"serial_number": "7"}, "no such column"),
            ({"serial_number": "-1"}, "no such column"),
            ({"serial_number": "99999999999999999999"}, "no such column"),
            ({"serial_number": "x"}, "no such column"),
        ],
    )
    def test_keeps_its_columns_where_what_is_said_cannot_be(self, client: FlaskClient, chosen: dict[str, str], said: str) -> None:
        address = send(client, "Serial,Model\nA1,G10")
        press(client, address, "Use these columns", **chosen)
        page = show(client, address)
        assert said in page
        assert rows(page)[0][1:3] == ["A1", "Dell G10 Laptop · Title I · Chromebooks"]

    def test_without_serial_numbers_says_where_to_look(self, client: FlaskClient) -> None:
        address = send(client, "red,green\nblue,white")
        assert "Say below in which column the serial numbers are." in show(client, address)

    def test_beside_a_pasted_list_is_one_too_many(self, client: FlaskClient) -> None:
        page = send(client, "A1", file=(b"B2\n", "b.csv"), status=400)
        assert problem_at(page, "lines") == "There is a file and a list. Send one of them: empty the list, or take the file away."
        assert re.search(r"<textarea[^>]*>\s*A1\s*</textarea>", page)


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            ("", "The list is empty"),
            ('A1\n"B2\nC3', "The row in line 2 cannot be read"),
            ("A1\x00B2", "This is not text"),
        ],
    )
    def test_is_said_above_the_list_which_stays(self, app: Flask, client: FlaskClient, lines: str, said: str) -> None:
        page = send(client, lines, status=400)
        assert said in page
        assert 'value="Chromebook 3100"' in page
        assert count(app, Intake) == 0

    def test_is_a_workbook_and_the_field_of_the_file_says_so(self, client: FlaskClient) -> None:
        page = send(client, file=(b"PK\x03\x04xx", "cart.xlsx"), status=400)
        assert problem_at(page, "file") == "The file is a workbook. Save the sheet as CSV, then upload that file."

    def test_is_a_list_of_ten_thousand(self, app: Flask, client: FlaskClient) -> None:
        page = send(client, serials(10_000), status=400)
        assert "The list has 10,000 rows; the maximum is 2,000. Split it." in page
        assert "CART-10000" in page
        assert count(app, Intake) == 0

    @pytest.mark.parametrize("way", ["pasted", "file"])
    def test_is_more_than_a_request_may_hold_and_a_page_says_what_to_do(self, client: FlaskClient, way: str) -> None:
        large = "A" * (1024 * 1024 + 1)
        page = send(client, large, status=413) if way == "pasted" else send(client, file=(large.encode(), "a.csv"), status=413)
        assert "larger than 1 MB" in page
        assert "divide it" in page

    def test_is_more_than_a_request_may_hold_and_a_program_is_told_in_json(self, client: FlaskClient) -> None:
        token = {"X-CSRFToken": csrf_token(client, HERE), "Accept": "application/json"}
        answer = client.post(HERE, data={"lines": "A" * (1024 * 1024 + 1)}, headers=token)
        assert answer.status_code == 413
        assert answer.get_json()["code"] == "request_entity_too_large"
        assert "divide it" in answer.get_json()["error"]

    def test_is_not_a_pasted_list_that_is_merely_long(self, client: FlaskClient) -> None:
        """Forms are often held to half of that."""
        lines = "\n".join(f"LONG-{number},{'x' * 90},{'y' * 90},{'z' * 90},{'z' * 90}" for number in range(1_900))
        assert len(lines) > 600_000
        send(client, "Serial,Model,Make,Name,Fund\n" + lines)

    def test_is_a_held_value_that_no_row_may_have(self, client: FlaskClient) -> None:
        page = send(client, "A1", manufacturer="m" * 101, status=400)
        assert problem_at(page, "manufacturer") == "Manufacturer is longer than 100 characters"

    def test_is_a_form_without_its_token(self, app: Flask, client: FlaskClient) -> None:
        assert client.post(HERE, data={"lines": "A1"}, headers=PAGE).status_code == 403
        assert count(app, Intake) == 0
