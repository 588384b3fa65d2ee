"""One HTTP request to a provider. The client libraries prepare the requests and read the responses; this sends them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.connections import Permits, any_address
from request_tracker_utils.integrations.http.exchange import Answer, NoAnswer, NothingSent, exchange, quoted_detail
from request_tracker_utils.notifications.providers.interface import BadMessage, Busy, NotConnected, Provider, ProviderError, Refused, Silent

SECONDS = 20.0
"""For the whole exchange after the lookup of the name, to the end of the response. A provider has `interface.DEADLINE` for all."""


class HttpService:
    """A service with an HTTP API, which errors name by its title."""

    title: str
    seconds: float = SECONDS
    secrets: Sequence[str] = ()
    """Never quoted, should a provider repeat them."""

    def quoted(self, detail: str) -> str:
        return quoted_detail(detail, self.secrets)

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        permits: Permits = any_address,
        seconds: float | None = None,
    ) -> Answer:
        """Raises NotConnected if nothing was sent, and Silent if there was no response. Their messages do not contain the address, which
        may contain secrets. Raises ForbiddenAddress if the host has only addresses that are not permitted."""
        try:
            return exchange(method, url, headers=headers, body=body, permits=permits, seconds=seconds or self.seconds)
        except NothingSent as failure:
            reason = str(failure)
        except NoAnswer as failure:
            raise self.silent(str(failure)) from None
        text = _("%(provider)s could not be reached (%(reason)s). Check the network, and the settings.", provider=self.title, reason=reason)
        raise NotConnected(text)

    def silent(self, reason: str) -> Silent:
        text = _("%(provider)s did not say whether it accepted the message: %(reason)s.", provider=self.title, reason=reason)
        return Silent(text)

    def general_error(self, answer: Answer, detail: str = "") -> ProviderError:
        """What a status means that the provider's own rules have not explained. `detail` is what the provider said."""
        status, quoted = answer.status, self.quoted(detail)
        if status == 429 or (status == 503 and answer.retry_after is not None):
            text = _("%(provider)s accepts no more messages at the moment (%(status)s).", provider=self.title, status=status)
            return Busy(text + quoted, retry_after=answer.retry_after or timedelta(seconds=30))
        if status == 413:
            return BadMessage(_("The message is too large for %(provider)s.", provider=self.title) + quoted)
        if 300 <= status < 500 and status != 408:
            return Refused(self._refusal(answer) + quoted)
        if answer.is_page:
            reason = _("it returned a web page (%(status)s); a content filter may block it", status=status)
        elif status >= 500:
            reason = _("it had an internal error (%(status)s)", status=status)
        else:
            reason = _("its response cannot be read (%(status)s)", status=status)
        return self.silent(reason)

    def _refusal(self, answer: Answer) -> str:
        if answer.status < 400:
            return _(
                "%(provider)s redirects to another address, where the key is not sent. Correct its address in the settings; a content "
                "filter may also redirect.",
                provider=self.title,
            )
        if answer.is_page:
            return _(
                "A web page was returned (%(status)s) instead of an answer of %(provider)s. A content filter or proxy may block it.",
                provider=self.title,
                status=answer.status,
            )
        return _("%(provider)s refuses the message (%(status)s).", provider=self.title, status=answer.status)


class HttpProvider(HttpService, Provider):
    """What providers with an HTTP API share."""
