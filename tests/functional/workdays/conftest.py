from tests.services.asking import ask  # noqa: F401 — a fixture
from tests.services.attendance_network import network  # noqa: F401 — a fixture
