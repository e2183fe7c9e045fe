"""The settings of the gateway's own store: a bucket for people without a store of their own."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator

_NEEDED = ("store_endpoint", "store_bucket", "store_access_key", "store_secret_key")


class StoreSettings(BaseModel):
    """The address, the bucket and the account of the gateway's own store; all or none are set."""

    store_endpoint: str = Field(
        "",
        description="URL of the store with the gateway's own bucket, as workers reach it (docs/files.md);"
        " clients' requests do not reach it by that.",
    )
    store_public_endpoint: str = Field(
        "", description="URL of that store as people reach it; without it, `store_endpoint`."
    )
    store_bucket: str = Field("", description="The bucket, which no other account can read.")
    store_access_key: SecretStr | None = Field(None, description="Access key of the bucket's account.")
    store_secret_key: SecretStr | None = Field(None, description="Secret key of the bucket's account.")
    store_region: str = Field("us-east-1", description="Region that requests to that store are signed for.")
    store_owner_bytes: int = Field(
        100 << 30, ge=0, description="Bytes that an owner may keep in the gateway's bucket; 0 is no limit."
    )

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        given = [name for name in _NEEDED if getattr(self, name)]
        if given and len(given) < len(_NEEDED):
            missing = next(name for name in _NEEDED if name not in given)
            raise ValueError(f"GATEWAY_{given[0].upper()} needs GATEWAY_{missing.upper()}")
        for name in ("store_endpoint", "store_public_endpoint"):
            _check_url(name, getattr(self, name))
        return self


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username):
        raise ValueError(f"GATEWAY_{name.upper()}: a URL http(s)://host[:port] is needed")
