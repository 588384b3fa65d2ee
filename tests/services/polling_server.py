"""A server that polls all terminals again and again, as a process of its own: python -m tests.services.polling_server FOLDER DATABASE_URL.

Its terminals have no network. They notice if two servers read one of them at the same time.
"""

import fcntl
import sys
from dataclasses import replace
from pathlib import Path

from request_tracker_utils.attendance import rounds
from request_tracker_utils.attendance.polling import Poller
from request_tracker_utils.attendance.reading import KnownLog, Reading, Target
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tasks.jobs import in_context_of_app
from tests.services.apps import make_app
from tests.services.attendance import INFO, HandMade, record

ROUNDS, RECORDS = 8, 20


class Corridor:
    """Terminals by address. The log of each has grown by RECORDS whenever it is read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, target: Target, *, deadline: float, known: KnownLog | None, full: bool, with_users: bool) -> Reading:
        with (self._folder / target.address).open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if another server reads it now
            file.write("x")
            file.flush()
            times = file.tell()
            log = [record(str(number % 7), f"2026-03-02 08:{number // 60:02}:{number % 60:02}") for number in range(times * RECORDS)]
            device = HandMade(log, info=replace(INFO, serial_number=f"SN{target.address}"), now=utc_now())
            return device.read(target, deadline=deadline, known=known, full=full, with_users=with_users)


def main(folder: Path, database_url: str) -> None:
    with make_app(folder, database_url=database_url).app_context():
        poller = Poller(Corridor(folder), lambda _terminal: 0, transaction, utc_now, timeout=10, deadline=120)
        with reading() as session:
            terminals = rounds.polled(session)
        print("ready", flush=True)
        sys.stdin.readline()
        for _round in range(ROUNDS):
            for outcome in rounds.poll_all(poller, terminals, in_context=in_context_of_app()):
                print(outcome.status, outcome.code, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
