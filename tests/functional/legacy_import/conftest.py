"""Older databases of both forms, and a school to look at what was made of them."""

from pathlib import Path

import pytest
from flask import Flask

from tests.services.legacy import DOCUMENTED, IN_THE_FIELD, OlderFile
from tests.services.school import School


@pytest.fixture
def school(app: Flask) -> School:
    return School(app)


@pytest.fixture
def documented(tmp_path: Path) -> OlderFile:
    return OlderFile(tmp_path / "documented.sqlite", DOCUMENTED)


@pytest.fixture
def field(tmp_path: Path) -> OlderFile:
    return OlderFile(tmp_path / "field.sqlite", IN_THE_FIELD)
