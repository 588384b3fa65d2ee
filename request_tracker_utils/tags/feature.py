"""The tags domain, as the app sees it."""

from flask import Flask

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.reconciliation.tasks import task_kinds
from request_tracker_utils.reconciliation.views import pages as reconciliation_pages
from request_tracker_utils.tags import cli, sequence, service, status, trail, webhook
from request_tracker_utils.tags.api import HOOK_SCHEME, HOOK_SCHEME_SPEC, api, hook
from request_tracker_utils.tags.current import RECONCILIATION
from request_tracker_utils.tags.errors import SequenceNotReady
from request_tracker_utils.tags.jobs import adopt_tags, jobs
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.tasks import tags as tasks
from request_tracker_utils.tags.views import (
    administration as administration_views,
    audit as audit_views,
    sweep as sweep_views,
    untagged as untagged_views,
    webhook as views,
)
from request_tracker_utils.tasks.kinds import Kinds
from request_tracker_utils.web.feature import Feature, HomeCard, NavItem
from request_tracker_utils.web.openapi import add_security_scheme
from request_tracker_utils.web.registry import registry_of, settings


def prepare() -> None:
    """Makes the sequence and the webhook's secret. The embedded directory is read at once, Request Tracker by a job."""
    with transaction() as session:
        sequence.ensure(session, settings().prefix, now=utc_now())
        webhook.ensure_secret(session)
    if asset_store().kind == "embedded":
        adopt_tags()


def card() -> dict[str, object]:
    """What the front page shows of tags."""
    with reading() as session:
        try:
            next_tag = str(sequence.preview(session, settings().prefix))
        except SequenceNotReady:
            next_tag = None
        return {"next_tag": next_tag, **service.waiting(session), "recent": trail.recent(session, limit=6)}


def install(app: Flask) -> None:
    add_security_scheme(app, HOOK_SCHEME, HOOK_SCHEME_SPEC)
    registry_of(app).get(Kinds).add(*tasks.kinds, *task_kinds(RECONCILIATION))


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        counts, open_differences = service.waiting(session), sum(RECONCILIATION.discrepancies.count_open(session).values())
    return {
        "rtutils_tags_unconfirmed": ("Tags that the directory is not known to hold yet.", counts["unconfirmed"]),
        "rtutils_tags_with_a_problem": ("Tags that somebody has to look at.", counts["problems"]),
        "rtutils_tag_differences": ("Open differences between asset names and tags.", open_differences),
    }


feature = Feature(
    name="tags",
    apis=[api, hook],
    pages=[
        views.pages,
        views.waiting_pages,
        administration_views.pages,
        audit_views.pages,
        sweep_views.pages,
        untagged_views.pages,
        reconciliation_pages(RECONCILIATION),
    ],
    jobs=jobs,
    commands=[cli.tags],
    navigation=[NavItem("Webhook", "webhook_page.connect", TagPermission.WEBHOOK, order=80)],
    administration=[NavItem("Asset tags", "asset_tags.show", TagPermission.READ, order=20)],
    cards=[HomeCard("tags/card.html", TagPermission.READ, card, order=20)],
    gauges=[gauges],
    status=status.sections,
    grants={"admin": frozenset(TagPermission), "staff": frozenset({TagPermission.READ, TagPermission.ASSIGN})},
    install=install,
    prepare=prepare,
)
