"""A power failure under the running program: whatever was answered is still there afterwards."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.services.installation import Installation
from tests.services.local_server import wait_until
from tests.services.power_cut import CannotMount, after_power_cut, disk

COUNT, CLIENTS = 50, 8
CSV = b"student_id,first_name,last_name,grade\n900001,Grace,Hopper,9\n"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def start(stack: ExitStack, folder: Path, headers: dict[str, str] | None = None) -> Installation:
    """With the token of an earlier start, or a new one."""
    made = Installation(folder / "program", f"sqlite:///{folder}/database.sqlite", "P12-")
    stack.callback(made.close)
    made.headers = headers or made.headers
    wait_until(lambda: made.call("GET", "/next-asset-tag").ok, within=60)
    return made


def ok(answer: requests.Response) -> requests.Response:
    assert answer.ok, answer.text
    return answer


def test_a_power_cut_takes_back_nothing_that_was_answered(stack: ExitStack, tmp_path: Path) -> None:
    try:
        mounted = stack.enter_context(disk(tmp_path / "disk"))
    except CannotMount as error:
        pytest.skip(str(error))
    before = start(stack, mounted)
    person = before.signed_in()

    def work(number: int) -> tuple[str, int, str]:
        """A tag that Request Tracker asks for, a creation, and a device that is handed out to a new student."""
        tag = ok(before.tell(100_000 + number)).json()["asset_tag"]
        laptop = {"serial_number": f"SERIAL{number}", "manufacturer": "Dell", "model": "Chromebook 3100"}
        created = ok(before.call("POST", "/assets/create", json=laptop)).json()
        student = f"{26_000 + number}"
        name = {"student_id": student, "first_name": "Ada", "last_name": "Lovelace", "grade": "9"}
        ok(before.call("POST", "/api/students", json=name))
        ok(before.call("POST", f"/api/students/{student}/checkin", json={"asset_tag": created["asset_tag"]}))
        return tag, created["asset_id"], created["asset_tag"]

    with ThreadPoolExecutor(CLIENTS) as clients:
        done = list(clients.map(work, range(COUNT)))
        uploaded = person.upload("/students/import", CSV)
        last = [ok(before.tell(200_000 + number)).json()["asset_tag"] for number in range(COUNT)]

    after = start(stack, stack.enter_context(after_power_cut(tmp_path / "disk", tmp_path / "copy")), before.headers)
    assert after.tags_of(range(200_000, 200_000 + COUNT)) == {200_000 + number: tag for number, tag in enumerate(last)}
    assert after.tags_of(range(100_000, 100_000 + COUNT)) == {100_000 + number: tag for number, (tag, _id, _created) in enumerate(done)}
    given = {*last, *(tag for tag, _id, _created in done), *(created for _tag, _id, created in done)}
    assert len(given) == 3 * COUNT
    again = {ok(after.tell(300_000 + number)).json()["asset_tag"] for number in range(COUNT)}
    assert not again & given, "a tag was given again"
    for number, (_tag, asset_id, created) in enumerate(done):
        device = ok(after.call("GET", f"/api/devices/{created}")).json()
        assert (device["asset_id"], device["current_student_id"]) == (asset_id, f"{26_000 + number}"), device
    assert after.signed_in_as(person).get(uploaded).status_code == 200
