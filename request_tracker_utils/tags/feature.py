"""What tags contribute to the app."""

from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.health import CheckResult, HealthCheck, Status
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.reconciliation.tasks import compared_at, task_kinds
from request_tracker_utils.reconciliation.views import pages as reconciliation_pages
from request_tracker_utils.tags import audit, cli, duplicates, lookup, sequence, tasks, views, webhook
from request_tracker_utils.tags.api import HOOK_SCHEME, HOOK_SCHEME_SPEC, api, hook
from request_tracker_utils.tags.current import RECONCILIATION
from request_tracker_utils.tags.errors import SequenceNotReady
from request_tracker_utils.tags.permissions import GRANTS, TagPermission
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Feature, HomeCard, NavItem, SectionContent, StatusSection
from request_tracker_utils.web.layout import when
from request_tracker_utils.web.openapi import add_security_scheme
from request_tracker_utils.web.registry import registry_of, settings

HEALTH_CHECK_TTL = 30.0
RECENT, DUPLICATES, FAILING = 6, 4, 5
"""Entries of the audit log and duplicate names on the front page, and failing tags on the status page."""


def prepare() -> None:
    """Creates the sequence and the webhook's secret. A job adopts the existing tags, unless the asset store is embedded."""
    with transaction() as session:
        sequence.create_if_missing(session, settings().prefix, now=utc_now())
        webhook.ensure_secret(session)
    if asset_store().kind == "embedded":
        tasks.adopt_tags()


def install(app: Flask) -> None:
    add_security_scheme(app, HOOK_SCHEME, HOOK_SCHEME_SPEC)
    registry_of(app).get(TaskKinds).add(*tasks.kinds, *task_kinds(RECONCILIATION))


def card() -> dict[str, object]:
    with reading() as session:
        try:
            next_tag = str(sequence.preview(session, settings().prefix))
        except SequenceNotReady:
            next_tag = None
        now = utc_now()
        news = audit.duplicates(session, since=now - duplicates.NEWS, limit=DUPLICATES)
        return {
            "next_tag": next_tag,
            **lookup.pending_counts(session),
            "recent": audit.recent(session, limit=RECENT),
            "differences": RECONCILIATION.discrepancies.total_open(session),
            "duplicates": [event for event in news if duplicates.is_news(session, event, now=now)],
        }


def status() -> SectionContent:
    problems = []
    with reading() as session:
        differences, compared = RECONCILIATION.discrepancies.total_open(session), compared_at(session, RECONCILIATION)
        counts, pending_assets = lookup.pending_counts(session), lookup.count_pending_assets(session)
        many_calls = _many_calls(session)
        failing = [tag for tag in lookup.pending_tags(session) if tag.problem][:FAILING]
        try:
            next_tag = str(sequence.preview(session, settings().prefix))
        except SequenceNotReady as error:
            next_tag = None
            problems.append(error.message)
    if many_calls:
        problems.append(many_calls)
    if counts["failing"]:
        problems.append(ngettext("%(num)s tag needs attention.", "%(num)s tags need attention.", counts["failing"]))
    if differences:
        problems.append(
            ngettext(
                "%(num)s difference between tags and asset names is open.",
                "%(num)s differences between tags and asset names are open.",
                differences,
            )
        )
    facts = {"next_tag": next_tag, "pending_assets": pending_assets, "problem_tags": failing, **counts}
    return SectionContent({**facts, "differences": differences, "compared_at": compared}, problems)


def check_webhook() -> CheckResult:
    """Whether the webhook has assigned more tags in a minute than WEBHOOK_TAGS_PER_MINUTE. Only the site's staff can tell an import
    from a stolen secret."""
    with reading() as session:
        warning = _many_calls(session)
    return CheckResult(Status.DEGRADED if warning else Status.OK, warning or _("The webhook assigns the usual number of tags."))


def _many_calls(session: Session) -> str:
    """Empty if there were not many."""
    limit = settings().webhook_tags_per_minute
    at = webhook.busiest_moment(session, limit=limit, since=utc_now() - webhook.ALERT_FOR)
    if at is None:
        return ""
    return _(
        "The webhook has assigned more than %(limit)s tags within a minute, most recently at %(time)s. If nobody has added so many assets "
        "to Request Tracker, replace the secret of the webhook; otherwise set WEBHOOK_TAGS_PER_MINUTE to a higher number.",
        limit=limit,
        time=when(at),
    )


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        counts, open_differences = lookup.pending_counts(session), RECONCILIATION.discrepancies.total_open(session)
        by_webhook = webhook.count_assigned(session, since=utc_now() - webhook.MINUTE)
    return {
        "rtutils_tags_pending": ("Tags that the asset store has not confirmed.", counts["pending"]),
        "rtutils_tags_failing": ("Tags that need attention.", counts["failing"]),
        "rtutils_webhook_tags": ("Tags that the webhook has assigned in the last minute.", by_webhook),
        "rtutils_tag_differences": ("Open differences between asset names and tags.", open_differences),
    }


feature = Feature(
    name="tags",
    apis=[api, hook],
    pages=[
        views.pages,
        views.webhook_pages,
        views.pending_pages,
        views.sweep_pages,
        views.untagged_pages,
        reconciliation_pages(RECONCILIATION),
    ],
    jobs=tasks.jobs,
    commands=[cli.tags],
    navigation=[NavItem("Webhook", "webhook_page.show", TagPermission.WEBHOOK, order=80)],
    administration=[NavItem("Asset tags", "asset_tags.show", TagPermission.READ, order=20)],
    cards=[HomeCard("tags/card.html", TagPermission.READ, card, order=20)],
    checks=[HealthCheck("webhook", check_webhook, essential=False, ttl=HEALTH_CHECK_TTL)],
    gauges=[gauges],
    status=[StatusSection("Asset tags", "tags/status.html", status, order=50)],
    grants=GRANTS,
    former_addresses={"/tags/waiting": "pending_tags.list_pending"},
    install=install,
    prepare=prepare,
)
