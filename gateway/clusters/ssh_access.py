"""SSH access to a cluster: the table `[<name>.ssh]` of its configuration, or an entry added over REST."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.clusters.absolute_path import AbsolutePath

_HOST = r"^[A-Za-z0-9:\[\]][A-Za-z0-9._:%\[\]-]{0,254}$"  # no dash first: it would be an option of ssh
ACCOUNT = r"^[A-Za-z0-9_][A-Za-z0-9_.@\\+-]{0,127}\$?$"
_BESIDE_KEY = (".pub", "-cert.pub")
_HOST_KEY = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}")


def check_host_key(text: str) -> str:
    """Return the keys without comments, one on each line; raise ValueError for a line that is no key."""
    keys = [" ".join(line.split()[:2]) for line in text.strip().splitlines()]
    if found := next((key for key in keys if not _HOST_KEY.fullmatch(key)), None):
        raise ValueError(
            f"{found[:40]!r} is no host key: expected lines like `ssh-ed25519 AAAA...`, as"
            " /etc/ssh/ssh_host_ed25519_key.pub on the cluster has one"
        )
    return "\n".join(keys)


HostKey = Annotated[str, AfterValidator(check_host_key), Field(max_length=16384)]


class SshHop(BaseModel):
    """One SSH server: its address, the account there, the account's key, and the server's own key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(pattern=_HOST)
    port: int = Field(22, ge=1, le=65535)
    username: str = Field(pattern=ACCOUNT)
    key: AbsolutePath | None = Field(None, description="File of the private key.")
    passphrase_file: AbsolutePath | None = Field(None, description="File with the passphrase of the key.")
    certificate: AbsolutePath | None = Field(None, description="File of the certificate for the key.")
    agent: AbsolutePath | None = Field(None, description="Socket of an SSH agent that holds the key.")
    host_key: HostKey = Field("", description="Public keys of the server, one on each line.")
    known_hosts: AbsolutePath | None = Field(
        None, description="File of known hosts, used where `host_key` is not set."
    )
    sealed_passphrase: str = Field("", description="Encrypted passphrase of an entry added over REST.")

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        if self.key is None and self.agent is None:
            raise ValueError("ssh: `key` or `agent` is needed")
        return self

    @property
    def files(self) -> tuple[PurePosixPath, ...]:
        """The files that the client of SSH reads, with those that it looks for beside the key."""
        values = (getattr(self, name) for name in type(self).model_fields)
        named = tuple(each for each in values if isinstance(each, PurePosixPath))
        return (
            named
            if self.key is None
            else (*named, *(self.key.with_name(f"{self.key.name}{end}") for end in _BESIDE_KEY))
        )


class SshAccess(SshHop):
    """The SSH server of a cluster, and the server that leads to it."""

    jump: SshHop | None = Field(None, description="Server through which the cluster is reached.")
    judged: bool = Field(
        default=False,
        description="Whether GATEWAY_SSH_HOSTS judges the host: so it is for entries added over REST.",
    )
    bound_to: tuple[str, ...] = Field((), description="Hosts for which the key of an entry is.")

    @property
    def files(self) -> tuple[PurePosixPath, ...]:
        """The files for the server of the cluster and for the one that leads to it."""
        return (*super().files, *(self.jump.files if self.jump else ()))
