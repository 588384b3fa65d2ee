"""The web server: granian runs worker processes, each of which creates its own app here."""

import gc
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from sqlalchemy.exc import OperationalError

from request_tracker_utils.accounts import links
from request_tracker_utils.accounts.cli import setup_address
from request_tracker_utils.accounts.current import StoredAccessLog
from request_tracker_utils.app import create_app
from request_tracker_utils.core import metrics
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, reading, transaction
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.core.settings import Settings, load_settings
from request_tracker_utils.preparation import NotReady, prepare, seed, with_stored_keys
from request_tracker_utils.web.connections import Limits, Tracker, Watch
from request_tracker_utils.web.registry import registry_of
from request_tracker_utils.web.running import RunningRequests
from request_tracker_utils.web.tcp import ServedConnections

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = structlog.get_logger(__name__)

LIMITS = Limits()
BACKLOG = 4096
"""Connections of each worker process that wait to be accepted. The system has a limit of its own."""
OTHER_FILES, OTHER_FILES_PER_THREAD = 256, 8
"""Open files of a worker process other than connections: libraries, logs, metrics, databases, uploads."""

RESTART_INTERVAL = 2.0
"""Seconds until a worker that cannot start tries again."""


def make_app() -> Flask:
    """The app for a WSGI server: configured, migrated, with a running scheduler. Raises SettingsError, NotReady."""
    settings = with_stored_keys(load_settings())
    app = create_app(settings)
    prepare(app, settings)
    _seed(app, settings)
    registry = registry_of(app)
    access_log = registry.get(StoredAccessLog).writer
    access_log.start()
    stops: list[Callable[[], None]] = [access_log.stop]  # last, because jobs may record accesses
    if settings.scheduler:
        registry.scheduler = Scheduler(app.app_context, registry.jobs, settings)
        registry.scheduler.start()
        stops.append(registry.scheduler.stop)
    _at_end_of_process(stops)
    return app


def _at_end_of_process(stops: list[Callable[[], None]]) -> None:
    """Calls them, the last one first, when the main thread has ended, in any process: granian's workers are children of `multiprocessing`,
    which end without `atexit`.

    `concurrent.futures` waits for its threads with the same hook. The hook that was registered last runs first, so that long jobs are told
    to stop before anybody waits for them; `atexit` and `multiprocessing.util.Finalize` come later.
    """

    def stop() -> None:
        with ExitStack() as stack:  # one that fails does not keep the others from stopping
            for each in stops:
                stack.callback(each)

    threading._register_atexit(stop)  # type: ignore[attr-defined]


def make_worker() -> "WSGIApplication":
    """The app of one of our worker processes, which exits when its parent exits for any reason.

    Waits for a database that does not answer, or has no space to be opened: granian ends for good if a new worker exits at once.
    """
    _exit_with(os.getppid())
    while True:
        try:
            return _watched(make_app())
        except (OperationalError, OSError) as error:
            log.warning("cannot start; trying again", error=str(getattr(error, "orig", error)), seconds=RESTART_INTERVAL)
            time.sleep(RESTART_INTERVAL)


def _watched(app: Flask) -> "WSGIApplication":
    """The app, with a thread that closes connections which would keep others from being served."""
    settings = registry_of(app).settings
    if not ServedConnections.available():
        log.warning("slow and silent connections are not closed: this needs Linux with /proc")
        return app
    limits = replace(LIMITS, connections=_connection_limit(settings))
    running = RunningRequests(app, threads=settings.threads, grace=limits.grace, rate=limits.rate)
    Watch(ServedConnections(settings.port), running, Tracker(limits, settings.trusted_proxies), interval=limits.interval).start()
    return running


def serve(settings: Settings) -> None:
    """Serves until stopped; running requests are answered first. Raises SettingsError, NotReady."""
    os.umask(0o077)  # only the owner may read the database and the logs
    gc.freeze()  # what is loaded by now stays: collections need not look at it, and the workers share its memory
    settings = with_stored_keys(settings)
    # One folder per port: two servers may share the data, and each starts with its own counters.
    metrics.share_in(settings.instance_path / "metrics" / str(settings.port))
    app = create_app(settings)
    prepare(app, settings)
    _check_port(settings)
    metrics.reset()  # those of an earlier server: a running one was detected by its port
    _raise_file_limit(settings)
    _seed(app, settings)
    _print_greeting(app, settings)
    os.register_at_fork(after_in_child=_restore_signal_handlers)
    Granian(
        "request_tracker_utils.server:make_worker",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backlog=BACKLOG,
        backpressure=_connection_limit(settings),
        http=HTTPModes.http1,  # the other mode waits for the first byte forever
        http1_settings=HTTP1Settings(header_read_timeout=round(LIMITS.header_timeout * 1000)),
        workers_kill_timeout=30,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        websockets=False,
    ).serve()


def _raise_file_limit(settings: Settings) -> None:
    """Raises the limit on open files as far as the system allows and the connections need."""
    wanted = LIMITS.connections + _other_files(settings)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _connection_limit(settings: Settings) -> int:
    """Connections of each worker process. Without a file left for them, others could not even be refused."""
    files, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return LIMITS.connections
    return min(LIMITS.connections, max(files // 4, files - _other_files(settings)))


def _other_files(settings: Settings) -> int:
    return OTHER_FILES + OTHER_FILES_PER_THREAD * settings.threads


def _check_port(settings: Settings) -> None:
    """Raises NotReady if another server uses the port: both could bind it, and half of the requests would reach the wrong one."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise NotReady(
                f"PORT: cannot listen on {settings.host}:{settings.port}: {reason}. Stop the other server, or set PORT."
            ) from None


def _restore_signal_handlers() -> None:
    """Lets a worker exit on a signal while it starts: the handlers inherited with the fork would treat it as the parent's signal."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _exit_with(parent: int) -> None:
    """Exits soon after the parent: an orphaned worker would continue to serve next to a new server."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _seed(app: Flask, settings: Settings) -> None:
    """Prints the links of demo accounts if it creates them. They are not logged: log files are kept."""
    if accounts := seed(app, settings):
        lines = "".join(f"    {name}: {link}\n" for name, link in accounts)
        sys.stderr.write(
            f"\nDemo accounts were created (RUN_SEED_ON_START). Choose their passwords with these links within three days:\n\n{lines}\n"
            "They are not shown again; `rtutils users password-link NAME` prints a new one.\n\n"
        )
        sys.stderr.flush()


def _print_greeting(app: Flask, settings: Settings) -> None:
    link = None
    with app.app_context():
        with reading() as session:
            is_open = links.setup_is_open(session)
        if is_open:  # otherwise nothing is written, so that the program starts on a full disk
            with transaction() as session:
                key = links.new_setup_key(session, now=utc_now()) if links.setup_is_open(session) else None
                link = setup_address(key) if key else None
    out = sys.stdout
    out.write(f"RequestTracker Utils is running at {settings.public_address()}\n")
    if link:
        out.write(f"\nThere are no accounts yet. Use this link within 24 hours to create the first administrator:\n\n    {link}\n\n")
    out.flush()
    with app.app_context():
        db.engine.dispose()  # connections do not survive the fork of the workers
