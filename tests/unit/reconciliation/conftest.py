"""A database with the table of the stock's discrepancies."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.unit.reconciliation.stock import tables


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context(), tables():
        yield app
