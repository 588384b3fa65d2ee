"""Legacy databases in both forms."""

from pathlib import Path

import pytest

from tests.services.legacy import DOCUMENTED_FORM, FIELD_FORM, LegacyFile
from tests.services.school import school  # noqa: F401 — a fixture


@pytest.fixture
def documented(tmp_path: Path) -> LegacyFile:
    return LegacyFile(tmp_path / "documented.sqlite", DOCUMENTED_FORM)


@pytest.fixture
def field(tmp_path: Path) -> LegacyFile:
    return LegacyFile(tmp_path / "field.sqlite", FIELD_FORM)
