"""The task that sends a test message: a provider may take its time, and the page of the task says what each has answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.encryption import Encryption, NotDecrypted
from request_tracker_utils.core.errors import Invalid, UpstreamRefused
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.notifications import diagnosis
from request_tracker_utils.notifications.permissions import NotificationPermission
from request_tracker_utils.notifications.providers.interface import Provider, Providers
from request_tracker_utils.tasks import service
from request_tracker_utils.tasks.kinds import TaskKind
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.running import ItemResult, RunningTask
from request_tracker_utils.tasks.service import NewItem
from request_tracker_utils.web.registry import registry, settings

SEND_TEST = "send-test-message"
WORKERS = 4
_PURPOSE = "addresses of test messages"
"""A chat address contains secrets, and tasks are read by others, too."""


@dataclass(frozen=True)
class OneProvider:
    """`Providers` with this one only."""

    provider: Provider
    all_providers: Providers

    def of(self, channel: Channel) -> Sequence[Provider]:
        return [self.provider] if self.provider.channel == channel else []

    def sender(self, channel: Channel) -> str:
        return self.all_providers.sender(channel)


def start_test(session: Session, channel: Channel, address: str, *, actor: Actor, now: datetime) -> Task:
    """Starts a task that gives each provider of the channel one message to this address. An empty one on chat means the office's.

    Raises Invalid for an address to which nothing can be sent.
    """
    checked = diagnosis.checked_address(registry().page_settings.current(), channel, address)
    items = [NewItem(provider.title, {"provider": provider.name}) for provider in registry().get(Providers).of(channel)]
    titles = {Channel.EMAIL: _("Test message by email"), Channel.SMS: _("Test text message"), Channel.CHAT: _("Test message to a chat")}
    arguments = {"channel": str(channel), "address": Encryption.of(settings(), _PURPOSE).encrypt(checked)}
    return service.start(session, SEND_TEST, title=titles[channel], actor=actor, now=now, arguments=arguments, items=items)


def send_test(task: RunningTask) -> str:
    """If the process dies, a provider may get the message twice."""
    channel, hints = Channel(task.arguments["channel"]), dict[str, None]()
    try:
        address = Encryption.of(settings(), _PURPOSE).decrypt(task.arguments["address"])
    except NotDecrypted:
        raise Invalid(_("The secret key was changed in the meantime. Start a new test.")) from None

    def send(item: TaskItem) -> ItemResult:
        found = _diagnosis(item.data["provider"], channel, address)
        hints.update(dict.fromkeys(found.hints))
        (result,) = found.results
        if not result.accepted:
            raise UpstreamRefused(result.explanation)
        return ItemResult({"id": result.provider_id}, result.explanation)

    task.each(send, workers=WORKERS)
    accepted = ngettext("%(num)s provider has accepted the message.", "%(num)s providers have accepted the message.", task.done)
    return " ".join([accepted, *hints])


def _diagnosis(name: str, channel: Channel, address: str) -> diagnosis.Diagnosis:
    """Raises Invalid for a provider that is not set up at present."""
    providers = registry().get(Providers)
    provider = next((each for each in providers.of(channel) if each.name == name), None)
    if provider is None:
        raise Invalid(_("This provider is not set up at present."))
    return diagnosis.send_test(OneProvider(provider, providers), registry().page_settings.current(), channel, address)


kinds = [TaskKind(SEND_TEST, NotificationPermission.SEND, send_test)]
