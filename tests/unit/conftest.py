"""What tests of services share."""

import logging
from collections.abc import Iterator

import pytest
from flask import Flask


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    """The app, in its context."""
    with app.app_context():
        yield app


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Removes the handlers that a test has added, and restores the level."""
    level = logging.getLogger().level
    yield
    for handler in [each for each in logging.getLogger().handlers if getattr(each, "ours", False)]:
        logging.getLogger().removeHandler(handler)
        handler.close()
    logging.getLogger().setLevel(level)
