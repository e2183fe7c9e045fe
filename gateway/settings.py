"""Every setting of the gateway: environment variables with the prefix GATEWAY_, or a `.env` file."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _numbers(value: object) -> object:
    """Read `job=2, s3_data=10` as two numbers by name."""
    if not isinstance(value, str):
        return value
    return dict(word.partition("=")[::2] for word in value.replace(",", " ").split())


def _words(value: object) -> object:
    """Read `a, b c` as three words, so that lists need no JSON in an environment variable."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


class Settings(BaseSettings):
    """The settings, their defaults and their meaning. Durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", env_file=".env", extra="ignore")

    database_url: SecretStr = Field(
        SecretStr("sqlite:///gateway.db"), description="SQLAlchemy URL: SQLite, or PostgreSQL with psycopg."
    )
    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="The task queue's broker."
    )
    infrastructures: Path = Field(
        Path("infrastructures.toml"), description="The clusters, their roots and limits (docs/admins.md)."
    )
    credentials_key: SecretStr | None = Field(
        None, description="Fernet key that encrypts stored credentials; API and workers need the same."
    )
    credentials_key_file: Path | None = Field(None, description="A file that holds `credentials_key`.")
    allowed_endpoints: Annotated[list[str], NoDecode, BeforeValidator(_words)] = Field(
        default_factory=list,
        description="Hosts, addresses or CIDRs that may be connected to although they are not public.",
    )

    ca_bundle: Path | None = Field(
        None,
        description="PEM file of the certificate authorities to trust, instead of the usual public ones.",
    )
    virtual_hosted: Annotated[list[str], NoDecode, BeforeValidator(_words)] = Field(
        default_factory=lambda: ["amazonaws.com", "amazonaws.com.cn"],
        description="Hosts, with all below them, whose stores want the bucket in the host's name.",
    )
    connections: int = Field(8, ge=1, le=64, description="Connections that one transfer uses at once.")
    connect_timeout_s: float = Field(10.0, gt=0, description="Longest wait for a connection to a store.")
    read_timeout_s: float = Field(
        30.0, gt=0, description="Longest silence of a store before it is tried anew."
    )
    transfer_timeout_s: float = Field(86400.0, gt=0, description="Longest time of one try of a transfer.")

    lease_s: float = Field(30.0, gt=0, description="A worker that is silent for so long has lost its row.")
    send_again_s: float = Field(
        10.0, gt=0, description="A row not claimed by then is sent to the queue again."
    )
    sweep_s: float = Field(2.0, gt=0, description="Period of the sweeper.")
    watch_s: float = Field(0.5, gt=0, description="Shortest period of the watcher of a cluster.")
    retry_s: float = Field(2.0, gt=0, description="First wait after a transient failure; it doubles.")
    retries: int = Field(5, ge=0, description="Transient failures in an attempt before it fails for good.")
    retries_by_kind: Annotated[
        dict[Literal["data", "s3_data", "s3_result", "job"], Annotated[int, Field(ge=0)]],
        NoDecode,
        BeforeValidator(_numbers),
    ] = Field(default_factory=dict, description="Where a kind's budget differs: `job=2, s3_data=10`.")
    unserved_s: float = Field(3600.0, gt=0, description="A row fails when no worker served it for so long.")
    database_wait_s: float = Field(5.0, ge=0, description="How long a request waits for an absent database.")
    log_format: Literal["json", "text"] = Field("json", description="`json` for machines, `text` for people.")
    telemetry_s: float = Field(3.0, gt=0, description="Telemetry older than this is asked for anew.")

    def budget(self, kind: str) -> int:
        """Return how many transient failures of a kind are retried within an attempt."""
        return dict[str, int](self.retries_by_kind.items()).get(kind, self.retries)


@lru_cache
def get_settings() -> Settings:
    """Return the process's settings, read once."""
    return Settings()
