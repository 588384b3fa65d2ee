"""Serving: granian runs worker processes, each of which makes its own app here."""

import atexit
import os
import signal
import socket
import sys
import threading
import time

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from request_tracker_utils.accounts import links
from request_tracker_utils.accounts.cli import setup_address
from request_tracker_utils.app import create_app
from request_tracker_utils.core import metrics
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.core.settings import Settings, SettingsError, load_settings
from request_tracker_utils.preparation import NotReady, prepare, with_secret_key
from request_tracker_utils.web.registry import registry_of


def make_app() -> Flask:
    """The app for a WSGI server: set, migrated, with its scheduler running. Raises SettingsError, NotReady."""
    settings = with_secret_key(load_settings())
    app = create_app(settings)
    prepare(app, settings)
    if settings.scheduler:
        registry = registry_of(app)
        registry.scheduler = Scheduler(app.app_context, registry.jobs)
        registry.scheduler.start()
        atexit.register(registry.scheduler.stop)
    return app


def make_worker() -> Flask:
    """The app of one of our own worker processes, which ends with the process that started it, however that ends."""
    _end_with(os.getppid())
    metrics.join()
    return make_app()


def serve(settings: Settings) -> None:
    """Serves until it is told to stop; requests that have begun are answered first. Raises SettingsError, NotReady."""
    os.umask(0o077)  # the database and the logs are nobody else's
    settings = with_secret_key(settings)
    # A folder for each port: two servers may have the same data, and each begins its own numbers anew.
    metrics.share_in(settings.instance_path / "metrics" / str(settings.port))
    app = create_app(settings)
    prepare(app, settings)
    _refuse_taken_port(settings)
    _forget_metrics()
    _greet(app, settings)
    os.register_at_fork(after_in_child=_listen_anew)
    Granian(
        "request_tracker_utils.server:make_worker",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backlog=1024,
        workers_kill_timeout=30,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        websockets=False,
    ).serve()


def _forget_metrics() -> None:
    """Those of an earlier server at this port; one that runs has been found by its port."""
    try:
        metrics.reset()
    except OSError as error:
        raise SettingsError([f"INSTANCE_PATH: {error}. Make the folder writable, or name another one."]) from None


def _refuse_taken_port(settings: Settings) -> None:
    """Two servers could share a port, and half of the requests would reach the wrong one."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise NotReady(
                f"PORT: {settings.port} cannot be used on {settings.host}: {reason}. Stop the other server or set PORT."
            ) from None


def _listen_anew() -> None:
    """A worker that is told to end while it starts does so: the handlers that come with the fork would take it for its parent's order."""
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, signal.SIG_DFL)


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent: left behind, it would go on serving beside a successor."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _greet(app: Flask, settings: Settings) -> None:
    with app.app_context(), transaction() as session:
        key = links.new_setup_key(session, now=utc_now()) if links.setup_is_open(session) else None
        link = setup_address(key) if key else None
    out = sys.stdout
    out.write(f"RequestTracker Utils serves {settings.public_address()}\n")
    if link:
        out.write(f"\nNobody can sign in yet. This link makes the first administrator, once, within a day:\n\n    {link}\n\n")
    out.flush()
    with app.app_context():
        db.engine.dispose()  # connections do not survive the fork of the workers
