"""What optics requests contribute to the app."""

from collections.abc import Mapping

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.optics import api, demo
from request_tracker_utils.optics.messages import KINDS
from request_tracker_utils.optics.permissions import GRANTS, OpticsPermission
from request_tracker_utils.optics.service import count_pending
from request_tracker_utils.optics.views import parts, requests
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem


def card() -> Mapping[str, object]:
    with reading() as session:
        return {"pending": count_pending(session)}


feature = Feature(
    name="optics",
    apis=[api.api],
    pages=[requests.pages, parts.pages],
    messages=KINDS,
    navigation=[NavItem(gettext_noop("Optics"), "optics.form", OpticsPermission.REQUEST, order=18)],
    cards=[HomeCard("optics/card.html", OpticsPermission.DECIDE, card, order=18)],
    demo=Demo(gettext_noop("optics requests"), lambda: demo.is_empty(reading), lambda: demo.fill(transaction, now=utc_now())),
    grants=GRANTS,
)
