"""The directory of this installation, for entry points."""

from typing import cast

from flask import Flask, current_app

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.directory.embedded import EmbeddedDirectory
from request_tracker_utils.directory.request_tracker import RequestTrackerDirectory
from request_tracker_utils.directory.service import Directory
from request_tracker_utils.integrations.rt.client import RtClient
from request_tracker_utils.web.house import EXTENSION

_KEY = "rtutils_directory"


def directory() -> Directory:
    return cast(Directory, current_app.extensions[_KEY])


def install(app: Flask) -> None:
    app.extensions[_KEY] = _of(app.extensions[EXTENSION].settings)


def _of(settings: Settings) -> Directory:
    if settings.rt_url is None or settings.rt_token is None:
        return EmbeddedDirectory(transaction, reading, settings.public_address(), settings.rt_catalog)
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
    return RequestTrackerDirectory(
        client,
        default_catalog=settings.rt_catalog,
        serial_field=settings.rt_serial_field,
        model_field=settings.rt_model_field,
        manufacturer_field=settings.rt_manufacturer_field,
        creations_at_once=settings.threads // 2,
    )
