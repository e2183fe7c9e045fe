"""Lines of columns of a fixed width: the form of Slurm's commands that every version has.

Each line has the same number of bytes, so that no newline or separator in a user's text begins another.
"""

from collections.abc import Iterator, Mapping

Columns = Mapping[str, int]
JOB: Columns = {
    "JobID": 20,
    "ArrayJobID": 20,
    "ArrayTaskID": 20,
    "UserID": 16,
    "State": 24,
    "PriorityLong": 16,
    "NumNodes": 12,
    "NumCPUs": 12,
    "StartTime": 24,
    "EndTime": 24,
    "TimeLimit": 24,
    "exit_code": 12,
    "RestartCnt": 12,
    "Reason": 300,
    "Partition": 300,
    "NodeList": 20,
    "Name": 256,
    "WorkDir": 1024,
}
QUEUE: Columns = {"JobID": 20, "UserID": 16, "State": 24, "PriorityLong": 16, "NumCPUs": 12, "Partition": 300}
NODE: Columns = {"NodeList": 256, "PartitionName": 256, "StateLong": 32, "CPUsState": 64, "Memory": 20}
PARTITION: Columns = {"PartitionName": 256, "Available": 12, "MaxCPUsPerNode": 24, "Size": 48}
RECORD: Columns = {
    "JobIDRaw": 30,
    "JobID": 60,
    "State": 40,
    "ExitCode": 12,
    "Start": 24,
    "End": 24,
    "Elapsed": 24,
    "TotalCPU": 24,
    "MaxRSS": 24,
    "AllocNodes": 12,
    "ReqCPUS": 12,
    "Timelimit": 24,
    "JobName": 256,
    "NodeList": 24,
}


def squeue_format(columns: Columns) -> str:
    """Return the value of `--Format` for squeue and sinfo."""
    return ",".join(f"{name}:{width}" for name, width in columns.items())


def sacct_format(columns: Columns) -> str:
    """Return the value of sacct's `--format`, whose columns have one more byte between them."""
    return ",".join(f"{name}%-{width}" for name, width in columns.items())


def rows(stdout: bytes, columns: Columns, gap: int = 0) -> Iterator[dict[str, str]]:
    """Yield the lines as texts by column. Raise ValueError where a line has another length."""
    width = sum(columns.values()) + gap * len(columns)
    for start in range(0, len(stdout), width + 1):
        line = stdout[start : start + width + 1]
        if len(line) != width + 1 or not line.endswith(b"\n"):
            raise ValueError(f"a line has not {width} bytes")
        yield _split(line, columns, gap)


def _split(line: bytes, columns: Columns, gap: int) -> dict[str, str]:
    row, start = dict[str, str](), 0
    for name, width in columns.items():
        row[name] = line[start : start + width].decode("utf-8", "replace").strip(" ")
        start += width + gap
    return row
