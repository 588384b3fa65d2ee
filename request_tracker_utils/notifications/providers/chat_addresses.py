"""Which chat addresses are permitted. Apprise knows more than a hundred services, and options that read files or disable checks."""

import logging
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyBase, PersistentStoreMode
from apprise.plugins import url_to_dict

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.ip_addresses import address_of
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.integrations.http.connections import public_address

logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
"""It logs addresses, which contain secrets, and texts. What matters is in our own errors."""

MAX_LENGTH = 500
MAX_ADDRESSES = 3
"""How many one person may have."""

_COMMON = frozenset({"to", "token", "mode", "image", "format"})
_OPTIONS: dict[str, frozenset[str]] = {
    "slack": _COMMON | {"footer", "timestamp", "blocks"},
    "workflow": _COMMON | {"id", "sig", "sp", "sv", "pa", "powerautomate", "ver", "api-version", "wrap", "route", "routeid"},
    "ntfy": _COMMON | {"priority", "tags", "xtags", "auth"},
    "discord": _COMMON | {"footer", "thread", "tts", "avatar"},
    "mmost": _COMMON | {"channel", "channels", "team"},
    "gchat": _COMMON | {"key", "thread", "workspace"},
    "sns": _COMMON | {"access", "secret", "region", "key"},
    "json": _COMMON | {"method"},
}
"""Options in the address (`?name=value`) by service. Others of Apprise read files (`template`), attach other addresses, do not verify
certificates, follow redirects, or wait for hours."""
_SERVICES = {
    "slack": "slack",
    "workflow": "workflow",
    "workflows": "workflow",
    "ntfy": "ntfy",
    "ntfys": "ntfy",
    "discord": "discord",
    "mmost": "mmost",
    "mmosts": "mmost",
    "gchat": "gchat",
    "sns": "sns",
    "json": "json",
    "jsons": "json",
}
_TITLES = {
    "slack": "Slack",
    "workflow": "Microsoft Teams",
    "ntfy": "ntfy",
    "discord": "Discord",
    "mmost": "Mattermost",
    "gchat": "Google Chat",
    "sns": "Amazon SNS",
    "json": gettext_noop("another program (JSON)"),
}
_OFFICE_ONLY = frozenset({"json"})
"""They send to any address with any headers, so people cannot enter them for themselves."""
_UNENCRYPTED = frozenset({"ntfy", "mmost", "json"})

_ASSET = AppriseAsset(
    app_id="RequestTracker Utils",
    app_desc="RequestTracker Utils",
    async_mode=False,
    http_redirects=False,
    image_url_mask="",
    image_url_logo="",
    storage_mode=PersistentStoreMode.MEMORY,
)


class InvalidChatAddress(Invalid):
    """The address cannot be used for messages. The message does not contain it."""

    code = "invalid_chat_address"


def parse_chat_address(address: str, *, personal: bool, allow_private: bool = False) -> NotifyBase:
    """The service of Apprise. `personal`: entered by a person for themselves, not by an administrator. Raises InvalidChatAddress.

    Nothing is connected to. Where the host is a name, its address is checked when a message is sent (`connections.connect`).
    """
    parts = _parts(address)
    service = _service_of(parts)
    if service is None or (personal and service in _OFFICE_ONLY):
        titles = ", ".join(title for name, title in _TITLES.items() if name not in _OFFICE_ONLY)
        raise InvalidChatAddress(_("This is not the address of a known chat service. Enter one of %(services)s.", services=titles))
    options: dict[str, str] = parts["qsd"]
    unknown = sorted(name for name in options if name not in _OPTIONS[service] and not (service == "json" and name[:1] in "+-:"))
    if unknown:
        text = _("The option %(name)s is not permitted in chat addresses. Remove it from the address.", name=unknown[0][:40])
        raise InvalidChatAddress(text)
    if personal and not allow_private:
        _check_reach(parts)
    plugin = Apprise.instantiate(dict(parts), asset=_ASSET)
    if plugin is None:
        raise InvalidChatAddress(_("The address of %(service)s is incomplete. Copy it again.", service=_(_TITLES[service])))
    if len(plugin) != 1:
        raise InvalidChatAddress(_("Enter one address for each channel: this one names several, or none."))
    return plugin


def check_personal_addresses(text: str, *, allow_private: bool = False) -> list[str]:
    """What a person entered, one address per line. Raises InvalidChatAddress."""
    addresses = list(dict.fromkeys(text.split()))
    if len(addresses) > MAX_ADDRESSES:
        raise InvalidChatAddress(_("Enter at most %(count)s chat addresses.", count=MAX_ADDRESSES))
    for address in addresses:
        parse_chat_address(address, personal=True, allow_private=allow_private)
    return addresses


def _parts(address: str) -> dict[str, Any]:
    if len(address) > MAX_LENGTH or not address.isprintable() or " " in address or "://" not in address:
        text = _("A chat address has the form slack://…, with at most %(count)s characters and no spaces.", count=MAX_LENGTH)
        raise InvalidChatAddress(text)
    parts = url_to_dict(address, secure_logging=True)  # type: ignore[no-untyped-call]
    if not isinstance(parts, dict):
        raise InvalidChatAddress(_("This chat address cannot be read. Copy it again."))
    return parts


def _service_of(parts: dict[str, Any]) -> str | None:
    return _SERVICES.get(str(parts.get("schema") or "").lower())


def _check_reach(parts: dict[str, Any]) -> None:
    """Only of services that name a host: others have a fixed one."""
    schema, host = str(parts["schema"]).lower(), str(parts.get("host") or "").strip("[]").rstrip(".").lower()
    if _SERVICES[schema] not in _UNENCRYPTED:
        return
    address = address_of(host)
    if (address is not None and not public_address(address)) or host == "localhost" or host.endswith(".localhost"):
        raise InvalidChatAddress(_("This address leads to this server or to a private network, which is not permitted."))
    cloud = schema == "ntfy" and parts.get("mode") == "cloud"
    if schema in _UNENCRYPTED and not cloud:
        raise InvalidChatAddress(_("This address is not encrypted. Use %(schema)ss:// instead.", schema=schema))
