"""JSON, and the HTTP around it, as nobody should send them: told what is wrong, at once, and never a fault of ours."""

import json
import socket
import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from request_tracker_utils.app import MAX_REQUEST_SIZE
from tests.services.apps import WEBHOOK_TOKEN
from tests.services.server import RunningServer

PATH = "/webhook/asset-created"
SECRET = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}
SECRET_LINE = f"Authorization: Bearer {WEBHOOK_TOKEN}"
JSON_LINE = "Content-Type: application/json"
CHUNK = b"x" * 65536


def refusal(client: FlaskClient, body: bytes, content_type: str = "application/json") -> str:
    answer = client.post(PATH, data=body, content_type=content_type, headers=SECRET)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid"), answer.get_data(as_text=True)
    return str(answer.json["error"])


@pytest.mark.parametrize("body", [b"[]", b"null", b"3", b'"text"', b"true", b'[{"asset_id": 1}]', b'"{\\"asset_id\\": 1}"'])
def test_json_other_than_an_object_is_rejected(client: FlaskClient, body: bytes) -> None:
    assert refusal(client, body) == "Send a JSON object."


@pytest.mark.parametrize("body", [b"", b"{", b"{}}", b"{'asset_id': 1}", b"asset_id=1", b'{"asset_id": 1,}', b'{"asset_id": 01}'])
def test_invalid_json_is_rejected(client: FlaskClient, body: bytes) -> None:
    assert refusal(client, body).startswith("This is not valid JSON")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deeply_nested_json_is_rejected(client: FlaskClient, opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    assert refusal(client, opening * 10_000 + b"1" + closing * 10_000)


@pytest.mark.parametrize("body", [b'{"asset_id": 1, "asset_id": 2}', b'{"asset_id": 1, "more": [{"a": 1, "a": 1}]}'])
def test_duplicate_keys_are_rejected(client: FlaskClient, body: bytes) -> None:
    assert refusal(client, body) == "A JSON object contains the same key twice."


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity_are_rejected(client: FlaskClient, constant: str) -> None:
    assert refusal(client, f'{{"asset_id": 1, "more": {constant}}}'.encode()) == f"{constant} is not valid JSON."
    assert refusal(client, f'{{"asset_id": {constant}}}'.encode()) == f"{constant} is not valid JSON."


@pytest.mark.parametrize("number", ["1e400", "1e300", "1.5", "-1.0", "9" * 5000])
def test_huge_numbers_are_rejected(client: FlaskClient, number: str) -> None:
    assert refusal(client, f'{{"asset_id": {number}}}'.encode())


def test_an_unpaired_surrogate_is_rejected(client: FlaskClient) -> None:
    for body in (
        b'{"asset_id": 1, "asset_name": "\\uD800"}',
        b'{"asset_id": 1, "\\udfff": 1}',
        b'{"asset_id": 1, "asset_name": "\xed\xa0\x80"}',
    ):
        assert "unpaired surrogate" in refusal(client, body)


def test_a_surrogate_pair_is_accepted(client: FlaskClient) -> None:
    body = b'\xef\xbb\xbf{"asset_id": 1, "asset_name": "\\ud83c\\udf92"}'  # after the mark that some programs put before UTF-8
    assert client.post(PATH, data=body, content_type="application/json", headers=SECRET).json["previous_name"] == "🎒"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "nonsense"])
def test_json_without_its_content_type_is_rejected(client: FlaskClient, content_type: str) -> None:
    assert "application/json" in refusal(client, b'{"asset_id": 1}', content_type)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server"), webhook_token=WEBHOOK_TOKEN) as running:
        yield running


class Line:
    """A connection on which bytes go out as the test has them."""

    def __init__(self, server: RunningServer, *lines: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.socket.sendall("\r\n".join((f"POST {PATH} HTTP/1.1", "Host: x", "Connection: close", *lines, "", "")).encode())

    def answer(self) -> tuple[int, str]:
        """Status and body."""
        received = b""
        try:
            while piece := self.socket.recv(65536):
                received += piece
        except ConnectionResetError:
            pass  # it hung up on us after it had answered
        finally:
            self.socket.close()
        head, _, body = received.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body.decode()

    def send_until_refused(self, size: int, *, chunked: bool) -> int:
        """Sends as long as the other side takes it, and returns how many bytes that was."""
        sent = 0
        self.socket.settimeout(5)
        try:
            while sent < size:
                self.socket.sendall(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK) if chunked else CHUNK)
                sent += len(CHUNK)
        except OSError:
            pass
        self.socket.settimeout(20)
        return sent


