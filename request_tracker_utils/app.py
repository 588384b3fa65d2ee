"""Creates the app from its features. The only module that names the domains."""

from enum import StrEnum
from itertools import chain

from flask_bootstrap import Bootstrap5
from flask_migrate import Migrate
from flask_openapi3 import Info, OpenAPI

from request_tracker_utils import __version__
from request_tracker_utils.accounts.feature import feature as accounts
from request_tracker_utils.administration.feature import feature as administration
from request_tracker_utils.administration.permissions import AdministrationPermission
from request_tracker_utils.asset_store.feature import feature as asset_store
from request_tracker_utils.assets.feature import feature as assets
from request_tracker_utils.attendance.feature import feature as attendance
from request_tracker_utils.cable_tickets.feature import feature as cable_tickets
from request_tracker_utils.calendars.feature import feature as calendars
from request_tracker_utils.core import log
from request_tracker_utils.core.db import db, reading, run_after_commit, shorten_postgresql_errors, tune_sqlite
from request_tracker_utils.core.health import core_checks
from request_tracker_utils.core.jobs import Jobs
from request_tracker_utils.core.page_settings import PageSettings
from request_tracker_utils.core.settings import MIGRATIONS, STATIC, TEMPLATES, Settings
from request_tracker_utils.holders.feature import feature as holders
from request_tracker_utils.imports.feature import feature as imports
from request_tracker_utils.inventory.feature import feature as inventory
from request_tracker_utils.labels.feature import feature as labels
from request_tracker_utils.legacy_import.feature import feature as legacy_import
from request_tracker_utils.notifications.feature import feature as notifications
from request_tracker_utils.optics.feature import feature as optics
from request_tracker_utils.rosters.feature import feature as rosters
from request_tracker_utils.students.feature import feature as students
from request_tracker_utils.tags.feature import feature as tags
from request_tracker_utils.tasks.feature import feature as tasks
from request_tracker_utils.web import (
    auth,
    body,
    error_responses,
    health,
    layout,
    metrics,
    openapi,
    openapi_views,
    security,
    threads,
)
from request_tracker_utils.web.addresses import redirect_former_addresses
from request_tracker_utils.web.body import StrictJson
from request_tracker_utils.web.feature import Feature
from request_tracker_utils.web.proxies import TrustedProxies
from request_tracker_utils.web.registry import Registry, install as install_registry
from request_tracker_utils.workdays.feature import feature as workdays

FEATURES: list[Feature] = [
    accounts,
    tasks,
    imports,
    notifications,
    calendars,
    asset_store,
    tags,
    labels,
    assets,
    students,
    inventory,
    cable_tickets,
    optics,
    attendance,
    rosters,
    holders,
    workdays,
    legacy_import,
    administration,
]

MAX_REQUEST_SIZE = 1024 * 1024
"""Bytes of a request body. Routes that accept files set their own limit."""


def create_app(settings: Settings) -> OpenAPI:
    """The WSGI app. Accesses neither the database nor other systems: `preparation.prepare` does that.

    Raises SettingsError for settings that only a domain can check.
    """
    log.configure(settings)
    app = OpenAPI(
        __name__,
        info=Info(title="RequestTracker Utils", version=__version__),
        template_folder=TEMPLATES,
        static_folder=STATIC,
        validation_error_status=400,
        validation_error_callback=error_responses.raise_invalid,
        doc_ui=False,
    )
    jobs = Jobs([job for feature in FEATURES for job in feature.jobs])
    registry = Registry(
        settings=settings,
        grants=_grants(),
        jobs=jobs,
        page_settings=PageSettings(settings, list(chain.from_iterable(f.page_settings for f in FEATURES)), reading),
        navigation=sorted(chain.from_iterable(f.navigation for f in FEATURES), key=lambda item: item.order),
        administration=sorted(chain.from_iterable(f.administration for f in FEATURES), key=lambda item: item.order),
        links=sorted(chain.from_iterable(f.links for f in FEATURES), key=lambda link: link.order),
        cards=sorted(chain.from_iterable(f.cards for f in FEATURES), key=lambda card: card.order),
        status=sorted(chain.from_iterable(f.status for f in FEATURES), key=lambda section: section.order),
        messages=list(chain.from_iterable(f.messages for f in FEATURES)),
        checks=[*core_checks(settings, jobs), *chain.from_iterable(f.checks for f in FEATURES)],
        gauges=list(chain.from_iterable(f.gauges for f in FEATURES)),
        preparations=[feature.prepare for feature in FEATURES if feature.prepare],
        demos=[feature.demo for feature in FEATURES if feature.demo],
    )
    install_registry(app, registry)
    _configure(app, settings)
    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS))
    Bootstrap5(app)
    with app.app_context():
        (tune_sqlite if settings.database_file else shorten_postgresql_errors)(db.engine)
        run_after_commit(db.engine, registry.run_soon)
    for part in (metrics, security, auth, openapi, error_responses, layout):
        part.install(app)
    threads.install(app, settings.threads)
    health.install(app, AdministrationPermission.STATUS)
    metrics.serve(app, AdministrationPermission.METRICS)
    for feature in FEATURES:
        _register(app, feature)
    redirect_former_addresses(app, {rule: endpoint for feature in FEATURES for rule, endpoint in feature.former_addresses.items()})
    openapi_views.install(app)
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    return app


def _register(app: OpenAPI, feature: Feature) -> None:
    for api in feature.apis:
        app.register_api(api)
    for pages in feature.pages:
        app.register_blueprint(pages)
    if feature.install:
        feature.install(app)


def _configure(app: OpenAPI, settings: Settings) -> None:
    app.url_map.strict_slashes = False
    app.json = StrictJson(app)
    body.install(app)
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value() if settings.secret_key else None,
        SQLALCHEMY_DATABASE_URI=settings.sqlalchemy_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
        MAX_CONTENT_LENGTH=MAX_REQUEST_SIZE,
        MAX_FORM_MEMORY_SIZE=MAX_REQUEST_SIZE,  # a pasted list may be as large as a file
        PERMANENT_SESSION_LIFETIME=settings.session_days * 24 * 3600,
        SESSION_COOKIE_NAME="rtutils",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_address().startswith("https://"),
        SESSION_REFRESH_EACH_REQUEST=False,
        BOOTSTRAP_SERVE_LOCAL=True,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )


def _engine_options(settings: Settings) -> dict[str, object]:
    """As many connections as there are threads, and some for jobs. Parameters are hidden from errors, which are logged."""
    sizes: dict[str, object] = {"pool_size": settings.threads + 6, "max_overflow": 4, "pool_timeout": 30, "hide_parameters": True}
    return sizes if settings.database_file else {**sizes, "pool_pre_ping": True}


def _grants() -> dict[str, frozenset[StrEnum]]:
    """Role → all permissions that any feature grants it."""
    roles = {role for feature in FEATURES for role in feature.grants}
    return {role: frozenset().union(*(f.grants.get(role, frozenset()) for f in FEATURES)) for role in roles}
