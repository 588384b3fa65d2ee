"""The client of Request Tracker: one object, safe to use from several threads."""

from copy import copy
from types import TracebackType
from typing import Self

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt.assets import Assets
from request_tracker_utils.integrations.rt.custom_fields import CustomFields
from request_tracker_utils.integrations.rt.errors import RtNotFound, RtRefused
from request_tracker_utils.integrations.rt.records import malformed
from request_tracker_utils.integrations.rt.session import OnRequest
from request_tracker_utils.integrations.rt.tickets import Tickets
from request_tracker_utils.integrations.rt.transport import RETRY_WITHIN, Transport
from request_tracker_utils.integrations.rt.users import Users


class RtClient:
    """Request Tracker at `url`, as the user of `token`: its `assets`, `tickets`, `users` and `custom_fields`.

    Every method of these raises RtUnreachable and RtRefused, and others where it says so. Timeouts are seconds. A read is repeated at most
    twice, if it can start within `retry_within`; a write never. At most `pool_size` requests run in parallel; further threads wait. Proxies
    of the environment are not used. Without `use_session`, every call has its token checked, which takes about 0.24 s; see `session`.

    Raises ValueError for an invalid url, token or name of a custom field.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        api_endpoint: str = "/REST/2.0",
        serial_field: str = "Serial Number",
        model_field: str = "Model",
        connect_timeout: float = 3.0,
        read_timeout: float = 10.0,
        retry_within: float = RETRY_WITHIN,
        pool_size: int = 16,
        ca_bundle: str | None = None,
        use_session: bool = True,
        on_request: OnRequest | None = None,
    ) -> None:
        transport = Transport(
            url,
            token,
            api_endpoint=api_endpoint,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retry_within=retry_within,
            pool_size=pool_size,
            ca_bundle=ca_bundle,
            use_session=use_session,
            on_request=on_request,
        )
        self._use(transport, Users(transport, token), serial_field, model_field)

    def _use(self, transport: Transport, users: Users, serial_field: str, model_field: str) -> None:
        self._transport, self.users, self.tickets = transport, users, Tickets(transport)
        self.custom_fields = CustomFields(transport)
        self.assets = Assets(transport, users, self.custom_fields, serial_field=serial_field, model_field=model_field)

    def within(self, seconds: float) -> Self:
        """A client for brief lookups: with the same connections and session, but this timeout and no repetitions."""
        brief = copy(self)
        brief._use(self._transport.within(seconds), self.users, self.assets.serial_field, self.assets.model_field)
        return brief

    def __repr__(self) -> str:
        return f"RtClient({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def url(self) -> str:
        """As users enter it in a browser, without a slash at the end."""
        return self._transport.url

    def has_session(self) -> bool:
        """Whether calls are quick because they use a session. Starts one if possible."""
        return self._transport.has_session()

    def version(self) -> str:
        """Such as `5.0.3`. Sends the token without a session, so that it verifies address and token."""
        try:
            body = self._transport.get_with_token("rt").body
        except RtNotFound:
            message = _("Request Tracker's REST 2.0 API was not found at %(url)s. Check RT_URL and API_ENDPOINT.", url=self.url)
            raise RtRefused(message, status=404) from None
        if not isinstance(body, dict) or not isinstance(body.get("Version"), str):
            raise malformed(_("its version"))
        return str(body["Version"])
