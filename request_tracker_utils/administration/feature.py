"""What administration contributes to the app."""

from request_tracker_utils.administration import status
from request_tracker_utils.administration.api import api
from request_tracker_utils.administration.permissions import GRANTS, AdministrationPermission
from request_tracker_utils.administration.views import administration, page_settings, tables
from request_tracker_utils.web.feature import Feature, NavItem

feature = Feature(
    name="administration",
    apis=[api],
    pages=[administration.pages, page_settings.pages],
    administration=[
        NavItem("Status", "administration.overview", AdministrationPermission.STATUS, order=10),
        NavItem("Jobs", "administration.jobs", AdministrationPermission.JOBS, order=40),
        NavItem("Settings", "administration.settings", AdministrationPermission.SETTINGS, order=50),
        NavItem("Access", "administration.permissions_and_routes", AdministrationPermission.ACCESS, order=60),
        NavItem("Data", "data.index", AdministrationPermission.DATA, order=70),
    ],
    status=status.sections,
    grants=GRANTS,
    install=tables.install,
)
