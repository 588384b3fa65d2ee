"""What notifications contribute to the app."""

from flask import Flask

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.encryption import Encryption
from request_tracker_utils.core.messages import Messenger
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.notifications import cli, current, jobs, phone_confirmation, preferences, status, tasks
from request_tracker_utils.notifications.api import api
from request_tracker_utils.notifications.attempts import Attempts
from request_tracker_utils.notifications.limits import Caps
from request_tracker_utils.notifications.page_settings import GROUPS
from request_tracker_utils.notifications.permissions import GRANTS, NotificationPermission
from request_tracker_utils.notifications.providers.available import ConfiguredProviders
from request_tracker_utils.notifications.providers.interface import Providers
from request_tracker_utils.notifications.rendering import Renderer
from request_tracker_utils.notifications.sending import Sender
from request_tracker_utils.notifications.service import NotificationService
from request_tracker_utils.notifications.views import administration, messages, own
from request_tracker_utils.tasks.jobs import in_context_of_app
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Feature, NavItem, PageLink, StatusSection
from request_tracker_utils.web.registry import registry_of
from request_tracker_utils.web.threads import ThreadLimits


def install(app: Flask) -> None:
    registry = registry_of(app)
    settings, kinds = registry.settings, {kind.name: kind for kind in registry.messages}
    providers = ConfiguredProviders(registry.page_settings.current)
    registry.provide(Providers, providers)
    service = NotificationService(kinds, lambda: registry.get(Providers), settings.zone)
    registry.provide(NotificationService, service)
    registry.provide(Messenger, service)
    attempts = Attempts(
        transaction=transaction,
        reading=reading,
        providers=lambda: registry.get(Providers),
        kinds=kinds,
        service=service,
        renderer=Renderer(address=settings.public_address(), zone=settings.zone),
        caps=Caps(
            per_recipient=settings.notifications_per_recipient,
            per_sender=settings.notifications_per_sender,
            per_day=settings.notifications_per_day,
            sms_per_day=settings.sms_per_day,
        ),
        encryption=lambda: Encryption.of(settings, preferences.PURPOSE),
        clock=utc_now,
    )
    with app.app_context():
        places = registry.get(ThreadLimits).places
        sender = Sender(
            attempts,
            in_context=in_context_of_app(),
            stopping=registry.stopping,
            is_busy=lambda: places.are_used("shared", within=0.02),  # between two requests it may be idle for a moment
        )
        registry.provide(Sender, sender)
    registry.get(TaskKinds).add(*tasks.kinds)


feature = Feature(
    name="notifications",
    apis=[api],
    jobs=jobs.jobs,
    commands=[cli.notifications],
    pages=[messages.pages, own.pages, administration.pages],
    navigation=[NavItem(gettext_noop("Messages"), "notifications.messages", NotificationPermission.READ, order=80)],
    links=[PageLink("me.me", gettext_noop("Notifications"), "my_notifications.show", NotificationPermission.OWN)],
    messages=[current.PHONE_CODE, phone_confirmation.SHARED],
    status=[StatusSection(gettext_noop("Messages"), "notifications/status.html", status.section, order=60)],
    gauges=[status.gauges],
    page_settings=GROUPS,
    grants=GRANTS,
    install=install,
)
