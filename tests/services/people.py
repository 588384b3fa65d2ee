"""People at a browser, without the browser, and the fixtures that sign them in. See `chromium` for real ones."""

import re
from html import unescape
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.services.apps import PASSWORD, csrf_token, sign_in, token, user

HOME = "203.0.113.7"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Person(FlaskClient):
    """A client that accepts pages and submits forms with their token. Signed in if named."""

    def __init__(self, app: Flask, name: str = "", *, address: str = HOME, agent: str = FIREFOX, password: str = PASSWORD) -> None:
        super().__init__(app, app.response_class, use_cookies=True)
        self.environ_base.update({"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent, "HTTP_ACCEPT": "text/html"})
        self._csrf_token = ("", "")
        if name:
            sign_in(self, name, password)

    def read(self, path: str) -> str:
        """The page's text, as people see it and with its tags."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return text_of(answer)

    def submit(self, path: str, **form: object) -> TestResponse:
        """Submits a form to the path."""
        return self.post(path, data={"csrf_token": self._form_token(), **form})

    def is_signed_in(self) -> bool:
        return self.get("/me").status_code == 200

    def choose_password(self, link: str, password: str) -> TestResponse:
        """With a one-time link."""
        return self.submit(urlsplit(link).path, password=password, again=password)

    def _form_token(self) -> str:
        """The CSRF token of this session; read from a page if the session is a new one."""
        with self.session_transaction() as cookie:
            known, mark = self._csrf_token, cookie.get("csrf_token", "")
        if not mark or known[0] != mark:
            text = csrf_token(self, "/me")
            with self.session_transaction() as cookie:
                self._csrf_token = (cookie["csrf_token"], text)
        return self._csrf_token[1]


@pytest.fixture
def admin(app: Flask) -> Person:
    """The administrator ada, signed in."""
    return Person(app, user(app, "admin", "ada"))


@pytest.fixture
def staff(app: Flask) -> Person:
    """The staff member bob, signed in."""
    return Person(app, user(app, "staff", "bob"))


@pytest.fixture
def admin_token(app: Flask) -> dict[str, str]:
    """Headers of an administrator's program."""
    return token(app, "admin")


@pytest.fixture
def staff_token(app: Flask) -> dict[str, str]:
    """Headers of a staff member's program."""
    return token(app, "staff")


def text_of(answer: TestResponse) -> str:
    return unescape(answer.get_data(as_text=True))


def errors_in(answer: TestResponse) -> dict[str, str]:
    """What the page says is wrong, by the field at which it says so; under no name what it says above the form."""
    text = answer.get_data(as_text=True)
    at_fields = re.findall(r'<p class="field-error" id="(\w+)-error">(.*?)</p>', text)
    above = re.findall(r'<div class="note note-danger" role="alert">(.*?)</div>', text)
    return {name: unescape(said) for name, said in [*at_fields, *(("", said) for said in above)]}


def link_in(answer: TestResponse) -> str:
    """The password link that the page shows."""
    return text_of(answer).split('id="link-text">', 1)[1].split("<", 1)[0]


def token_in(answer: TestResponse) -> str:
    """The new token that the page shows."""
    return text_of(answer).split('id="token-text">', 1)[1].split("<", 1)[0]
