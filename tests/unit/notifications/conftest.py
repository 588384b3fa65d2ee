from collections.abc import Iterator
from pathlib import Path

import pytest

from request_tracker_utils.notifications.providers.connections import trusted_authorities


@pytest.fixture
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of authorities that this process trusts."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(b"")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    trusted_authorities.cache_clear()
    yield file
    trusted_authorities.cache_clear()
