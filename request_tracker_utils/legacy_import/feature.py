"""The room of older installations, as the app sees it."""

from request_tracker_utils.legacy_import import cli
from request_tracker_utils.web.feature import Feature

feature = Feature(name="older", commands=[cli.import_legacy])
