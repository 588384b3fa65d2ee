"""The task that sends a test message: a provider may take its time, and the page of the task says what each has answered."""

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.encryption import Encryption, NotDecrypted
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.notifications.permissions import NotificationPermission
from request_tracker_utils.notifications.providers.interface import Providers, RenderedMessage
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import TaskKind
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import registry, settings

SEND_TEST = "send-test-message"
_PURPOSE = "addresses of test messages"
"""A chat address contains secrets, and everybody with access to tasks reads theirs."""


def start_test(session: Session, channel: Channel, address: str, *, actor: Actor, now: datetime) -> Task:
    """Starts a task that gives each provider of the channel one message to this address."""
    secret = Encryption.of(settings(), _PURPOSE).encrypt(address)
    items = [NewItem(provider.title, {"provider": provider.name}) for provider in registry().get(Providers).of(channel)]
    titles = {Channel.EMAIL: _("Test message by email"), Channel.SMS: _("Test text message"), Channel.CHAT: _("Test message to a chat")}
    arguments = {"channel": str(channel), "address": secret}
    return service.start(session, SEND_TEST, title=titles[channel], actor=actor, now=now, arguments=arguments, items=items)


def send_test(task: RunningTask) -> str:
    """Gives each provider the message. If the process dies, a provider may get it twice."""
    channel = Channel(task.arguments["channel"])
    try:
        address = Encryption.of(settings(), _PURPOSE).decrypt(task.arguments["address"])
    except NotDecrypted:
        raise Invalid(_("The secret key has changed since. Start a new test.")) from None
    task.each(lambda item: _send(task, item, channel, address), workers=4)
    with transaction() as session:
        service.get(session, task.id).arguments = {"channel": str(channel)}
    accepted = ngettext("%(num)s provider accepted the message.", "%(num)s providers accepted the message.", task.done)
    return f"{accepted} {_('Check that it has arrived.')}" if task.done else accepted


kinds = [TaskKind(SEND_TEST, NotificationPermission.SEND, send_test)]


def _send(task: RunningTask, item: TaskItem, channel: Channel, address: str) -> ItemResult:
    providers = registry().get(Providers)
    provider = next((each for each in providers.of(channel) if each.name == item.data["provider"]), None)
    if provider is None:
        raise Invalid(_("This provider is not set up any more."))
    text = _("This is a test message of RequestTracker Utils, sent by %(name)s.", name=task.actor.name)
    subject = "" if channel == Channel.SMS else _("Test message")
    message = RenderedMessage(channel, address, providers.sender(channel), subject, text)
    accepted = provider.send(message, hashlib.sha256(f"test {task.id} {provider.name}".encode()).hexdigest())
    note = _("accepted, with the ID %(id)s", id=accepted.provider_id) if accepted.provider_id else _("accepted")
    return ItemResult({"id": accepted.provider_id}, note)
