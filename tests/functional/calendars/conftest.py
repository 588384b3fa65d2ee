from tests.services.asking import ask  # noqa: F401 — a fixture
