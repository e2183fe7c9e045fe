"""Access of a workflow to a store: sealed on its row, opened when a step begins."""

from dataclasses import dataclass

from gateway.credentials.sealing import seal, unseal
from gateway.errors import Conflict
from gateway.storage.address import Credentials, Secret, StoredKeys
from gateway.workflows.plan import StorePlan

ERASED = "its credentials are erased: send fresh ones with the retry"


@dataclass(frozen=True)
class PlaceWithAccess:
    """The place in a store that a request names, and the secret or the stored keys for it."""

    place: StorePlan
    opening: Secret | StoredKeys


def seal_access(request: PlaceWithAccess) -> tuple[StorePlan, str | None]:
    """Return the place with the id of stored keys, which are read again later, and the sealed secret."""
    opening = request.opening
    if not isinstance(opening, StoredKeys):
        return request.place.model_copy(update={"credential_id": None}), seal(opening)
    key = opening.sse_customer_key
    place = request.place.model_copy(update={"credential_id": opening.id})
    return place, seal(Credentials("", "", "", key)) if key else None


def open_access(place: StorePlan, sealed: str | None) -> Secret | StoredKeys:
    """Return the secret or the stored keys, or raise Conflict when the secret is erased."""
    secret = unseal(sealed) if sealed else None
    if place.credential_id is not None:
        key = secret.sse_customer_key if isinstance(secret, Credentials) else ""
        return StoredKeys(place.credential_id, key)
    if secret is None:
        raise Conflict(ERASED)
    return secret
