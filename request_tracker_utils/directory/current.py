"""The directory of this installation, for entry points."""

from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from typing import cast

from flask import Flask, current_app, has_request_context

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.directory.embedded import EmbeddedDirectory
from request_tracker_utils.directory.request_tracker import RequestTrackerDirectory
from request_tracker_utils.directory.service import Directory
from request_tracker_utils.integrations.rt.client import RtClient
from request_tracker_utils.web.house import EXTENSION

_KEY = "rtutils_directory"

SPARE = 2
"""Threads of a server process that never wait for Request Tracker: they answer its webhook."""


@dataclass(frozen=True)
class Directories:
    """The same directory, for requests (which hold a thread of the server) and for jobs and commands."""

    of_requests: Directory
    of_jobs: Directory


def directory() -> Directory:
    directories = cast(Directories, current_app.extensions[_KEY])
    return directories.of_requests if has_request_context() else directories.of_jobs


def install(app: Flask) -> None:
    app.extensions[_KEY] = _of(app.extensions[EXTENSION].settings)


def _of(settings: Settings) -> Directories:
    if settings.rt_url is None or settings.rt_token is None:
        embedded = EmbeddedDirectory(transaction, reading, settings.public_address(), settings.rt_catalog)
        return Directories(embedded, embedded)
    client = RtClient(
        settings.rt_url,
        settings.rt_token.get_secret_value(),
        api_endpoint=settings.api_endpoint,
        serial_field=settings.rt_serial_field,
        model_field=settings.rt_model_field,
        read_timeout=settings.rt_timeout,
        pool_size=settings.threads,
        ca_bundle=str(settings.rt_ca_bundle) if settings.rt_ca_bundle else None,
    )
    named = partial(
        RequestTrackerDirectory,
        client,
        default_catalog=settings.rt_catalog,
        manufacturer_field=settings.rt_manufacturer_field,
    )
    return Directories(named(places=BoundedSemaphore(settings.threads - SPARE)), named())
