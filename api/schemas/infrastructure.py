"""Bodies of the clusters: entries, summaries and telemetry."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.schemas.codes import HPCSchedulerType, SSHKeyType
from api.schemas.fields import LONGEST, AnySecret, AnyText, ClusterName, Text
from gateway.clusters.configuration import Cluster
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


class InfrastructureSummary(BaseModel):
    """A cluster, without its secrets."""

    name: str
    host: str
    hostname: str
    scheduler: HPCSchedulerType | Literal["local"]

    @classmethod
    def of(cls, cluster: Cluster) -> Self:
        """Show a cluster."""
        return cls(
            name=cluster.name, host=cluster.host, hostname=cluster.hostname, scheduler=cluster.scheduler
        )


class InfrastructureTelemetry(InfrastructureSummary):
    """A cluster's live figures."""

    as_of: datetime
    partitions: list[PartitionFigures]

    @classmethod
    def from_telemetry(cls, cluster: Cluster, figures: Telemetry) -> Self:
        """Show a cluster's figures."""
        summary = InfrastructureSummary.of(cluster).model_dump()
        return cls.model_validate(summary | {"as_of": figures.as_of, "partitions": figures.partitions})
