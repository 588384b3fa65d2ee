"""What notifications contribute to the app."""

from datetime import timedelta

from flask import Flask

from request_tracker_utils.core.clock import steady_now, utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.notifications import cli, current, phone_confirmation, tasks
from request_tracker_utils.notifications.permissions import GRANTS, NotificationPermission
from request_tracker_utils.notifications.providers.available import ConfiguredProviders
from request_tracker_utils.notifications.providers.interface import Providers
from request_tracker_utils.notifications.service import NotificationService
from request_tracker_utils.notifications.views import administration, messages, own
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Feature, NavItem, PageLink
from request_tracker_utils.web.registry import registry_of

DELETE_PHONE_CODES = "delete-phone-codes"


def delete_phone_codes() -> int:
    with transaction(durable=False) as session:  # the next run deletes them again
        return phone_confirmation.delete_old(session, now=steady_now(session, DELETE_PHONE_CODES, utc_now()))


def install(app: Flask) -> None:
    registry = registry_of(app)
    providers = ConfiguredProviders(registry.page_settings.current)
    registry.provide(Providers, providers)
    service = NotificationService({kind.name: kind for kind in registry.messages}, lambda: providers, registry.settings.zone)
    registry.provide(Messenger, service)
    registry.get(TaskKinds).add(*tasks.kinds)


feature = Feature(
    name="notifications",
    jobs=[Job(DELETE_PHONE_CODES, gettext_noop("Delete codes for phone numbers after a day"), timedelta(days=1), delete_phone_codes)],
    commands=[cli.notifications],
    pages=[messages.pages, own.pages, administration.pages],
    navigation=[NavItem(gettext_noop("Messages"), "notifications.messages", NotificationPermission.READ, order=80)],
    links=[PageLink("me.me", gettext_noop("Notifications"), "my_notifications.show", NotificationPermission.OWN)],
    messages=[current.PHONE_CODE, phone_confirmation.SHARED],
    grants=GRANTS,
    install=install,
)
