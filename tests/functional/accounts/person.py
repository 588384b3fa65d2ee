"""Somebody at a browser, without the browser, and what the database says afterwards."""

import re
from html import unescape
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from request_tracker_utils.accounts import service
from request_tracker_utils.accounts.models import LoginEvent, LoginKind, User
from request_tracker_utils.core.db import reading
from tests.services.apps import PASSWORD, csrf_token, sign_in, user

HOME = "203.0.113.7"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Person:
    """Asks for pages, and sends forms with their token. Signed in if named."""

    def __init__(self, app: Flask, name: str = "", *, address: str = HOME, agent: str = FIREFOX, password: str = PASSWORD) -> None:
        self.client = app.test_client()
        self.client.environ_base.update({"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent})
        self._headers = {"Accept": "text/html"}
        self._csrf_token = ("", "")
        if name:
            sign_in(self.client, name, password)

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, headers=self._headers)

    def read(self, path: str) -> str:
        """The page's text, as people see it and with its tags."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return text_of(answer)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self._form_token(), **form}, headers=self._headers)

    def is_signed_in(self) -> bool:
        return self.get("/me").status_code == 200

    def _form_token(self) -> str:
        """What the forms of this session carry; looked for in a page when the session is another than before."""
        with self.client.session_transaction() as cookie:
            known, mark = self._csrf_token, cookie.get("csrf_token", "")
        if not mark or known[0] != mark:
            token = csrf_token(self.client, "/me")
            with self.client.session_transaction() as cookie:
                self._csrf_token = (cookie["csrf_token"], token)
        return self._csrf_token[1]

    def choose_password(self, link: str, password: str) -> TestResponse:
        """With the link that somebody handed over."""
        return self.post(urlsplit(link).path, password=password, again=password)


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


def account(app: Flask, name: str) -> User:
    with app.app_context(), reading() as session:
        return service.user_named(session, name)


def made(app: Flask, role: str, name: str) -> int:
    """A new account's number; its password is PASSWORD."""
    return account(app, user(app, role, name)).id


def recorded(app: Flask, kind: LoginKind | None = None) -> list[LoginEvent]:
    """What is on record, the oldest first."""
    query = select(LoginEvent).order_by(LoginEvent.id)
    with app.app_context(), reading() as session:
        return list(session.scalars(query.where(LoginEvent.kind == str(kind)) if kind else query))
