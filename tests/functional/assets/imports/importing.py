"""A user who imports lists, and what the pages show of them."""

import io
import re
from html import unescape

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from request_tracker_utils.asset_store.models import EmbeddedAsset
from request_tracker_utils.core.db import reading
from tests.services.apps import csrf_token
from tests.services.forms import button, submit

PAGE = {"Accept": "text/html"}
HERE = "/assets/import"
DEFAULTS = {"manufacturer": "Dell", "model": "Chromebook 3100", "category": "Laptop", "funding_source": "Title I", "catalog": "Chromebooks"}
STORE = "request_tracker_utils.asset_store.embedded.EmbeddedAssetStore"


def send(client: FlaskClient, lines: str = "", *, file: tuple[bytes, str] | None = None, status: int = 303, **defaults: str) -> str:
    """Posts the form; returns the address that it redirects to, or the page if it is refused."""
    form: dict[str, object] = {**DEFAULTS, **defaults, "lines": lines, "csrf_token": csrf_token(client, HERE)}
    if file is not None:
        form["file"] = (io.BytesIO(file[0]), file[1])
    answer = client.post(HERE, data=form, headers=PAGE, content_type="multipart/form-data")
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.headers["Location"] if status == 303 else answer.get_data(as_text=True)


def choose(client: FlaskClient, page: str, *, status: int = 303, first_row_is_header: bool = False, **columns: int | str) -> str:
    """Chooses the columns on the page that asks for them; returns the address that follows, or the page if the choice is refused."""
    text = unescape(page.split('<textarea name="lines" hidden>\n')[1].split("</textarea>", maxsplit=1)[0])
    form: dict[str, object] = {**button(page, "Check list").fields, "lines": text}
    form |= {f"column_{field}": str(column) for field, column in columns.items()}
    if first_row_is_header:
        form["first_row_is_header"] = "on"
    answer = client.post(HERE, data=form, headers=PAGE, content_type="multipart/form-data")
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.headers["Location"] if status == 303 else answer.get_data(as_text=True)


def show(client: FlaskClient, address: str) -> str:
    answer = client.get(address, headers=PAGE)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def press(client: FlaskClient, address: str, words: str, **fields: str) -> str:
    """Presses the button of the page, and returns the address that it redirects to."""
    answer = submit(client, address, words, **fields)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def rows(page: str) -> list[list[str]]:
    """The text of each cell, row by row."""
    body = page.split('class="rows import-rows"')[1].split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    return [[words(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)] for row in body.split("<tr>")[1:]]


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def problems(client: FlaskClient, address: str) -> dict[str, str]:
    """Line → its problems or state, in the page's order."""
    return {row[0]: row[3] for row in rows(show(client, address))}


def problem_at(page: str, field: str) -> str:
    """The error at a field of the form."""
    return words(page.split(f'id="{field}"')[1].split("field-error")[1].split(">", 1)[1].split("</", maxsplit=1)[0])


def assets(app: Flask) -> list[EmbeddedAsset]:
    with app.app_context(), reading() as session:
        return list(session.scalars(select(EmbeddedAsset).order_by(EmbeddedAsset.id)))


def count(app: Flask, table: type) -> int:
    with app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def serials(number: int) -> str:
    return "\n".join(f"CART-{each:03d}" for each in range(1, number + 1))
