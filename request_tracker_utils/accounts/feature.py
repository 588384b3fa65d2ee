"""What accounts contribute to the app."""

from flask import Flask

from request_tracker_utils.accounts import cli, jobs
from request_tracker_utils.accounts.access_events import AccessEventWriter
from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.accounts.api import api
from request_tracker_utils.accounts.current import StoredAccessLog, authentication, messages, token_service
from request_tracker_utils.accounts.permissions import GRANTS, AccountPermission
from request_tracker_utils.accounts.views import invitations, own_account, people as people_views, registration, sign_in
from request_tracker_utils.web.access_log import AccessLog
from request_tracker_utils.web.feature import Feature, NavItem
from request_tracker_utils.web.registry import registry_of


def install(app: Flask) -> None:
    authentication.install(app)
    registry_of(app).provide(TokenService, token_service(registry_of(app).settings))
    log = StoredAccessLog(AccessEventWriter(app.app_context))
    registry_of(app).provide(StoredAccessLog, log)
    registry_of(app).provide(AccessLog, log)


feature = Feature(
    name="accounts",
    apis=[api],
    pages=[sign_in.pages, registration.pages, own_account.pages, people_views.pages, invitations.pages],
    jobs=jobs.jobs,
    commands=[cli.setup_link, cli.users, cli.tokens],
    administration=[
        NavItem("People", "people.people", AccountPermission.READ, order=20),
        NavItem("Sign-ins", "people.sign_ins", AccountPermission.EVENTS, order=30),
        NavItem("Personal data", "people.access_events", AccountPermission.EVENTS, order=35),
    ],
    messages=[messages.PASSWORD_LINK, messages.INVITATION],
    grants=GRANTS,
    install=install,
)
