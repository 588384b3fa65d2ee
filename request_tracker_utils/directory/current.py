"""The directory of this installation, for entry points."""

from typing import cast

from flask import Flask, current_app

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.directory.embedded import EmbeddedDirectory
from request_tracker_utils.directory.service import Directory
from request_tracker_utils.web.house import EXTENSION

_KEY = "rtutils_directory"


def directory() -> Directory:
    return cast(Directory, current_app.extensions[_KEY])


def install(app: Flask) -> None:
    app.extensions[_KEY] = _of(app.extensions[EXTENSION].settings)


def _of(settings: Settings) -> Directory:
    return EmbeddedDirectory(transaction, reading, settings.public_address(), settings.rt_catalog)
