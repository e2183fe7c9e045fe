"""The response of a JSON body with its entity tag, or 304 where the caller has it."""

from http import HTTPStatus

from fastapi import Request, Response

from api.entity_tags import entity_tag, known_tags, names_tag
from api.json_body import JsonBody


def respond_tagged(request: Request, body: bytes) -> Response:
    """Return the body, or 304 for its `If-None-Match`."""
    tag, known = entity_tag(body), known_tags(request)
    if known and names_tag(known, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return JsonBody(body, headers={"ETag": tag})
