"""Somebody who asks the API."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.services.apps import token

Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(app: Flask, client: FlaskClient) -> Ask:
    """Asks as somebody of the staff, or with `role` as somebody else."""
    headers: dict[str, dict[str, str]] = {}

    def ask(method: str, path: str, *, role: str = "staff", **more: Any) -> TestResponse:
        if role not in headers:
            headers[role] = token(app, role)
        return client.open(path, method=method, headers={**headers[role], **more.pop("headers", {})}, **more)

    return ask
