"""The settings of the console: its client at the OpenID provider, and its links for operators."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr


def _web_address(url: str) -> str:
    """Return the address if a link to it is safe: http or https, or none."""
    if url and urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError(f"{url!r} is no address of a page: expected http://... or https://...")
    return url


_Address = Annotated[str, AfterValidator(_web_address)]


class ConsoleSettings(BaseModel):
    """The settings of the console alone."""

    oidc_client_id: str = Field(
        "", description="The console's client at the OpenID provider; empty: no sign-in by `oidc` there."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="The secret of that client; a public client has none."
    )
    oidc_client_scope: str = Field(
        "openid", description="The scopes that the console asks the provider for, separated by spaces."
    )
    flower_url: _Address = Field("", description="Address of Flower, to which the console links operators.")
    grafana_url: _Address = Field("", description="Address of Grafana, to which the console links operators.")
