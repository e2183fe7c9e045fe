"""Access to a store in a request: keys, a presigned URL, or the id of a stored credential."""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

from api.schemas.fields import AnySecret, CustomerKey, Key, Token
from gateway.errors import Invalid
from gateway.left_out import RequestModel
from gateway.storage.address import Credentials, PresignedUrl, Secret, StoredKeys

LONGEST_URL = 8192
NEEDED = "required, unless the body has presigned_url or credential_id"


def _given(*names: str) -> dict[str, Any]:
    """Return the JSON Schema of an object that has these texts."""
    return {"required": list(names), "properties": {name: {"type": "string"} for name in names}}


_KEYS = ("access_key", "secret_key")


def _without(*names: str) -> dict[str, Any]:
    """Return the JSON Schema of an object in which these are left out."""
    return {"properties": {name: {"type": "null"} for name in names}}


def _one_way(otherwise: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one of the ways, without `oneOf`: generators would make a class of each."""
    url = {"if": _given("presigned_url"), "then": _without("credential_id"), "else": otherwise}
    return {"if": _given(*_KEYS), "then": _without("presigned_url", "credential_id"), "else": url}


_BELONG = [
    *({"if": _given(one), "then": _given(other)} for one, other in (_KEYS, _KEYS[::-1])),
    {"if": _given("session_token"), "then": _given(*_KEYS)},
    {"if": _given("sse_customer_key"), "then": {"anyOf": [_given(*_KEYS), _given("credential_id")]}},
]


class StoreAccess(RequestModel):
    """Access to a store in one of three ways; no answer ever shows it."""

    is_access_required: ClassVar[bool] = False

    access_key: Key | None = None
    secret_key: Key | None = None
    session_token: Token | None = Field(
        None, description="Of temporary keys. Over plain http it travels in clear, and `warnings` say so."
    )
    sse_customer_key: CustomerKey | None = Field(
        None,
        description="The key with which the store encrypts the object (SSE-C): 32 bytes in base64, sent over"
        " https alone. A retry without it keeps the earlier one while the earlier secrets are kept.",
    )
    presigned_url: AnySecret | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_URL,
        description="In place of keys: a URL of the object, signed for GET (`s3_data`) or PUT (`s3_result`).",
    )
    credential_id: UUID | None = Field(None, description="In place of keys: those of POST /credentials.")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Tell that the ways exclude each other, and that keys come in pairs."""
        reference = handler(schema)
        otherwise = _given("credential_id") if cls.is_access_required else {}
        handler.resolve_ref_schema(reference)["allOf"] = [_one_way(otherwise), *_BELONG]
        return reference

    def credential(self) -> Secret | StoredKeys:
        """Return the secret of the store, or the id of a stored credential; Invalid names the wrong field."""
        chosen = self.credential_if_any()
        if chosen is None:
            raise Invalid(NEEDED, field="access_key")
        return chosen

    def credential_if_any(self) -> Secret | StoredKeys | None:
        """Return the secret or the id, or None when the request has neither."""
        keys = self._keys()
        url = PresignedUrl(self.presigned_url.get_secret_value()) if self.presigned_url else None
        stored = StoredKeys(self.credential_id, self._customer_key()) if self.credential_id else None
        ways = {"access_key": keys, "presigned_url": url, "credential_id": stored}
        chosen = [name for name, way in ways.items() if way is not None]
        if len(chosen) > 1:
            raise Invalid("only one is allowed: keys, presigned_url or credential_id", field=chosen[-1])
        if self.sse_customer_key is not None and chosen in ([], ["presigned_url"]):
            needs = "it needs access_key and secret_key, or credential_id"
            raise Invalid(needs, field="sse_customer_key")
        return ways[chosen[0]] if chosen else None

    def _customer_key(self) -> str:
        return self.sse_customer_key.get_secret_value() if self.sse_customer_key else ""

    def _keys(self) -> Credentials | None:
        if self.access_key is None and self.secret_key is None:
            if self.session_token is not None:
                raise Invalid("it belongs to access_key and secret_key", field="session_token")
            return None
        if self.access_key is None or self.secret_key is None:
            missing = "access_key" if self.access_key is None else "secret_key"
            raise Invalid("access_key and secret_key belong together", field=missing)
        token = self.session_token.get_secret_value() if self.session_token else ""
        keys = self.access_key.get_secret_value(), self.secret_key.get_secret_value()
        return Credentials(*keys, token, self._customer_key())
