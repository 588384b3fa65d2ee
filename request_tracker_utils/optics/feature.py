"""What optics requests contribute to the app."""

from request_tracker_utils.optics import models
from request_tracker_utils.optics.permissions import GRANTS
from request_tracker_utils.web.feature import Feature

TABLES = (models.OpticsPart, models.OpticsRequest)

feature = Feature(name="optics", grants=GRANTS)
