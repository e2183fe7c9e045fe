"""The response of a body that is JSON text already."""

from typing import Any

from fastapi import Response
from pydantic_core import to_json


class JsonBody(Response):
    """JSON text, or values that JSON shows, written in one step."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return content if isinstance(content, bytes) else to_json(content)
