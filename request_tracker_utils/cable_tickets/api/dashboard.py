"""The JSON route of the dashboard's figures."""

from collections.abc import Mapping
from typing import Self

from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from request_tracker_utils.cable_tickets import dashboard
from request_tracker_utils.cable_tickets.dashboard import AGES, Figures, Times
from request_tracker_utils.cable_tickets.permissions import TicketPermission
from request_tracker_utils.cable_tickets.states import TicketStatus
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer

_STATUSES = [status for status in TicketStatus if status is not TicketStatus.DELETED]


class TicketStatusCounts(BaseModel):
    """Tickets by status, without archived ones."""

    pending_approval: int = Field(examples=[3])
    approved: int = Field(examples=[2])
    rejected: int = Field(examples=[1])
    in_progress: int = Field(examples=[1])
    fulfilled: int = Field(examples=[4])
    closed: int = Field(examples=[20])


class TicketsOfMine(BaseModel):
    """Your own tickets, without archived ones: as `mine=created` and `mine=assigned` list them."""

    created: TicketStatusCounts
    assigned: TicketStatusCounts
    to_decide: int = Field(examples=[2], description="Tickets that wait for your decision.")


class TicketAge(BaseModel):
    """Tickets that have waited for so many days: for approval, for somebody to begin, and until all is fulfilled."""

    days_from: int = Field(examples=[3])
    days_until: int | None = Field(examples=[6], description="The last day that is included; null in the last group.")
    pending_approval: int = Field(examples=[1])
    approved: int = Field(examples=[0])
    in_progress: int = Field(examples=[1])


class TicketTimes(BaseModel):
    """Of the last 30 days. Minutes are estimated from a distribution, and null without tickets."""

    tickets: int = Field(examples=[12])
    median_minutes: int | None = Field(examples=[95])
    most_minutes: int | None = Field(examples=[1300], description="Nine of ten tickets took no longer.")

    @classmethod
    def of(cls, times: Times) -> Self:
        return cls(tickets=times.count, median_minutes=times.median, most_minutes=times.within(0.9))


class TicketStats(TicketStatusCounts):
    """The figures of the dashboard."""

    total_tickets: int = Field(examples=[31], description="Without archived tickets.")
    archived: int = Field(examples=[2])
    mine: TicketsOfMine
    aging: list[TicketAge]
    time_to_approval: TicketTimes = Field(description="From the request until it was approved.")
    time_to_fulfillment: TicketTimes = Field(description="From the approval until everything was fulfilled.")

    @classmethod
    def of(cls, figures: Figures) -> Self:
        return cls(
            **_counts(figures.by_status).model_dump(),
            total_tickets=figures.total,
            archived=figures.archived,
            mine=TicketsOfMine(created=_counts(figures.created), assigned=_counts(figures.assigned), to_decide=figures.to_decide),
            aging=_aging(figures),
            time_to_approval=TicketTimes.of(figures.approval),
            time_to_fulfillment=TicketTimes.of(figures.fulfillment),
        )


api = APIBlueprint("ticket_dashboard_api", __name__, abp_tags=[Tag(name="dashboard", description="Figures about cable tickets.")])


@api.get("/api/dashboard/stats", responses={200: TicketStats})
@require(TicketPermission.READ)
def stats() -> Answer:
    """Count the cable tickets by status, your own, and those that wait, and say how long approval and fulfillment take."""
    with reading() as session:
        figures = dashboard.figures(session, user_id=current_actor().user_id, now=utc_now())
        return TicketStats.of(figures).model_dump(mode="json")


def _counts(counts: Mapping[str, int]) -> TicketStatusCounts:
    return TicketStatusCounts.model_validate({status.value: counts[status] for status in _STATUSES})


def _aging(figures: Figures) -> list[TicketAge]:
    bounds = [0, *AGES]
    return [
        TicketAge(
            days_from=first,
            days_until=bounds[number + 1] - 1 if number + 1 < len(bounds) else None,
            **{status: counts[number] for status, counts in figures.waiting.items()},
        )
        for number, first in enumerate(bounds)
    ]
