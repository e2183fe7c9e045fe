"""Enumerations of the contract, under the names of the first generation's schemas."""

from typing import Literal

from typing_extensions import TypeAliasType

ServiceName = TypeAliasType(
    "ServiceName",
    Literal["kalman", "fft", "min_max", "savitzky_golay", "black_scholes", "wavelet", "kmean", "knn"],
)
HPCSchedulerType = TypeAliasType("HPCSchedulerType", Literal["slurm", "pbs"])
SSHKeyType = TypeAliasType("SSHKeyType", Literal["ssh-rsa", "ssh-ed25519"])
JobStatusCode = TypeAliasType("JobStatusCode", Literal["queued", "running", "completed"])
WorkflowStatusCode = TypeAliasType("WorkflowStatusCode", Literal["queued", "running", "completed"])
FileTransferStatusCode = TypeAliasType(
    "FileTransferStatusCode", Literal["transferring", "completed", "failure"]
)
# The states of a node in Slurm's words. No answer has one: telemetry counts nodes.
NodeStateCode = TypeAliasType(
    "NodeStateCode",
    Literal[
        "allocated",
        "completing",
        "down",
        "drained",
        "draining",
        "fail",
        "failing",
        "future",
        "idle",
        "maint",
        "mixed",
        "planned",
        "reserved",
        "unknown",
    ],
)
