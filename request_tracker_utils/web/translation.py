"""Translates what pages and answers say. English is the only language so far; every sentence is marked for another."""

import flask_babel
from flask import Flask

from request_tracker_utils.core import translation


def install(app: Flask) -> None:
    flask_babel.Babel(app, default_locale="en")
    translation.install(flask_babel.gettext, flask_babel.ngettext)
