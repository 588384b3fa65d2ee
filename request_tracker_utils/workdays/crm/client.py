"""One request to the CRM. It ends at a deadline whatever the CRM does, follows no redirects, and verifies certificates."""

import json
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.connections import any_address
from request_tracker_utils.integrations.http.exchange import Answer, NoAnswer, NothingSent, exchange
from request_tracker_utils.workdays.crm.payload import CrmRecord
from request_tracker_utils.workdays.crm.responses import (
    CrmDenied,
    CrmError,
    CrmFailedForNow,
    CrmRejected,
    CrmUnreachable,
    check_answer,
    described,
)


@dataclass(frozen=True)
class Sent:
    """How an attempt ended. Without an error, it was accepted."""

    answer: str = ""
    """Status and text; empty if there was none."""
    error: CrmError | None = None


class CrmClient:
    """Thread-safe."""

    def __init__(self, url: str, token: str, *, seconds: float = 30, allow_http: bool = False) -> None:
        if urlsplit(url).scheme.lower() != "https" and not allow_http:
            raise ValueError("the address of the CRM must start with https://")
        self._url, self._token, self.seconds = url, token, seconds

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """None if these settings name no CRM."""
        if settings.crm_api_url is None or settings.crm_api_token is None:
            return None
        token = settings.crm_api_token.get_secret_value()
        return cls(settings.crm_api_url, token, seconds=settings.crm_request_timeout, allow_http=settings.crm_allow_http)

    def __repr__(self) -> str:
        return f"CrmClient({self._url!r})"

    @property
    def address(self) -> str:
        return self._url

    def send(self, record: CrmRecord) -> Sent:
        body = json.dumps(record.body()).encode()
        try:
            answer = self._exchange("POST", body, {"Idempotency-Key": record.key})
        except (CrmUnreachable, CrmFailedForNow) as error:
            return Sent(error=error)
        said = described(answer, (self._token,))
        try:
            check_answer(answer)
        except (CrmDenied, CrmFailedForNow, CrmRejected) as error:
            return Sent(said, error)
        return Sent(said)

    def probe(self) -> Answer:
        """What the address answers to OPTIONS, which changes nothing. Raises CrmUnreachable, or CrmFailedForNow if nothing came back."""
        return self._exchange("OPTIONS", b"", {})

    def _exchange(self, method: str, body: bytes, headers: dict[str, str]) -> Answer:
        lines = {
            "Authorization": f"Token {self._token}",
            "Accept": "application/json",
            "User-Agent": "request-tracker-utils",
            **({"Content-Type": "application/json"} if body else {}),
            **headers,
        }
        try:
            return exchange(method, self._url, headers=lines, body=body, permits=any_address, seconds=self.seconds)
        except NothingSent as failure:
            text = _("The CRM could not be reached (%(reason)s). Check the network, and CRM_API_URL.", reason=str(failure))
            raise CrmUnreachable(text) from None
        except NoAnswer as failure:
            text = _("The CRM did not answer: %(reason)s.", reason=str(failure))
            raise CrmFailedForNow(text, answered=False) from None
