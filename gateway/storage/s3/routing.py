"""The route to a bucket: its URL and its region, which a store may name in an error.

A redirect is followed once, to the endpoint's own host or to one below it, never from https to http, after
the egress policy has judged it. So is the demand for the bucket's name in the host's. A region is learned
once, where the request has left it out; where the store refuses the default and names no other, it is that of
stores without regions.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from gateway.egress.policy import check_endpoint, port_of
from gateway.errors import Fault, Invalid, StorageError
from gateway.storage.address import DEFAULT_REGION, S3Address
from gateway.storage.s3.bucket_urls import bucket_url, can_be_in_host

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WRONG_REGION = REDIRECTS | {400, 403}
_REGION = re.compile(r"[A-Za-z0-9._-]{1,63}")
_EXPECTED_REGION = re.compile(r"expecting '([A-Za-z0-9._-]{1,63})'")
_FORBIDDEN = 403
_USUAL_REGION = "us-east-1"  # that stores without regions take, such as R2
_OF_REGION = frozenset({"AuthorizationHeaderMalformed", "InvalidRegionName", "InvalidRegion"})
_OF_PATH = frozenset({"SecondLevelDomainForbidden", "PathStyleDomainForbidden", "VirtualHostDomainRequired"})


class Route(NamedTuple):
    """The URL of a bucket, the region that requests are signed for, and whether the store has changed it."""

    bucket_url: str
    region: str
    has_moved: bool = False


def named_region(response: Any) -> str:
    """Return the region that the store names in an error; empty where it names none."""
    error, headers = _parts(response)
    found = headers.get("x-amz-bucket-region") or error.get("Region")
    if isinstance(found, str) and _REGION.fullmatch(found):
        return found
    told = _EXPECTED_REGION.search(_text(error, "Message"))
    return told[1] if told else ""


def refuses_region(response: Any) -> bool:
    """Return whether the error is about the region alone; some stores call it a wrong signature."""
    error, _ = _parts(response)
    code = _text(error, "Code")
    is_told = code == "SignatureDoesNotMatch" and "valid region" in _text(error, "Message").lower()
    return code in _OF_REGION or is_told


def next_route(route: Route, response: Any, address: S3Address, allowed: Sequence[str]) -> Route | None:
    """Return the route that the store names in an error, None where it names no other.

    Raises
    ------
    StorageError
        When the place that it names may not be followed.
    """
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status not in _WRONG_REGION:
        return None
    changed = route
    if address.region == route.region == DEFAULT_REGION and (region := _next_region(response, status)):
        changed = route._replace(region=region)
    if _text(_parts(response)[0], "Code") in _OF_PATH and can_be_in_host(address):
        changed = changed._replace(bucket_url=bucket_url(address, virtual_hosted=True))
    if status in REDIRECTS and (target := _target(route, response, address)):
        _check_target(target, route, address, allowed, named_region(response))
        changed = changed._replace(bucket_url=target, has_moved=True)
    return None if changed == route else changed


def _next_region(response: Any, status: int) -> str:
    """Return the region for the next request; empty where the error is not about it."""
    is_refused = refuses_region(response)
    named = named_region(response) if is_refused or status != _FORBIDDEN else ""
    return named or (_USUAL_REGION if is_refused else "")


def _text(error: Mapping[str, Any], name: str) -> str:
    found = error.get(name)
    return found if isinstance(found, str) else ""


def _parts(response: Any) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    error = response.get("Error")
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return error if isinstance(error, dict) else {}, headers


def _target(route: Route, response: Any, address: S3Address) -> str:
    """Return the bucket's URL at the place that a redirect names; empty where it names none."""
    error, headers = _parts(response)
    location, host = headers.get("location", ""), error.get("Endpoint")
    if location.startswith("/"):
        location = urlunsplit(urlsplit(route.bucket_url)._replace(path="")) + location
    try:
        found = urlsplit(location)
    except ValueError:
        raise _refusal(address, "to no URL") from None
    if location:
        return _bucket_part(found, address)
    if not isinstance(host, str) or not re.fullmatch(r"[A-Za-z0-9.:-]+", host):
        return ""
    path = "" if host.startswith(f"{address.bucket}.") else f"/{address.bucket}"
    return f"{urlsplit(route.bucket_url).scheme}://{host}{path}"


def _bucket_part(found: SplitResult, address: S3Address) -> str:
    """Return the URL without the object's key, which it has to end with where it names an object."""
    path = unquote(found.path)
    is_below = (found.hostname or "").startswith(f"{address.bucket}.")
    if path.endswith(f"/{address.key}"):
        path = path[: -len(address.key) - 1]
    if not (path.rstrip("/").endswith(f"/{address.bucket}") or (is_below and path in {"", "/"})):
        raise _refusal(address, f"to another object at {found.scheme}://{found.netloc.rpartition('@')[2]}")
    return f"{found.scheme}://{found.netloc}{path.rstrip('/')}"


def _check_target(target: str, route: Route, address: S3Address, allowed: Sequence[str], region: str) -> None:
    there, here, store = urlsplit(target), urlsplit(route.bucket_url), urlsplit(address.endpoint)
    try:
        check_endpoint(target, allowed, "endpoint")
    except Invalid as error:
        raise _refusal(address, f"to a forbidden address: {error.detail}") from error
    place = f"{there.scheme}://{there.netloc}"
    if (here.scheme, there.scheme) == ("https", "http"):
        raise _refusal(address, f"from https to {place}")
    hosts = {(store.hostname or "").lower(), (here.hostname or "").lower()}
    host = (there.hostname or "").lower()
    is_near = host in hosts or host.endswith(f".{store.hostname}".lower())
    if not is_near or (here.scheme == there.scheme and port_of(here) != port_of(there)):
        raise _refusal(address, f"to {place}, which is neither its host nor below it", region)
    if route.has_moved:
        raise _refusal(address, f"once more, to {place}")


def _refusal(address: S3Address, where: str, region: str = "") -> StorageError:
    """Return the error for a redirect that is not followed."""
    named = f" and region to {region!r}, which the store names" if region else ""
    return StorageError(
        f"the store at {address.endpoint} redirects {where}: set endpoint to the bucket's own{named}",
        Fault.NAME,
    )
