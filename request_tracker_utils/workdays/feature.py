"""What workdays contribute to the app."""

from request_tracker_utils.web.feature import Feature
from request_tracker_utils.workdays.models import Workday
from request_tracker_utils.workdays.permissions import GRANTS

feature = Feature(name=Workday.__tablename__, grants=GRANTS)
