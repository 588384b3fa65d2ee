from collections.abc import Iterator
from pathlib import Path

import pytest

from request_tracker_utils.integrations.http.connections import trusted_authorities


@pytest.fixture
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of authorities that this process trusts."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(b"")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    trusted_authorities.cache_clear()
    yield file
    trusted_authorities.cache_clear()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of the machine."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
