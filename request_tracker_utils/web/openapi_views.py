"""The API documentation as an OpenAPI document and as a page."""

import json
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from flask import Blueprint, render_template
from flask_openapi3 import APIBlueprint, OpenAPI, Tag
from pydantic import BaseModel, Field

from request_tracker_utils import __version__
from request_tracker_utils.web.auth import signed_in
from request_tracker_utils.web.body import Answer
from request_tracker_utils.web.openapi import document, operations
from request_tracker_utils.web.registry import registry, registry_of


class OpenApiDocument(BaseModel):
    """See https://spec.openapis.org/oas/v3.1.0."""

    openapi: str = Field(examples=["3.1.0"])
    info: dict[str, Any] = Field(examples=[{"title": "RequestTracker Utils", "version": __version__}])
    servers: list[dict[str, Any]] = Field(examples=[[{"url": "https://utils.example.org"}]])
    paths: dict[str, Any] = Field(examples=[{}])
    components: dict[str, Any] = Field(examples=[{}])
    tags: list[dict[str, Any]] = Field(examples=[[]])


KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}


@dataclass(frozen=True)
class Operation:
    """An operation for the page."""

    path: str
    method: str
    spec: dict[str, Any]
    call: str
    """An example request for a shell."""

    @property
    def authentication(self) -> list[list[str]]:
        """Alternatives, each the names of the schemes it combines. Empty for public operations."""
        return [list(way) for way in self.spec["security"]]

    @property
    def responses(self) -> list[tuple[str, dict[str, Any]]]:
        """Success responses by status."""
        return [(status, response) for status, response in self.spec["responses"].items() if not _is_error(response)]

    @property
    def errors(self) -> list[tuple[str, dict[str, Any]]]:
        return [(status, response) for status, response in self.spec["responses"].items() if _is_error(response)]


class Documentation:
    """The same for all callers, and built on the first request only: that takes half a second of a processor."""

    @cached_property
    def spec(self) -> dict[str, Any]:
        return document()

    @cached_property
    def inlined(self) -> dict[str, Any]:
        return cast(dict[str, Any], _inlined(self.spec, self.spec["components"]["schemas"]))

    @cached_property
    def groups(self) -> list[tuple[dict[str, Any], list[Operation]]]:
        """The operations of each tag."""
        spec = self.inlined
        shown = [Operation(path, method, one, _call(spec, path, method, one)) for path, method, one in operations(spec)]
        return [(tag, [operation for operation in shown if tag["name"] in operation.spec["tags"]]) for tag in spec["tags"]]


def _is_error(response: dict[str, Any]) -> bool:
    return any("examples" in media for media in response["content"].values())


api = APIBlueprint("openapi", __name__, url_prefix="/openapi", abp_tags=[Tag(name="documentation", description="This documentation.")])
pages = Blueprint("openapi_page", __name__, url_prefix="/openapi")


@api.get("/openapi.json", responses={200: OpenApiDocument})
@signed_in
def openapi_document() -> Answer:
    """Get this documentation as an OpenAPI 3.1 document."""
    return registry().get(Documentation).spec


@pages.get("/")
@signed_in
def page() -> str:
    """The API documentation as a page."""
    documentation = registry().get(Documentation)
    return render_template("web/openapi.html", spec=documentation.inlined, groups=documentation.groups)


def install(app: OpenAPI) -> None:
    registry_of(app).provide(Documentation, Documentation())
    app.register_api(api)
    app.register_blueprint(pages)
    app.jinja_env.filters["example"] = _pretty
    app.jinja_env.filters["kind"] = kind


def kind(schema: dict[str, Any]) -> str:
    """The type and limits of a value in words: `text, at most 100 characters`."""
    if "anyOf" in schema:
        return " or ".join(kind(one) for one in schema["anyOf"])
    name = KINDS.get(schema.get("type", ""), "anything")
    if schema.get("type") == "array":
        name += f" of {kind(schema.get('items', {}))}"
    if "enum" in schema:
        name += ": " + ", ".join(map(str, schema["enum"]))
    return ", ".join(filter(None, (name, _limits(schema, "minimum", "maximum"), _limits(schema, "minLength", "maxLength", " characters"))))


def _limits(schema: dict[str, Any], lower: str, upper: str, unit: str = "") -> str:
    limits = [f"at least {schema[lower]:.0f}"] if lower in schema else []
    if upper in schema:
        limits.append(f"at most {schema[upper]:.0f}")
    return " and ".join(limits) + unit if limits else ""


def _call(spec: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> str:
    lines = [f"curl {shlex.quote(spec['servers'][0]['url'] + path)}"]
    if method not in ("GET", "POST"):
        lines.append(f"--request {method}")
    if operation["security"]:
        lines.append('--header "Authorization: Bearer $TOKEN"')
    for content in operation.get("requestBody", {}).get("content", {}).values():
        lines.append(f"--json {shlex.quote(json.dumps(content.get('example', {}), ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _inlined(part: Any, schemas: dict[str, Any]) -> Any:
    """The document with each reference replaced by the schema."""
    if isinstance(part, list):
        return [_inlined(one, schemas) for one in part]
    if not isinstance(part, dict):
        return part
    rest = {name: _inlined(one, schemas) for name, one in part.items() if name != "$ref"}
    return {**_inlined(schemas[part["$ref"].rsplit("/", 1)[-1]], schemas), **rest} if "$ref" in part else rest


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
