"""The calls of seed document 3, as `curl` sends them, against the program as people run it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services.server import RunningServer

# As they stand in the document.
DOCUMENT = r"""
# Health check
curl http://localhost:5000/api/health

# Register
curl -X POST http://localhost:5000/api/register \
  -H "Content-Type: application/json" \
  -d '{"username":"testuser","email":"test@example.com","phone":"+12025551234","password":"password123"}'

# Login
curl -X POST http://localhost:5000/api/login \
  -H "Content-Type: application/json" \
  -d '{"username":"testuser","password":"password123"}'
"""
CALLS = [call for call in re.split(r"^#.*\n", DOCUMENT.strip(), flags=re.MULTILINE) if call.strip()]
PASSWORD = "tulips on the moon"


@pytest.fixture
def curl() -> str:
    found = shutil.which("curl")
    if found is None:
        pytest.skip("curl is not installed")
    return found


def called(command: str) -> tuple[int, dict[str, object]]:
    line = f"{command.strip()} -s -w '\\n%{{http_code}}' --noproxy '*'"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_the_calls_of_the_document_do_what_it_says(curl: str, tmp_path: Path) -> None:
    with RunningServer(tmp_path, registration="open", scheduler="false") as server:
        lines = [call.replace("http://localhost:5000", server.url) for call in CALLS]
        health, register, login = lines
        assert called(health)[1]["status"] in ("ok", "degraded")
        status, refused = called(register)
        assert (status, refused["field"]) == (400, "password"), "the document's password is one of the most common ones"
        register, login = (line.replace("password123", PASSWORD) for line in (register, login))
        status, registered = called(register)
        assert (status, list(registered)) == (201, ["message", "user", "access_token"])
        status, signed_in = called(login)
        assert (status, signed_in["user"]) == (200, registered["user"])
        user = signed_in["user"]
        assert isinstance(user, dict)
        assert user.items() >= {"username": "testuser", "email": "test@example.com", "phone": "+12025551234", "role": "user"}.items()
        use = f'curl {server.url}/api/users/{user["id"]} -H "Authorization: Bearer {signed_in["access_token"]}"'
        for _ in range(8):  # both server processes accept it
            assert called(use) == (200, user)
        assert called(register)[0] == 409
        assert called(login.replace(PASSWORD, "wrong password"))[0] == 401
        assert called(use.replace("Bearer e", "Bearer f"))[0] == 401
        server.stop()
        server.start()
        assert called(use) == (200, user), "the key of tokens is stored"
        (server.folder / "instance" / "token_key").unlink()
        server.stop()
        server.start()
        assert called(use)[0] == 401
        assert "access_token" not in server.log()
        assert PASSWORD not in server.log()
