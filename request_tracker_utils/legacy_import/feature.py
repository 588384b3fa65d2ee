"""What the legacy import contributes to the app."""

from request_tracker_utils.legacy_import import cli
from request_tracker_utils.web.feature import Feature

feature = Feature(name="legacy_import", commands=[cli.import_legacy])
