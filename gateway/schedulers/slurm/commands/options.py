"""The options of a submission, as arguments of sbatch in place of pyslurm's names."""

from gateway.errors import SchedulerError

_ARGUMENTS = {
    "name": "--job-name",
    "comment": "--comment",
    "working_directory": "--chdir",
    "standard_output": "--output",
    "standard_error": "--error",
    "ntasks": "--ntasks",
    "cpus_per_task": "--cpus-per-task",
    "nodes": "--nodes",
    "array": "--array",
    "partitions": "--partition",
    "account": "--account",
    "qos": "--qos",
    "constraints": "--constraint",
    "reservations": "--reservation",
    "gres_per_node": "--gres",
    "time_limit": "--time",
    "memory_per_cpu": "--mem-per-cpu",
}
# The environment of the command is clean already; any other choice makes the node load the login's profile.
_ALWAYS = ("--parsable", "--no-requeue", "--export=ALL", "--input=/dev/null")


def sbatch_options(options: dict[str, object]) -> tuple[str, ...]:
    """Return the arguments that stand for pyslurm's options.

    sbatch itself would lower the number of nodes to that of the ranks, and say so in a warning alone.
    """
    ranks, nodes = int(str(options["ntasks"])), int(str(options["nodes"]))
    if nodes > ranks:
        raise SchedulerError(f"the job asks for {nodes} nodes and has {ranks} ranks: lower resources.nodes")
    given = {name: value for name, value in options.items() if name != "is_requeueable"}
    return (*_ALWAYS, *(f"{_ARGUMENTS[name]}={_text(value)}" for name, value in given.items()))


def _text(value: object) -> str:
    if isinstance(value, dict):  # of generic resources
        return ",".join(f"{name}:{count}" for name, count in value.items())
    return str(value)
