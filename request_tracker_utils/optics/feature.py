"""What optics requests contribute to the app."""

from request_tracker_utils.optics import api
from request_tracker_utils.optics.messages import KINDS
from request_tracker_utils.optics.permissions import GRANTS
from request_tracker_utils.web.feature import Feature

feature = Feature(name="optics", apis=[api.api], messages=KINDS, grants=GRANTS)
