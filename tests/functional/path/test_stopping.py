"""A server that stops tells its scheduler, however the server runs: long jobs end early, and nothing is left for a lease to expire."""

import sys
from pathlib import Path

from tests.services.local_server import wait_until
from tests.services.server import RunningServer
from tests.services.tables import check_all

WATCHED = """
import os, signal, threading, time
from pathlib import Path
from request_tracker_utils.core.scheduler import Scheduler

start, stop = Scheduler.start, Scheduler.stop

def note(what):
    (Path(os.environ["INSTANCE_PATH"]) / f"{what}-{os.getpid()}").touch()

def long_job(scheduler):
    note("began")
    while not scheduler.stopping():
        time.sleep(0.02)
    note("ended")

def watched_start(scheduler):
    start(scheduler)
    scheduler._background.add_job(long_job, args=[scheduler])

def watched_stop(scheduler):
    stop(scheduler)
    note("stopped")

Scheduler.start, Scheduler.stop = watched_start, watched_stop
"""
OURS = "import runpy\nrunpy.run_path('run.py', run_name='__main__')\n"
FOREIGN = """
from wsgiref.simple_server import make_server
from run import app

server = make_server("127.0.0.1", int(os.environ["PORT"]), app)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""


def test_the_scheduler_stops_with_the_server(tmp_path: Path) -> None:
    def stops(name: str, program: str, workers: int) -> None:
        folder = tmp_path / name
        with RunningServer(folder, program=[sys.executable, "-c", WATCHED + program], workers=str(workers)) as server:
            wait_until(lambda: len(processes(folder, "began")) == workers, within=30)
            assert server.stop() < 10
        assert processes(folder, "stopped") == processes(folder, "ended") == processes(folder, "began")
        assert "Traceback" not in server.log()

    check_all([("run.py", OURS, 2), ("another server", FOREIGN, 1)], stops)


def processes(folder: Path, what: str) -> set[str]:
    return {path.name.rsplit("-", 1)[1] for path in (folder / "instance").glob(f"{what}-*")}
