"""Commands for messages."""

import click

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications import diagnosis
from request_tracker_utils.notifications.providers.interface import Providers
from request_tracker_utils.web.registry import registry


@click.group()
def notifications() -> None:
    """Manage messages by email, SMS and chat."""


@notifications.command("test")
@click.option("--email", help="Send to this email address.")
@click.option("--sms", help="Send to this phone number, with its country code: +12025550123.")
@click.option("--chat", help="Send to this chat address: slack://…, ntfys://….")
@click.option("--office", is_flag=True, help="Send to the chat addresses of NOTIFY_URLS.")
def send_test(email: str | None, sms: str | None, chat: str | None, office: bool) -> None:
    """Send a test message through every provider, and explain what does not work.

    The exit code is 1 unless every provider has accepted the message.
    """
    wanted = [(Channel.EMAIL, email), (Channel.SMS, sms), (Channel.CHAT, chat), (Channel.CHAT, "" if office else None)]
    chosen = [(channel, address) for channel, address in wanted if address is not None]
    if not chosen:
        raise click.UsageError(_("Choose where to send: --email, --sms, --chat or --office."))
    works = True
    for channel, address in chosen:
        try:
            found = diagnosis.send_test(registry().get(Providers), registry().page_settings.current(), channel, address)
        except Invalid as error:
            raise click.ClickException(error.message) from None
        for result in found.results:
            click.echo(f"{result.title}: {result.explanation}")
        for hint in found.hints:
            click.echo(f"  {hint}")
        works = works and found.works
    if not works:
        raise click.exceptions.Exit(1)
