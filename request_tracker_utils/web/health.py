"""GET /api/health, for monitoring and load balancers."""

from dataclasses import dataclass
from enum import StrEnum

from flask_openapi3 import APIBlueprint, OpenAPI, Tag
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from request_tracker_utils.core.errors import Unavailable
from request_tracker_utils.core.health import Health, Report, Status
from request_tracker_utils.web.auth import current_actor_or_none, public
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.registry import registry, registry_of
from request_tracker_utils.web.threads import Reserved

api = APIBlueprint("health", __name__, abp_tags=[Tag(name="health", description="Health checks for monitoring and load balancers.")])


@dataclass(frozen=True)
class HealthPermission:
    permission: StrEnum


class CheckOut(BaseModel):
    """The result of one check."""

    status: Status = Field(examples=[Status.OK])
    summary: str = Field(description="In words. Administrators also get versions, addresses and paths.", examples=["The database answers."])


class HealthOut(BaseModel):
    """The overall status, and the result of each check."""

    status: Status = Field(examples=[Status.OK])
    degraded: list[str] = Field(description="Checks that are not OK.", examples=[[]])
    checks: dict[str, CheckOut] = Field(examples=[{"database": {"status": "ok", "summary": "The database answers."}}])


def install(app: OpenAPI, permission: StrEnum) -> None:
    """Runs the checks of all features. `permission` lets a caller read versions, addresses and paths."""
    registry = registry_of(app)
    registry.provide(HealthPermission, HealthPermission(permission))
    registry.provide(Health, Health(registry.checks, app.app_context))
    app.register_api(api)


def report() -> Report:
    """The results of all checks. Takes as long as the slowest one, and three seconds at most."""
    return registry().get(Health).report()


@api.get("/api/health", responses={200: HealthOut, 503: HealthOut})
@public("monitoring and load balancers have no account", reserved=Reserved.HEALTH)
def health() -> Answer:
    """Check whether the program works.

    200 as long as it works, even if degraded; 503 when it does not.
    """
    results = report()
    full = results.results["database"].status is not Status.DOWN and _may_read_all()
    checks = {name: CheckOut(status=result.status, summary=result.text(full=full)) for name, result in results.results.items()}
    answer = HealthOut(status=results.status, degraded=results.failing, checks=checks)
    return answer.model_dump(mode="json"), 503 if results.status is Status.DOWN else 200


def _may_read_all() -> bool:
    try:
        actor = current_actor_or_none()
    except (SQLAlchemyError, Unavailable):
        return False  # a caller who cannot be authenticated gets the public summary
    return actor is not None and actor.may(registry().get(HealthPermission).permission)
