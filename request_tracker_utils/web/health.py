"""Whether the program is well, for monitors and load balancers."""

from dataclasses import dataclass
from enum import StrEnum

from flask_openapi3 import APIBlueprint, OpenAPI, Tag
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.health import Health, Report, Status
from request_tracker_utils.web.answer import Answer
from request_tracker_utils.web.auth import current_actor_or_none, public
from request_tracker_utils.web.registry import registry, registry_of

api = APIBlueprint("health", __name__, abp_tags=[Tag(name="health", description="For monitors and load balancers.")])


@dataclass(frozen=True)
class HealthPermission:
    permission: StrEnum


class CheckOut(BaseModel):
    """What one check found."""

    status: Status = Field(examples=[Status.OK])
    summary: str = Field(
        description="For a person to read. Administrators are told versions, addresses and paths too.", examples=["It answers."]
    )


class HealthOut(BaseModel):
    """How the program is, and what each check found."""

    status: Status = Field(examples=[Status.OK])
    degraded: list[str] = Field(description="The checks that are not well.", examples=[[]])
    checks: dict[str, CheckOut] = Field(examples=[{"database": {"status": "ok", "summary": "It answers."}}])


def install(app: OpenAPI, permission: StrEnum) -> None:
    """Checks of the house and of all rooms. `permission` lets a caller read versions, addresses and paths."""
    registry = registry_of(app)
    registry.provide(HealthPermission, HealthPermission(permission))
    registry.provide(Health, Health(registry.checks, app.app_context))
    app.register_api(api)


def report() -> Report:
    """What all checks find. Takes as long as the slowest, and three seconds at most."""
    return registry().get(Health).report()


@api.get("/api/health", responses={200: HealthOut, 503: HealthOut})
@public("monitors and load balancers have no account")
def health() -> Answer:
    """Tell whether the program is well.

    200 as long as it does its work, if with difficulty; 503 when it cannot.
    """
    found = report()
    full = found.findings["database"].status is Status.OK and _may_read_all()
    checks = {name: CheckOut(status=finding.status, summary=finding.told(full=full)) for name, finding in found.findings.items()}
    answer = HealthOut(status=found.status, degraded=found.unwell, checks=checks)
    return answer.model_dump(mode="json"), 503 if found.status is Status.DOWN else 200


def _may_read_all() -> bool:
    try:
        actor = current_actor_or_none()
    except (SQLAlchemyError, Unavailable):
        return False  # who cannot be recognised now is told what everybody is told
    return actor is not None and actor.may(registry().get(HealthPermission).permission)
