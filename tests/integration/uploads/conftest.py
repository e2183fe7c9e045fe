"""A gateway with a bucket of its own in the embedded store, and jobs with a result on its cluster."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient

from gateway.settings import get_settings
from gateway.uploads.bucket import make_bucket
from hpc_gateway_commands.demo.services import ObjectStore
from tests.uploads import finish_job


@pytest.fixture
def files_api(api: TestClient, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Give the API the gateway's bucket; the address of the store is in no list of allowed ones."""
    for name, value in store.gateway_settings.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    make_bucket()
    return api


@pytest.fixture
def outside() -> Iterator[httpx.Client]:
    """Reach the store as people without an account do."""
    with httpx.Client(timeout=30) as client:
        yield client


@pytest.fixture
def finished_job(files_api: TestClient, tmp_path: Path) -> UUID:
    return finish_job(tmp_path / "home")
