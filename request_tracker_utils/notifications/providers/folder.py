"""The folder that receives the messages of a channel without a provider, one file each."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.private_files import create_folder, open_private
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.providers.interface import Accepted, NotConnected, Provider, RenderedMessage

log = structlog.get_logger(__name__)

FOLDER_MODE = 0o700


class FolderProvider(Provider):
    """A repetition writes the same file again."""

    name, title = "folder", "outbox folder"
    has_idempotency = True
    is_folder = True

    def __init__(self, channel: Channel, folder: Path) -> None:
        self.channel, self._folder = channel, folder  # type: ignore[misc]

    def send(self, message: RenderedMessage, key: str) -> Accepted:
        name = f"{self.channel}-{key}.txt"
        file, partial = self._folder / name, self._folder / f".{name}.partial"
        try:
            create_folder(self._folder, FOLDER_MODE)
            with suppress(FileNotFoundError):
                partial.unlink()
            with open(open_private(partial, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW), "w", encoding="utf-8", errors="replace") as stream:
                stream.write(self._text(message))
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(file)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            text = _("The message could not be written to the folder %(folder)s (%(reason)s).", folder=str(self._folder), reason=reason)
            raise NotConnected(text) from None
        log.warning("no provider is set up: message written to a file", channel=str(self.channel), file=str(file))
        return Accepted(name)

    @staticmethod
    def _text(message: RenderedMessage) -> str:
        # Chat addresses contain secrets.
        to = _("chat") if message.channel is Channel.CHAT else " ".join(message.to.split())
        lines = [f"To: {to}"]
        lines += [f"{name}: {value}" for name, value in (("From", message.sender), ("Subject", message.subject)) if value]
        return "\n".join([*lines, "", message.text, ""])


def delete_older(folder: Path, before: datetime) -> int:
    """Deletes messages that were written before then; returns how many. What people put into the folder themselves stays."""
    count = 0
    for file in _messages(folder):
        with suppress(OSError):
            if file.stat().st_mtime < before.timestamp():
                file.unlink()
                count += 1
    return count


def _messages(folder: Path) -> Iterator[Path]:
    prefixes = tuple(f"{start}{channel}-" for channel in Channel for start in ("", "."))
    with suppress(FileNotFoundError):
        yield from (file for file in folder.iterdir() if file.name.startswith(prefixes))
