from tests.services.asking import ask  # noqa: F401 — a fixture
from tests.services.people import admin, staff  # noqa: F401 — fixtures
