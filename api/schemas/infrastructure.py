"""Bodies of the clusters: entries, summaries and telemetry."""

from datetime import datetime
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
)

from api.schemas.codes import HPCSchedulerType, SSHKeyType
from api.schemas.fields import LONGEST, AnySecret, AnyText, ClusterName, Text
from gateway.clusters.configuration import Cluster
from gateway.clusters.remote_entries import Definition
from gateway.clusters.telemetry import PartitionFigures
from gateway.left_out import RequestModel
from gateway.models import Telemetry


class SshKey(RequestModel):
    """The SSH key with which the gateway logs in on the cluster."""

    type: SSHKeyType = "ssh-rsa"
    path: AnyText = ""
    password: AnySecret = Field(SecretStr(""), max_length=LONGEST)


class InfrastructureRequest(RequestModel):
    """A cluster to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "excess_slurm",
                    "host": "login.hpc.example.org",
                    "username": "gateway",
                    "hostname": "login",
                    "scheduler": "slurm",
                    "ssh_key": {"type": "ssh-ed25519", "path": "/etc/gateway/id", "password": ""},
                }
            ]
        }
    )

    name: ClusterName
    host: Text
    username: Text
    hostname: Text
    scheduler: HPCSchedulerType
    ssh_key: SshKey = Field(default_factory=SshKey)
    port: int = Field(22, ge=1, le=65535)
    host_key: AnyText = Field("", description="Public keys of the SSH server, one on each line.")
    python: AnyText = Field("", description="Interpreter on the nodes, if the operator lets entries set it.")
    roots: list[Text] = Field(
        default_factory=list,
        max_length=16,
        description="Folders of the clients, where the operator lets entries set them.",
    )

    def definition(self) -> Definition:
        """Return the entry for the catalog."""
        return Definition(
            host=self.host,
            hostname=self.hostname,
            username=self.username,
            scheduler=self.scheduler,
            key=self.ssh_key.path,
            port=self.port,
            host_key=self.host_key,
            python=self.python,
            roots=tuple(self.roots),
        )


class InfrastructureSummary(BaseModel):
    """A cluster, without its secrets."""

    name: str
    host: str
    hostname: str
    scheduler: HPCSchedulerType | Literal["local"]
    reason: str = Field("", description="The part that an entry over REST lacks to be served, if any.")

    @classmethod
    def of(cls, cluster: Cluster, reason: str = "") -> Self:
        """Show a cluster."""
        told = {"reason": reason} if reason else {}  # else the summary is as it always was
        return cls(
            name=cluster.name,
            host=cluster.host,
            hostname=cluster.hostname,
            scheduler=cluster.scheduler,
            **told,
        )


class InfrastructureTelemetry(InfrastructureSummary):
    """A cluster's live figures."""

    as_of: datetime
    partitions: list[PartitionFigures]

    @classmethod
    def from_telemetry(cls, cluster: Cluster, figures: Telemetry) -> Self:
        """Show a cluster's figures."""
        summary = InfrastructureSummary.of(cluster).model_dump(exclude_unset=True)
        return cls.model_validate(summary | {"as_of": figures.as_of, "partitions": figures.partitions})
