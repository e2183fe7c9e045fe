"""JSON Schemas of the OpenAPI document that tell more than the types that validate."""

from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler, TypeAdapter, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue

REF = "#/components/schemas/"
_COMPONENT = "x-component"


def documented_as(name: str) -> WithJsonSchema:
    """Return the annotation of a field that the document shows as a component; a later check validates it."""
    return WithJsonSchema({_COMPONENT: name})


def component_of(schema: dict[str, Any]) -> str | None:
    """Return the component that a field of the document is shown as."""
    return schema.get(_COMPONENT)


def components(*kinds: Any) -> dict[str, Any]:
    """Return the components of types and of all that they refer to."""
    found: dict[str, Any] = {}
    for kind in kinds:
        schema = TypeAdapter(kind).json_schema(ref_template=REF + "{model}")
        found |= schema.pop("$defs", {})
        if "$ref" not in schema:
            found[kind.__name__] = schema
    return found


def named_schema(name: str, schema: dict[str, Any]) -> type[BaseModel]:
    """Return a type whose component of the document has this name and this JSON Schema."""

    def show(_cls: type[BaseModel], core_schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(core_schema)
        component = handler.resolve_ref_schema(reference)
        component.clear()
        component.update({"title": name} | schema)
        return reference

    return type(
        name, (BaseModel,), {"__get_pydantic_json_schema__": classmethod(show), "__module__": __name__}
    )
