"""Forms of a page, as a browser without scripts sends them."""

from dataclasses import dataclass
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.services.apps import csrf_token

PAGE = {"Accept": "text/html"}


@dataclass
class Button:
    """`fields` is what is sent when it is pressed."""

    words: str
    action: str
    fields: dict[str, str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[Button] = []
        self._action, self._hidden, self._pressed = "", dict[str, str](), dict[str, str]()
        self._words: list[str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._action, self._hidden = given.get("action", ""), {}
        elif tag == "input" and given.get("type") == "hidden":
            self._hidden[given["name"]] = given["value"]
        elif tag == "button" and self._action:
            self._words = []
            self._pressed = {given["name"]: given["value"]} if "name" in given else {}

    def handle_data(self, data: str) -> None:
        if self._words is not None:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "button" and self._words is not None:
            self.buttons.append(Button(" ".join("".join(self._words).split()), self._action, {**self._hidden, **self._pressed}))
            self._words = None
        elif tag == "form":
            self._action = ""


def buttons(page: str) -> list[Button]:
    """Every button that sends a form, in the page's order."""
    reader = _Reader()
    reader.feed(page)
    return reader.buttons


def button(page: str, words: str) -> Button:
    """The first whose words begin so."""
    found = [each for each in buttons(page) if each.words.startswith(words)]
    assert found, f"no button {words!r} among {[each.words for each in buttons(page)]}"
    return found[0]


def show(here: str, client: FlaskClient, query: str = "") -> str:
    """The text of the page `here`."""
    answer = client.get(here + query, headers=PAGE)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def submit(client: FlaskClient, page: str, words: str, **fields: str) -> TestResponse:
    """Presses the button of the page with these values in its form, and returns the answer."""
    pressed = button(client.get(page, headers=PAGE).get_data(as_text=True), words)
    return client.post(pressed.action, data={**pressed.fields, **fields}, headers=PAGE)


def press(here: str, client: FlaskClient, words: str, query: str = "") -> str:
    """Presses the button of the page `here`, and returns the page to which it leads."""
    answer = submit(client, here + query, words)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return client.get(answer.headers["Location"], headers=PAGE).get_data(as_text=True)


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    """The text of a page, which is answered with this status."""
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def send(client: FlaskClient, path: str, status: int = 303, **form: object) -> str:
    """The text of the answer to a form of somebody who is signed in."""
    answer = client.post(path, data={**form, "csrf_token": csrf_token(client, "/me")})
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)
