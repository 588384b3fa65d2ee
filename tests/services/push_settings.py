"""Apps to which terminals may push."""

from ipaddress import ip_network

from flask import Flask

from request_tracker_utils.web.registry import registry_of


def allow_pushing(app: Flask, *networks: str) -> None:
    """Lets terminals push to the app, from these networks only if there are any."""
    changed = {"terminal_push": True, "terminal_push_networks": tuple(map(ip_network, networks))}
    registry_of(app).settings = registry_of(app).settings.model_copy(update=changed)
