"""What accounts contribute to the app, with the jobs that delete old sessions, links and login events."""

from datetime import timedelta

from flask import Flask

from request_tracker_utils.accounts import access_events, cli, links, login_events, sessions
from request_tracker_utils.accounts.access_events import AccessEventWriter
from request_tracker_utils.accounts.access_tokens import TokenService
from request_tracker_utils.accounts.api import api
from request_tracker_utils.accounts.current import StoredAccessLog, authentication, token_service
from request_tracker_utils.accounts.permissions import GRANTS, AccountPermission
from request_tracker_utils.accounts.views import own_account, people as people_views, sign_in
from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.web.access_log import AccessLog
from request_tracker_utils.web.feature import Feature, NavItem
from request_tracker_utils.web.registry import registry_of, settings

DELETE_ENDED_SESSIONS, DELETE_LOGIN_EVENTS, DELETE_ACCESS_EVENTS = "delete-ended-sessions", "delete-login-events", "delete-access-events"


def delete_ended_sessions() -> int:
    with transaction() as session:
        now = steady_now(session, DELETE_ENDED_SESSIONS, utc_now())
        return sessions.delete_ended(session, now=now) + links.delete_ended(session, now=now)


def delete_login_events() -> int:
    with transaction(durable=False) as session:  # the next run deletes them again
        now = steady_now(session, DELETE_LOGIN_EVENTS, utc_now())
        return login_events.records.delete_old(session, before=now - timedelta(days=settings().login_event_days))


def delete_access_events() -> int:
    with transaction() as session:
        now = steady_now(session, DELETE_ACCESS_EVENTS, utc_now())
        return access_events.records.delete_old(session, before=now - timedelta(days=settings().access_event_days))


def install(app: Flask) -> None:
    authentication.install(app)
    registry_of(app).provide(TokenService, token_service(registry_of(app).settings))
    log = StoredAccessLog(AccessEventWriter(app.app_context))
    registry_of(app).provide(StoredAccessLog, log)
    registry_of(app).provide(AccessLog, log)


feature = Feature(
    name="accounts",
    apis=[api],
    pages=[sign_in.pages, own_account.pages, people_views.pages],
    jobs=[
        Job(
            DELETE_ENDED_SESSIONS,
            gettext_noop("Delete sessions and one-time links that ended a month ago"),
            timedelta(days=1),
            delete_ended_sessions,
        ),
        Job(DELETE_LOGIN_EVENTS, "Delete sign-ins older than LOGIN_EVENT_DAYS", timedelta(days=1), delete_login_events),
        Job(
            DELETE_ACCESS_EVENTS,
            gettext_noop("Delete records of access to personal data older than ACCESS_EVENT_DAYS"),
            timedelta(days=1),
            delete_access_events,
        ),
    ],
    commands=[cli.setup_link, cli.users, cli.tokens],
    administration=[
        NavItem("People", "people.people", AccountPermission.READ, order=20),
        NavItem("Sign-ins", "people.sign_ins", AccountPermission.EVENTS, order=30),
        NavItem("Personal data", "people.access_events", AccountPermission.EVENTS, order=35),
    ],
    grants=GRANTS,
    install=install,
)
