"""Files of assets: read, their columns mapped, or refused with what to do."""

import re

from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.assets.models import AssetImport
from tests.functional.assets.imports.importing import (
    HERE,
    PAGE,
    choose,
    count,
    press,
    problem_at,
    rows,
    send,
    serials,
    show,
)
from tests.services.apps import csrf_token, run_job
from tests.services.tables import check_all


class TestAFile:
    def test_is_read_in_the_formats_of_spreadsheets(self, client: FlaskClient) -> None:
        for encoding in ("utf-8-sig", "utf-16", "cp1252"):
            data = "Serial Number;Model;Room\r\nA1;Größe 14;1;2;3;4;5;6\r\nB2;Größe 15\r\n".encode(encoding)
            address = send(client, file=(data, "cart 4.csv"))
            assert [row[1:3] for row in rows(show(client, address))] == [
                ["A1", "Dell Größe 14 Laptop · Title I · Chromebooks"],
                ["B2", "Dell Größe 15 Laptop · Title I · Chromebooks"],
            ]
        assert "cart 4.csv" in show(client, HERE)

    def test_can_have_its_columns_mapped_manually(self, client: FlaskClient) -> None:
        page = send(client, file=(b"Nummer,Typ,Ort\nA1,G10,12\nB2,G11,13\n", "liste.csv"), status=200)
        choice = page.split('<select class="form-select" id="column-serial_number"')[1].split("</select>")[0]
        assert "selected" not in choice, "values only suggest it: a person decides"
        address = choose(client, page, serial_number=0, model=1, first_row_is_header=True)
        assert [row[:3] for row in rows(show(client, address))] == [
            ["2", "A1", "Dell G10 Laptop · Title I · Chromebooks"],
            ["3", "B2", "Dell G11 Laptop · Title I · Chromebooks"],
        ]
        assert "liste.csv" in show(client, address)
        page = send(client, "Number,Model,Brand name\nA1,Cart 1,HP\nB2,Cart 2,HP\n", status=200)
        address = choose(client, page, serial_number=0, internal_name=1, manufacturer=2)
        expected = ["2", "A1", "HP Chromebook 3100 Cart 1 · Laptop · Title I · Chromebooks"]
        assert rows(show(client, address))[0][:3] == expected, "the mapping overrides the header row"

    def test_may_have_titles_totals_and_damaged_text(self, client: FlaskClient) -> None:
        data = "sep=;\nCart 4\n\nSerial;Model\nA1;PortÃ¡til\n\nTotal;1\n".encode()
        page = show(client, send(client, file=(data, "cart 4.csv")))
        assert [row[:2] for row in rows(page)] == [["5", "A1"]]
        assert "1 row is a total or a note about the file, and was left out: “Total” in line 7." in page
        assert "1 row contains text that looks damaged: “PortÃ¡til” in line 5." in page

    def test_with_serial_numbers_that_a_spreadsheet_has_spoiled_says_so(self, app: Flask, client: FlaskClient) -> None:
        press(client, send(client, '="0012345"\n'), "Create")
        run_job(app, "run-tasks")
        page = show(client, send(client, "12345\n1.23457E+16\n26130.0\n="))
        found = {row[1]: row[3] for row in rows(page)}
        assert found["12345"].startswith("Serial number 0012345 already exists, and differs only in leading zeros")
        assert found["1.23457E+16"].startswith("1.23457E+16 is not the serial number")
        assert found["26130.0"].startswith("26130.0 is not the serial number")

    def test_retains_its_columns_if_the_mapping_is_invalid(self, client: FlaskClient) -> None:
        address = send(client, "Serial,Model\nA1,G10")

        def check(mapping: dict[str, str], error: str) -> None:
            press(client, address, "Apply columns", **mapping)
            page = show(client, address)
            assert error in page
            assert rows(page)[0][1:3] == ["A1", "Dell G10 Laptop · Title I · Chromebooks"]

        missing = [({"serial_number": number}, "does not have this column") for number in ("7", "-1", "99999999999999999999", "x")]
        check_all([({"serial_number": "0", "model": "0"}, "Two fields have the same column"), *missing], check)

    def test_without_serial_numbers_says_what_to_do(self, client: FlaskClient) -> None:
        page = send(client, "red,green\nblue,white", status=200)
        assert "No header names the column of the serial numbers." in page
        assert "Choose the column of the serial numbers." in choose(client, page, status=400, model=0)

    def test_beside_a_pasted_list_is_refused(self, client: FlaskClient) -> None:
        page = send(client, "A1", file=(b"B2\n", "b.csv"), status=400)
        assert problem_at(page, "lines") == "You submitted both a list and a file. Clear the list, or remove the file."
        assert re.search(r"<textarea[^>]*>\s*A1\s*</textarea>", page)


class TestWhatIsRefused:
    def test_is_reported_above_the_list_which_is_retained(self, app: Flask, client: FlaskClient) -> None:
        def check(lines: str, error: str) -> None:
            page = send(client, lines, status=400)
            assert error in page
            assert 'value="Chromebook 3100"' in page

        check_all([("", "The list is empty"), ('A1\n"B2\nC3', "The row in line 2 cannot be read"), ("A1\x00B2", "This is not text")], check)
        page = send(client, serials(10_000), status=400)
        assert "The list has 10,000 rows; the maximum is 2,000. Split it." in page
        assert "CART-10000" in page
        assert count(app, AssetImport) == 0

    def test_is_reported_at_the_field_of_the_file(self, client: FlaskClient) -> None:
        page = send(client, file=(b"PK\x03\x04xx", "cart.xlsx"), status=400)
        assert problem_at(page, "file") == "The file is a workbook. Save the sheet as CSV, then upload that file."

    def test_is_larger_than_a_request_may_be(self, client: FlaskClient) -> None:
        large = "A" * (1024 * 1024 + 1)
        for page in (send(client, large, status=413), send(client, file=(large.encode(), "a.csv"), status=413)):
            assert "larger than 1 MB. Remove the columns that are not needed, or split it." in page
        headers = {"X-CSRFToken": csrf_token(client, HERE), "Accept": "application/json"}
        answer = client.post(HERE, data={"lines": large}, headers=headers)
        assert answer.status_code == 413
        assert answer.get_json()["code"] == "request_entity_too_large"
        assert "split it" in answer.get_json()["error"]

    def test_is_not_a_pasted_list_that_is_only_long(self, client: FlaskClient) -> None:
        """Forms are often limited to half of that."""
        lines = "\n".join(f"LONG-{number},{'x' * 90},{'y' * 90},{'z' * 90},{'z' * 90}" for number in range(1_900))
        assert len(lines) > 600_000
        send(client, "Serial,Model,Make,Name,Fund\n" + lines)

    def test_is_a_default_that_no_row_may_have(self, client: FlaskClient) -> None:
        page = send(client, "A1", manufacturer="m" * 101, status=400)
        assert problem_at(page, "manufacturer") == "Manufacturer is longer than 100 characters"

    def test_is_a_form_without_its_token(self, app: Flask, client: FlaskClient) -> None:
        assert client.post(HERE, data={"lines": "A1"}, headers=PAGE).status_code == 403
        assert count(app, AssetImport) == 0