def call(server: RunningServer, *lines: str, body: str = '{"asset_id": 5}') -> tuple[int, str]:
    line = Line(server, *lines)
    line.socket.sendall(body.encode())
    return line.answer()


def test_a_hundred_megabytes_are_rejected_before_they_arrive(server: RunningServer) -> None:
    size, begun = 100 * 1024 * 1024, time.monotonic()
    status, body = Line(server, SECRET_LINE, JSON_LINE, f"Content-Length: {size}").answer()
    assert (status, json.loads(body)["code"]) == (413, "request_entity_too_large")
    assert time.monotonic() - begun < 2


def test_a_hundred_megabytes_without_a_length_are_rejected(server: RunningServer) -> None:
    begun = time.monotonic()
    line = Line(server, SECRET_LINE, JSON_LINE, "Transfer-Encoding: chunked")
    sent = line.send_until_refused(100 * 1024 * 1024, chunked=True)
    assert sent < 20 * 1024 * 1024
    assert line.answer()[0] == 413
    assert time.monotonic() - begun < 10


def test_a_chunked_body_above_the_limit_is_not_truncated(server: RunningServer) -> None:
    text = '{"asset_id": 7}'
    for spaces, status in ((MAX_REQUEST_SIZE - len(text), 200), (MAX_REQUEST_SIZE - len(text) + 1, 413), (2 * MAX_REQUEST_SIZE, 413)):
        line = Line(server, SECRET_LINE, JSON_LINE, "Transfer-Encoding: chunked")
        body = text + " " * spaces
        line.socket.sendall(f"{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode())
        assert line.answer()[0] == status, spaces


def test_a_body_in_chunks_is_read(server: RunningServer) -> None:
    text = '{"asset_id": 6}'
    status, body = call(server, SECRET_LINE, JSON_LINE, "Transfer-Encoding: chunked", body=f"{len(text):x}\r\n{text}\r\n0\r\n\r\n")
    assert (status, json.loads(body)["asset_id"]) == (200, 6)


def test_a_body_that_is_cut_is_rejected_even_if_the_rest_can_be_read(server: RunningServer) -> None:
    line = Line(server, SECRET_LINE, JSON_LINE, "Content-Length: 40")
    line.socket.sendall(b'{"asset_id": 8}')
    line.socket.shutdown(socket.SHUT_WR)
    status, body = line.answer()
    assert (status, json.loads(body)["error"]) == (400, "The body is incomplete. Send it again.")


def test_two_authorization_headers_open_nothing(server: RunningServer) -> None:
    for lines in ((SECRET_LINE, "Authorization: Bearer wrong"), ("Authorization: Bearer wrong", SECRET_LINE), (SECRET_LINE, SECRET_LINE)):
        assert call(server, *lines, JSON_LINE, "Content-Length: 15")[0] in (400, 401), lines


def test_different_content_lengths_are_rejected(server: RunningServer) -> None:
    for one, other in ((15, 16), (0, 15), (15, 0)):
        assert call(server, SECRET_LINE, JSON_LINE, f"Content-Length: {one}", f"Content-Length: {other}")[0] == 400


@pytest.mark.parametrize("length", ["-1", "15, 16", "0x0f", "+15", "1e1", "9" * 30])
def test_an_invalid_content_length_is_rejected(server: RunningServer, length: str) -> None:
    assert call(server, SECRET_LINE, JSON_LINE, f"Content-Length: {length}")[0] in (400, 413)


def test_a_length_beside_chunks_smuggles_no_second_request(server: RunningServer) -> None:
    hidden = "0\r\n\r\nGET /api/health HTTP/1.1\r\nHost: x\r\n\r\n"
    status, rest = call(server, SECRET_LINE, JSON_LINE, f"Content-Length: {len(hidden)}", "Transfer-Encoding: chunked", body=hidden)
    assert status == 400
    assert "HTTP/1.1" not in rest
