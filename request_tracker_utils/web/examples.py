"""Examples of JSON bodies, built from the examples of their fields, which flask-openapi3 does not copy from pydantic models."""

from typing import Any

from pydantic import BaseModel

PACKAGE = __name__.split(".", maxsplit=1)[0]


def add_examples(schemas: dict[str, Any]) -> None:
    """Adds examples to the schemas: each field gets its own, and each object one built from them."""
    models = _models(BaseModel)
    for name, schema in schemas.items():
        for field, information in models[name].model_fields.items() if name in models else ():
            if information.examples:
                schema["properties"][field]["examples"] = information.examples
    for schema in schemas.values():
        schema["examples"] = [_example(schema, schemas)]


def _models(base: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """This program's models by name."""
    found: dict[str, type[BaseModel]] = {}
    for model in base.__subclasses__():
        if model.__module__.startswith(PACKAGE):
            found |= {model.__name__: model, **_models(model)}
    return found


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Fields without an example are built if they are objects or lists of objects, and left out otherwise."""
    if "examples" in schema or "enum" in schema:
        return [*schema.get("examples", []), *schema.get("enum", [])][0]
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    return {name: _example(field, schemas) for name, field in schema.get("properties", {}).items() if _has_example(field)}


def _has_example(field: dict[str, Any]) -> bool:
    return "examples" in field or "$ref" in field or "$ref" in field.get("items", {})
