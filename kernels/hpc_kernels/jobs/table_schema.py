"""JSON Schema of `params.table`: how a table is read, in the form of the services' schemas."""

from typing import Any

_MOST_NAMES = 10_000
_LONGEST_NAME = 1_000


def _choice(values: list[Any], description: str, must_be: str) -> dict[str, Any]:
    return {"enum": values, "default": values[0], "description": description, "x-must-be": must_be}


def _name(default: str, description: str) -> dict[str, Any]:
    size = {"minLength": 1, "maxLength": _LONGEST_NAME}
    must_be = f"the name of a column, a text of 1 to {_LONGEST_NAME} characters"
    return {
        "type": "string",
        **size,
        "default": default,
        "description": description,
        "x-must-be": must_be,
    }


def _names(description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "string", "maxLength": _LONGEST_NAME},
        "minItems": 1,
        "maxItems": _MOST_NAMES,
        "uniqueItems": True,
        "description": description,
        "x-must-be": f"a list of 1 to {_MOST_NAMES} names of columns, each of them once",
    }


_COMMA = {"properties": {"separator": {"const": ","}}, "required": ["separator"]}
TABLE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "How the input table is read; also an empty object makes `auto` the rule throughout.",
    "properties": {
        "header": _choice(
            ["auto", True, False, "true", "false"],
            "whether the first row holds names; auto: unless all of its cells are numbers that do not count",
            "auto, true or false",
        ),
        "separator": _choice(
            ["auto", ";", ",", "\t", "tab", "|", " ", "blanks"],
            "the separator of cells; blanks: runs of spaces and tabs",
            "auto, ;, a comma, tab, | or blanks",
        ),
        "decimal": _choice(
            ["auto", ".", ","],
            "the decimal mark; a comma only where it does not separate cells",
            "auto, a point or a comma, and no comma where the separator is one",
        ),
        "time_column": _name(
            "auto", "the column of times, `none`, or `auto`: a first column of unambiguous dates or times"
        ),
        "columns": _names("signals by name, in the order given; all by default"),
        "skip": _names("columns that are left out, by name"),
        "missing": _choice(
            ["error", "interpolate", "previous", "drop"],
            "blank cells become an error, linear interpolation, the number before, or the row goes",
            "one of error, interpolate, previous, drop",
        ),
        "price": _name("Close", "asset layout: the price column of a plain file"),
    },
    "additionalProperties": False,
    "allOf": [{"if": _COMMA, "then": {"properties": {"decimal": {"not": {"const": ","}}}}}],
}


def twice_named(options: dict[str, Any]) -> str | None:
    """Return the sentence about a name in both `columns` and `skip`, or None."""
    both = set(options.get("columns", ())) & set(options.get("skip", ()))
    if not both:
        return None
    return f"params.table.skip must not name {min(both)!r}, which params.table.columns names too"
