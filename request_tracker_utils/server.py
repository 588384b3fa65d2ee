"""Serving: granian runs worker processes, each of which makes its own app here."""

import atexit
import os
import sys

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from request_tracker_utils.accounts import service as accounts
from request_tracker_utils.accounts.cli import setup_address
from request_tracker_utils.app import create_app
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.scheduler import Scheduler
from request_tracker_utils.core.settings import Settings, load_settings
from request_tracker_utils.preparation import prepare, with_secret_key
from request_tracker_utils.web.house import EXTENSION


def make_app() -> Flask:
    """The app for a WSGI server: set, migrated, with its scheduler running. Raises SettingsError, NotReady."""
    settings = with_secret_key(load_settings())
    app = create_app(settings)
    prepare(app, settings)
    if settings.scheduler:
        house = app.extensions[EXTENSION]
        house.scheduler = Scheduler(app, house.jobs)
        house.scheduler.start()
        atexit.register(house.scheduler.stop)
    return app


def serve(settings: Settings) -> None:
    """Serves until it is told to stop; requests that have begun are answered first."""
    os.umask(0o077)  # the database and the logs are nobody else's
    settings = with_secret_key(settings)
    app = create_app(settings)
    prepare(app, settings)
    _greet(app, settings)
    Granian(
        "request_tracker_utils.server:make_app",
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


def _greet(app: Flask, settings: Settings) -> None:
    with app.app_context(), transaction() as session:
        key = accounts.new_setup_key(session, now=utc_now()) if accounts.setup_is_open(session) else None
        link = setup_address(key) if key else None
    out = sys.stdout
    out.write(f"RequestTracker Utils serves {settings.public_address()}\n")
    if link:
        out.write(f"\nNobody can sign in yet. This link makes the first administrator, once, within a day:\n\n    {link}\n\n")
    out.flush()
