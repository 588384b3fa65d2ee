"""An empty school, and a client of its API."""

from tests.services.asking import ask  # noqa: F401 — a fixture
from tests.services.school import school  # noqa: F401 — a fixture
