"""Fields of a form for the options of a service or a table, made of the kernels' own schema."""

from dataclasses import dataclass
from typing import Any

from api.console.forms import Fields
from gateway.jobs.services import option_schema, table_schema

_WORDS = {"\t": "tab", " ": "blank"}
NUMBERS = ("number", "integer")


@dataclass(frozen=True)
class OptionField:
    """One option: a choice where `choices` has any, else a text or a number."""

    name: str
    label: str
    text: str
    must_be: str
    default: str
    choices: tuple[str, ...]
    is_number: bool
    is_list: bool = False
    is_text: bool = False

    def read(self, form: Fields) -> Any:
        """Return the value, None where the form leaves it out; the schema of the kernels judges it."""
        text = form.text(self.name)
        if not text:
            return None
        if self.is_list:
            return [part.strip() for part in text.split(",") if part.strip()]
        may_be_number = self.is_number or not (self.choices or self.is_text)
        return _number(text) if may_be_number else text


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def fields_of_service(service: str, prefix: str = "") -> list[OptionField]:
    """Return the fields of a service's options; `prefix` stands before those of a second job."""
    return [_field(prefix, service, *option) for option in option_schema(service)["properties"].items()]


def fields_of_table() -> list[OptionField]:
    """Return the fields of the options of a table's reading."""
    return [_field("", "table", *option) for option in table_schema()["properties"].items()]


def _field(prefix: str, group: str, name: str, option: dict[str, Any]) -> OptionField:
    choices = [str(choice) for choice in option.get("enum", []) if isinstance(choice, str)]
    default = option.get("default")
    return OptionField(
        name=f"{prefix}{group}.{name}",
        label=f"{prefix}{name}".replace(".", " ").replace("_", " "),
        text=option["description"],
        must_be=option["x-must-be"],
        default="" if default is None else str(default),
        choices=tuple(choice for choice in choices if choice not in _WORDS),
        is_number=option.get("type") in NUMBERS,
        is_list=option.get("type") == "array",
    )


def read_options(fields: list[OptionField], form: Fields) -> dict[str, Any]:
    """Return the options that a form gives."""
    read = {field.name.rpartition(".")[2]: field.read(form) for field in fields}
    return {name: value for name, value in read.items() if value is not None}
