"""The settings of the gateway: environment variables with the prefix GATEWAY_, an env file, or secret files.

The env file is read only where GATEWAY_ENV_FILE names it. Processes of the gateway do not read the settings
again: they adopt those of their launcher (gateway/processes.py).
"""

import json
import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.absolute_paths import absolute_url
from gateway.allow_list import check_entries
from gateway.console_settings import ConsoleSettings
from gateway.errors import Invalid
from gateway.event_settings import EventSettings
from gateway.remote_settings import RemoteSettings
from gateway.setting_words import Words, split_words
from gateway.store_settings import StoreSettings

# Docker, Podman and deploy/kubernetes mount secrets here: the file gateway_redis_url holds a setting.
SECRETS = Path("/run/secrets")
ENV_FILE = "GATEWAY_ENV_FILE"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_log = logging.getLogger(__name__)
_adopted: dict[str, Any] = {}


def _numbers(value: object) -> object:
    """Parse `job=2, s3_data=10` into numbers by name."""
    if not isinstance(value, str):
        return value
    return dict(word.partition("=")[::2] for word in value.replace(",", " ").split())


def _small_letters(entries: list[str]) -> list[str]:
    return [entry.lower() for entry in entries]


def _origins(entries: list[str]) -> list[str]:
    """Return the origins in small letters, or raise ValueError for one that is none."""
    for entry in entries:
        parts = urlsplit(entry)
        if not (parts.scheme and parts.netloc) or parts.path.strip("/") or parts.query:
            raise ValueError(f"{entry!r} is no origin; expected scheme://host or scheme://host:port")
    return [entry.rstrip("/") for entry in _small_letters(entries)]


def _root_path(path: str) -> str:
    """Return the path with one slash before it and none behind it; the root is empty."""
    return f"/{path.strip('/')}" if path.strip("/") else ""


