"""The directory of this installation, for entry points."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore

from flask import Flask, has_request_context

from request_tracker_utils.accounts.rt_tokens import RtTokens
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.inspection import Examination, Examine, Found, of_embedded, of_request_tracker
from request_tracker_utils.asset_store.request_tracker import RequestTrackerAssetStore
from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core import metrics
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.settings import FIELD_SETTINGS, Settings
from request_tracker_utils.integrations.rt.client import RtClient
from request_tracker_utils.web.registry import registry, registry_of

SPARE = 2
"""Threads of a server process that never wait for Request Tracker: they answer its webhook."""

PATIENCE = 3.0
"""Seconds for which somebody who looks at the status waits for each of Request Tracker's answers."""


@dataclass(frozen=True)
class AssetStores:
    """The same directory, for requests (which hold a thread of the server) and for jobs and commands."""

    of_requests: AssetStore
    of_jobs: AssetStore
    examine: Examine


def asset_store() -> AssetStore:
    asset_stores = registry().get(AssetStores)
    return asset_stores.of_requests if has_request_context() else asset_stores.of_jobs


def place() -> str:
    """What people call the directory."""
    return "RT" if asset_store().kind == "rt" else "the directory"


def examination() -> Examination:
    """What this process has found out about the directory."""
    return registry().get(Examination)


def examined() -> Iterator[Found]:
    """The same, asked anew and with patience, for jobs."""
    return registry().get(AssetStores).examine()


def install(app: Flask) -> None:
    registry = registry_of(app)
    settings = registry.settings
    client = _client(settings, read_timeout=settings.rt_timeout)
    hasty = _client(settings, read_timeout=min(PATIENCE, settings.rt_timeout), retry_within=0)
    examine = _questions(settings, client)
    registry.provide(Examination, Examination(_questions(settings, hasty)))
    if client is None:
        embedded = EmbeddedAssetStore(transaction, reading, settings.public_address(), settings.rt_catalog)
        registry.provide(AssetStores, AssetStores(embedded, embedded, examine))
        return
    named = partial(
        RequestTrackerAssetStore, client, default_catalog=settings.rt_catalog, manufacturer_field=settings.rt_manufacturer_field
    )
    of_requests = named(places=BoundedSemaphore(settings.threads - SPARE))
    registry.provide(AssetStores, AssetStores(of_requests, named(), examine))
    registry.provide(RtTokens, RtTokens(of_requests))


def _questions(settings: Settings, client: RtClient | None) -> Examine:
    if client is None:
        return of_embedded
    fields = [(name.upper(), getattr(settings, name)) for name in FIELD_SETTINGS]
    return partial(of_request_tracker, client, catalog=settings.rt_catalog, fields=fields, status=settings.rt_asset_status)


def _client(settings: Settings, *, read_timeout: float, retry_within: float = 15.0) -> RtClient | None:
    """The client of Request Tracker, if one is configured."""
    if settings.rt_url is None or settings.rt_token is None:
        return None
    return RtClient(
        settings.rt_url,
        settings.rt_token.get_secret_value(),
        api_endpoint=settings.api_endpoint,
        serial_field=settings.rt_serial_field,
        model_field=settings.rt_model_field,
        read_timeout=read_timeout,
        retry_within=retry_within,
        pool_size=settings.threads,
        ca_bundle=str(settings.rt_ca_bundle) if settings.rt_ca_bundle else None,
        on_request=metrics.count_rt_request,
    )
