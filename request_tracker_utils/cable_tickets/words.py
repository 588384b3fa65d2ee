"""Words for pages: lists of names, channels, and suggested reasons."""

from collections.abc import Sequence

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.translation import gettext as _, gettext_noop

REJECTION_REASONS = (gettext_noop("Not needed"), gettext_noop("Not in the budget"), gettext_noop("Request a different cable"))
"""Suggestions of the forms that reject a request."""
CLOSING_REASONS = (gettext_noop("No longer needed"), gettext_noop("Not available"), gettext_noop("Bought elsewhere"))
CHANNELS = {Channel.EMAIL: gettext_noop("email"), Channel.SMS: gettext_noop("text message"), Channel.CHAT: gettext_noop("chat")}


def joined(words: Sequence[str], *, most: int = 4) -> str:
    """`a, b and c`; the first ones if there are more than `most`."""
    if len(words) > most:
        shown, others = words[: most - 1], len(words) - most + 1
        return _("%(names)s and %(count)s others", names=", ".join(shown), count=others)
    if len(words) < 2:
        return "".join(words)
    return _("%(names)s and %(last)s", names=", ".join(words[:-1]), last=words[-1])


def channel_names(channels: Sequence[Channel]) -> str:
    return joined([_(CHANNELS[channel]) for channel in channels])
