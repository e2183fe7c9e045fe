"""The address of a gateway is checked before anything is sent to it."""

import pytest

from hpc_gateway_client import AsyncGateway, Gateway, GatewayClientError

Kind = type[Gateway] | type[AsyncGateway]


@pytest.mark.parametrize("url", ["", "nonsense", "127.0.0.1:8080", "http://", "ftp://h", "http://[::1"])
@pytest.mark.parametrize("client", [Gateway, AsyncGateway])
def test_an_address_that_is_none_is_refused_at_once(client: Kind, url: str) -> None:
    with pytest.raises(GatewayClientError, match="is no address of a gateway"):
        client(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://h.example.org/below/", "HTTP://[::1]:80"])
def test_an_address_is_taken(url: str) -> None:
    with Gateway(url) as gateway:
        assert gateway.url == url.rstrip("/")
