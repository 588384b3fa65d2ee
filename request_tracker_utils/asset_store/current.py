"""The asset store of this app, for entry points."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore

from flask import Flask, has_request_context

from request_tracker_utils.accounts.rt_tokens import RtTokens
from request_tracker_utils.asset_store.brief_lookup import LONGEST_WAIT, BriefLookup
from request_tracker_utils.asset_store.embedded import EmbeddedAssetStore
from request_tracker_utils.asset_store.inspection import Inspect, Inspection, Result, inspect_embedded, inspect_request_tracker
from request_tracker_utils.asset_store.request_tracker import WORKERS, RequestTrackerAssetStore
from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core import metrics
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.settings import FIELD_SETTINGS, Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.rt import RtClient
from request_tracker_utils.integrations.rt.transport import RETRY_WITHIN
from request_tracker_utils.web.registry import registry, registry_of
from request_tracker_utils.web.threads import Sizes

STATUS_TIMEOUT = 3.0
"""Seconds for each of Request Tracker's answers while a user waits for the status page."""


@dataclass(frozen=True)
class AssetStores:
    """One asset store, for requests (which occupy a thread of the server) and for jobs and commands."""

    for_requests: AssetStore
    for_jobs: AssetStore
    inspect: Inspect


def asset_store() -> AssetStore:
    asset_stores = registry().get(AssetStores)
    return asset_stores.for_requests if has_request_context() else asset_stores.for_jobs


def asset_store_name() -> str:
    """As pages call it."""
    return _("Request Tracker") if asset_store().kind == "rt" else _("the built-in asset list")


def inspection() -> Inspection:
    """The inspection of the asset store by this process."""
    return registry().get(Inspection)


def inspect_thoroughly() -> Iterator[Result]:
    """Inspects the asset store again, with the timeouts of jobs."""
    return registry().get(AssetStores).inspect()


def install(app: Flask) -> None:
    registry = registry_of(app)
    settings = registry.settings
    # A session would hide an invalid token, so inspections use the token only.
    for_status = _client(settings, read_timeout=min(STATUS_TIMEOUT, settings.rt_timeout), retry_within=0, use_session=False)
    registry.provide(Inspection, Inspection(_inspect(settings, for_status)))
    inspect = _inspect(settings, _client(settings, read_timeout=settings.rt_timeout, use_session=False))
    client = _client(settings, read_timeout=settings.rt_timeout)
    if client is None:
        embedded = EmbeddedAssetStore(transaction, reading, settings.public_address(), settings.rt_catalog)
        registry.provide(AssetStores, AssetStores(embedded, embedded, inspect))
        registry.provide(BriefLookup, BriefLookup(embedded))
        return
    create = partial(RequestTrackerAssetStore, default_catalog=settings.rt_catalog, manufacturer_field=settings.rt_manufacturer_field)
    slots = BoundedSemaphore(Sizes.of(settings.threads).waiting_for_rt)
    for_requests = create(client, slots=slots)
    registry.provide(AssetStores, AssetStores(for_requests, create(client), inspect))
    registry.provide(BriefLookup, BriefLookup(create(client.within(LONGEST_WAIT)), slots=slots))
    registry.provide(RtTokens, RtTokens(for_requests))


def _inspect(settings: Settings, client: RtClient | None) -> Inspect:
    if client is None:
        return inspect_embedded
    fields = [(name.upper(), getattr(settings, name)) for name in FIELD_SETTINGS]
    return partial(
        inspect_request_tracker,
        client,
        catalog=settings.rt_catalog,
        fields=fields,
        status=settings.rt_asset_status,
        device_catalogs=settings.device_catalogs,
    )


def _client(settings: Settings, *, read_timeout: float, retry_within: float = RETRY_WITHIN, use_session: bool = True) -> RtClient | None:
    """A client of Request Tracker, if one is configured."""
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
        pool_size=settings.threads + WORKERS,
        ca_bundle=str(settings.rt_ca_bundle) if settings.rt_ca_bundle else None,
        use_session=use_session,
        on_request=metrics.count_rt_request,
    )
