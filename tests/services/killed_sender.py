"""`python -m tests.services.killed_sender FOLDER DATABASE_URL RESEND_URL TWILIO_URL`: processes that are killed while they send.

For each line of standard input, such as `email before 3`, a new process sends what is due on that channel, and kills itself with SIGKILL
before or after its third commit. The answer is a line with the number of the signal, or 0 if it ended before that.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.notifications.providers.available import set_up_providers
from request_tracker_utils.notifications.providers.interface import Provider
from tests.services.apps import make_app
from tests.services.providers import RESEND_KEY, SENDER, TWILIO_NUMBER, TWILIO_SID, TWILIO_TOKEN
from tests.services.sending import Office

COMMITS = 3
"""Of one message: claim, give, record."""


def providers(resend_url: str, twilio_url: str) -> list[Provider]:
    """The real client libraries, with one thread each: so commits come in the same order each time."""
    settings = Settings.model_validate(
        {
            "resend_api_key": RESEND_KEY,
            "resend_api_url": resend_url,
            "sendgrid_from_email": SENDER,
            "twilio_account_sid": TWILIO_SID,
            "twilio_auth_token": TWILIO_TOKEN,
            "twilio_phone_number": TWILIO_NUMBER,
            "twilio_api_url": twilio_url,
        }
    )
    found = [*set_up_providers(settings, Channel.EMAIL), *set_up_providers(settings, Channel.SMS)]
    for provider in found:
        provider.at_once = 1  # type: ignore[misc]
    return found


def send_and_die(app: Flask, folder: Path, used: list[Provider], channel: Channel, when: str, number: int) -> None:
    commits = 0

    @contextmanager
    def dying(*, durable: bool = True) -> Iterator[Session]:
        nonlocal commits
        with transaction(durable=durable) as session:
            yield session
            commits += 1
            if (when, number) == ("before", commits):
                os.kill(os.getpid(), signal.SIGKILL)
        if (when, number) == ("after", commits):
            os.kill(os.getpid(), signal.SIGKILL)

    with app.app_context():
        office = Office(app, folder, used)
        office.attempts = replace(office.attempts, transaction=dying)
        office.restarted().send_due(channel)


def main() -> None:
    folder, database_url, *urls = sys.argv[1:]
    app, used = make_app(Path(folder), database_url=database_url), providers(*urls)
    print("ready", flush=True)
    for line in sys.stdin:
        channel, when, number = line.split()
        child = os.fork()
        if child == 0:
            send_and_die(app, Path(folder), used, Channel(channel), when, int(number))
            os._exit(0)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