_RootPath = Annotated[str, Field(pattern=r"^[\w./~-]*$"), AfterValidator(_root_path)]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class Settings(StoreSettings, ConsoleSettings, EventSettings, RemoteSettings, BaseSettings):
    """The settings, their defaults and their meaning. Durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore")

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
        None,
        description="Fernet keys, separated by spaces: the first encrypts stored credentials, all decrypt."
        " API and workers need the same ones.",
    )
    credentials_key_file: Path | None = Field(
        None, description="A file that holds `credentials_key`, one key a line."
    )

    auth: Literal["none", "keys", "oidc"] = Field(
        "none",
        description="Authentication: none, API keys, or tokens of an OpenID provider (docs/accounts.md).",
    )
    open_to_all: bool = Field(
        default=False, description="`true` lets `serve` without accounts listen on more than loopback."
    )
    allowed_hosts: Annotated[Words, AfterValidator(_small_letters)] = Field(
        default_factory=list,
        description="Without accounts: hosts under which clients may call the API beside loopback names"
        " (docs/deployment.md).",
    )
    allowed_origins: Annotated[Words, AfterValidator(_origins)] = Field(
        default_factory=list,
        description="Origins of web pages beside the API's own that may write, and read by CORS:"
        " `https://portal.example.org`.",
    )
    oidc_issuer: str = Field("", description="The `iss` of the tokens that are accepted.")
    oidc_audience: str = Field("", description="The audience that must be among the `aud` of a token.")
    oidc_jwks_url: str = Field("", description="URL of the OpenID provider's key set (JWKS): https.")
    oidc_algorithms: Annotated[list[Algorithm], NoDecode, BeforeValidator(split_words)] = Field(
        ["RS256", "ES256"], min_length=1, description="Signatures that are accepted; asymmetric ones alone."
    )
    oidc_owner_claim: str = Field("sub", description="The claim that names the owner; `a.b` is `b` in `a`.")
    oidc_scope_claim: str = Field(
        "scope", description="The claim that holds the scopes, as words or as a list."
    )
    oidc_scope_prefix: str = Field(
        "hpc-gateway:", description="The prefix of `user`, `operator` and `admin` in that claim."
    )

    credentials_kept_s: float = Field(
        604800.0, ge=0, description="Time after a failure for which credentials are kept for a retry."
    )
    allowed_endpoints: Annotated[Words, AfterValidator(check_entries)] = Field(
        default_factory=list,
        description="Hosts, addresses or CIDRs that may be connected to although they are not public:"
        " `host:port`, `10.0.0.0/8:9000`, `[::1]:443`; without a port, at every port.",
    )

    ca_bundle: Path | None = Field(
        None,
        description="PEM file of the certificate authorities to trust, instead of the usual public ones.",
    )
    virtual_hosted: Words = Field(
        default_factory=lambda: ["amazonaws.com", "amazonaws.com.cn"],
        description="Hosts, with all below them, whose stores want the bucket in the host's name.",
    )
    connections: int = Field(8, ge=1, le=64, description="Connections that one transfer uses at once.")
    connect_timeout_s: float = Field(10.0, gt=0, description="Longest wait for a connection to a store.")
    read_timeout_s: float = Field(
        30.0,
        gt=0,
        description="Longest silence of a store, and longest wait for an answer's first line.",
    )
    least_rate_bytes_per_s: int = Field(
        1024, ge=0, description="A server that moves fewer bytes while it is waited for is given up; 0 never."
    )
    least_rate_window_s: float = Field(
        60.0, gt=0, description="Time of waiting for a server over which that rate is measured."
    )
    transfer_timeout_s: float = Field(86400.0, gt=0, description="Longest time of one try of a transfer.")

    request_bytes: int = Field(1 << 20, ge=0, description="Largest body of a request; 0 is no limit.")
    request_body_s: float = Field(
        30.0, ge=0, description="Longest time until a body has arrived; 0 is no limit."
    )
    keep_alive_s: int = Field(
        120,
        ge=1,
        description="Time for which an idle connection of a client stays open (docs/deployment.md).",
    )
    root_path: _RootPath = Field(
        "", description="Path below which a proxy serves the API: `/hpc`; the proxy may strip it or not."
    )
    flower_root_path: _RootPath = Field(
        "", description="Path below which a proxy serves Flower: `/flower`; the proxy does not strip it."
    )
    requests_per_s: float = Field(
        0.0, ge=0, description="Requests per second of an owner, over ten seconds; 0 is no limit."
    )
    concurrent_transfers: int = Field(
        0, ge=0, description="Unfinished transfers of an owner at once; 0 is no limit."
    )
    concurrent_jobs: int = Field(0, ge=0, description="Unfinished jobs of an owner at once; 0 is no limit.")
    bytes_per_day: int = Field(
        0, ge=0, description="Bytes that an owner may move in 24 hours; 0 is no limit."
    )

    lease_s: float = Field(30.0, gt=0, description="Time after which the claim of a silent worker ends.")
    send_again_s: float = Field(
        10.0, gt=0, description="Time after which an unclaimed row is sent to the queue again."
    )
    sweep_s: float = Field(2.0, gt=0, description="Period of the sweeper.")
    watch_s: float = Field(0.5, gt=0, description="Shortest period of the watcher of a cluster.")
    retry_s: float = Field(2.0, gt=0, description="First wait after a transient failure; it doubles.")
    retries: int = Field(5, ge=0, description="Transient failures in an attempt before it fails for good.")
    retries_by_kind: Annotated[
        dict[Literal["data", "s3_data", "s3_result", "job"], Annotated[int, Field(ge=0)]],
        NoDecode,
        BeforeValidator(_numbers),
    ] = Field(default_factory=dict, description="Budgets of single kinds: `job=2, s3_data=10`.")
    unserved_s: float = Field(3600.0, gt=0, description="Time without a worker after which a row fails.")
    database_wait_s: float = Field(5.0, ge=0, description="Longest wait of a request for an absent database.")
    database_connections: int = Field(
        20, ge=2, le=500, description="Connections to PostgreSQL that one process opens at most."
    )
    database_statement_s: float = Field(
        30.0, ge=0, description="PostgreSQL gives up a statement that takes longer; 0 never."
    )
    database_lock_s: float = Field(
        10.0, ge=0, description="PostgreSQL gives up a statement that waits for a lock longer; 0 never."
    )
    waiters: int = Field(
        2000,
        ge=0,
        description="Requests with `?wait=` that one API process holds; more are answered at once.",
    )
    trusted_proxies: Words = Field(
        default_factory=list,
        description="Addresses or CIDRs of the proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are"
        " believed.",
    )
    flower_basic_auth: SecretStr | None = Field(
        None, description="`user:password` of Flower, which does not start without it."
    )
    worker_memory_bytes: int = Field(
        2 << 30,
        ge=0,
        description="Memory of one process of a worker's pool; 0 is no limit (docs/operations.md).",
    )
    judge_python: str = Field(
        "", description="Interpreter that judges staged tables on the worker; empty: the cluster's `python`."
    )
    log_format: Literal["json", "text"] = Field("json", description="`json` for machines, `text` for people.")
    telemetry_s: float = Field(3.0, gt=0, description="Telemetry older than this is requested again.")

    @model_validator(mode="after")
    def _make_absolute(self) -> Self:
        for name, value in self:
            if isinstance(value, Path):
                setattr(self, name, value.absolute())
        for name in ("database_url", "redis_url"):
            url: SecretStr = getattr(self, name)
            setattr(self, name, SecretStr(absolute_url(url.get_secret_value())))
        return self

    @model_validator(mode="after")
    def _check_oidc(self) -> Self:
        if self.auth != "oidc":
            return self
        for name in ("oidc_issuer", "oidc_audience", "oidc_jwks_url"):
            if not getattr(self, name):
                raise ValueError(f"GATEWAY_AUTH=oidc needs GATEWAY_{name.upper()}")
        url = urlsplit(self.oidc_jwks_url)
        if url.scheme != "https" and url.hostname not in _LOOPBACK:
            raise ValueError("GATEWAY_OIDC_JWKS_URL must be https: a forged key set would open every account")
        return self

    @property
    def least_bytes(self) -> int:
        """The bytes of one window of the least rate: fewer count as no progress."""
        return max(1, int(self.least_rate_bytes_per_s * self.least_rate_window_s))

    def budget(self, kind: str) -> int:
        """Return the number of transient failures of a kind that are retried within an attempt."""
        return dict[str, int](self.retries_by_kind.items()).get(kind, self.retries)


def read_settings(secrets: Path = SECRETS) -> Settings:
    """Read the settings; the environment overrides files. Raise Invalid naming the setting, not its value."""
    try:
        return Settings(_env_file=_env_file(), _secrets_dir=secrets if secrets.is_dir() else None)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = "".join(f"GATEWAY_{part}: ".upper() for part in first["loc"][:1])
        raise Invalid(f"{name}{first['msg'].removeprefix('Value error, ')}") from None


def _env_file() -> Path | None:
    """Return the file that GATEWAY_ENV_FILE names; without it, log that the `.env` here is not read."""
    if named := os.environ.get(ENV_FILE):
        path = Path(named).absolute()
        if not path.is_file():
            raise Invalid(f"{ENV_FILE} is {path}: expected a file of lines NAME=value; correct or unset it")
        return path
    if (unread := Path(".env").absolute()).is_file():
        _log.warning("%s is not read; set %s=%s to read it", unread, ENV_FILE, unread)
    return None


def dump_settings(settings: Settings) -> str:
    """Return the settings as JSON with their secrets, for `adopt_settings` in another process."""
    values = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in settings
    }
    return json.dumps(values, default=str)


def adopt_settings(dumped: str) -> None:
    """Take the settings of the launcher for those of this process."""
    _adopted.update(json.loads(dumped))
    get_settings.cache_clear()


@lru_cache
def get_settings() -> Settings:
    """Return the settings, which each process reads once."""
    return Settings(**_adopted) if _adopted else read_settings()
