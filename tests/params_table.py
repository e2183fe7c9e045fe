"""The table of a job's parameters in docs/rest.md: `python -m tests.params_table` prints it."""

import json
import sys
from typing import Any

from api.schemas.documented import components
from api.schemas.job_params import JobRequestParams

HEAD = "| key | default | meaning |\n|---|---|---|\n"


def table() -> str:
    """Return the table."""
    properties = components(JobRequestParams)["JobRequestParams"]["properties"]
    return HEAD + "".join(_row(name, schema) for name, schema in properties.items())


def _row(name: str, schema: dict[str, Any]) -> str:
    default = f"`{json.dumps(schema['default'])}`" if "default" in schema else "-"
    return f"| `{name}` | {default} | {schema['description']} |\n"


if __name__ == "__main__":
    sys.stdout.write(table())
