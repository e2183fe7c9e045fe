"""The settings of clusters that are added over REST and reached by SSH."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from gateway.allow_list import check_entries_with_port
from gateway.setting_words import Words


class RemoteSettings(BaseModel):
    """The keys and the hosts of these clusters."""

    ssh_hosts: Annotated[Words, AfterValidator(check_entries_with_port)] = Field(
        default_factory=list,
        description="SSH servers of the clusters that may be added over REST: `host:port`, `10.0.0.0/8:22`,"
        " `[::1]:22`; empty allows none.",
    )
    ssh_keys: Path | None = Field(
        None,
        description="Folder of the SSH keys of these clusters, with `keys.toml` (docs/connecting.md).",
    )
    remote_without_accounts: bool = Field(
        default=False,
        description="Whether `worker --remote` serves these clusters although requests need no account.",
    )
