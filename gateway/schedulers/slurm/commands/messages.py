"""Slurm's own messages, as its commands print them, by the number of the error."""

import re

# As Slurm 24.11 prints them. A version with other words costs a refusal its sentence, and no more.
_MESSAGES = {
    "Unexpected message received": 1000,
    "Communication connection failure": 1001,
    "Message send failure": 1002,
    "Message receive failure": 1003,
    "Communication shutdown failure": 1004,
    "Protocol authentication error": 1007,
    "Unexpected missing socket error": 1013,
    "Unable to process incoming file descriptor": 1014,
    "Unable to process outgoing file descriptor": 1015,
    "Unable to process incoming and outgoing file descriptors": 1016,
    "Unable to contact slurm controller (connect failure)": 1800,
    "Unable to contact slurm controller (send failure)": 1801,
    "Unable to contact slurm controller (receive failure)": 1802,
    "Unable to contact slurm controller (shutdown failure)": 1803,
    "Rate limit exceeded, please retry momentarily": 1804,
    "Rate limit exceeded, please retry later": 1805,
    "Invalid partition name specified": 2000,
    "No partition specified or system default partition": 2001,
    "Access/permission denied": 2002,
    "User's group not permitted to use this partition": 2003,
    "Requested nodes not in this partition": 2004,
    "More processors requested than permitted": 2005,
    "Node count specification invalid": 2006,
    "Unable to create job record, try again": 2007,
    "Requested node configuration is not available": 2014,
    "Requested partition configuration not available now": 2015,
    "Invalid job id specified": 2017,
    "Job/step already completing or completed": 2021,
    "Task count specification invalid": 2025,
    "Slurm backup controller in standby mode": 2027,
    "Invalid feature specification": 2029,
    "Memory required by task is not available": 2044,
    "Invalid account or account/partition combination specified": 2045,
    "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)": 2050,
    "Requested time limit is invalid (missing or exceeds some limit)": 2051,
    "Access denied to requested reservation": 2052,
    "Requested reservation is invalid": 2053,
    "Requested reservation not usable now": 2056,
    "Job cannot be submitted without the current working directory specified.": 2063,
    "Invalid qos specification": 2066,
    "Required node not available (down, drained or reserved)": 2068,
    "CPU count specification invalid": 2069,
    "Required partition not available (inactive or drain)": 2070,
    "Invalid generic resource (gres) specification": 2072,
    "Requested account has breached requested QOS usage threshold": 2074,
    "Invalid job array specification": 2081,
    "Job has already finished": 2084,
    "Partition in DOWN state": 2101,
    "Duplicate generic resource (gres) specification": 2102,
    "System submissions disabled": 2105,
    "Invalid Trackable RESource (TRES) specification": 2115,
    "Invalid GRES specification (with and without type identification)": 2119,
    "Requested GRES option unsupported by configured SelectType plugin": 2122,
    "Multiple partition job request not supported when a partition is set in the association": 2130,
    "Controller is in standby mode, try a different controller": 2131,
    "Insufficient GRES available in allocation": 2134,
    "Invalid or unknown association": 2167,
    "Invalid QOS specification, relative QOS can only be used in a single partition per cluster.": 2170,
    "Requested topology configuration is not available": 2178,
    "Header lengths are longer than data received": 5003,
    "Socket timed out on send/recv operation": 5004,
    "Zero Bytes were transmitted or received": 5005,
    "Invalid authentication credential": 6000,
    "Authentication credential expired": 6001,
    "Bad argument to plugin function": 6004,
    "Cannot unpack credential": 6007,
    "Authentication does not apply to request": 6008,
    "Token Generation failed.": 6009,
    "Time limit specification required, but not provided": 8000,
}
# Words of messages without a number, all about a Slurm that cannot be reached or used at the moment.
_AWAY = re.compile(
    r"contact slurm|slurm controller|timed out|Connection (?:refused|reset)|[Cc]onnect(?:ion)? failure"
    r"|[Mm]unge|slurm_persist_conn|Rate limit|slurmdbd|fatal:|DNS SRV",
    re.ASCII,
)


def error_number(stderr: str) -> int | None:
    """Return the number of the error that the command printed last, or None for words without a number."""
    for line in reversed(stderr.splitlines()):
        for message, number in _MESSAGES.items():
            if line.rstrip().endswith(message):
                return number
    return None


# Slurm's commands that were built without a library of JSON.
_WITHOUT_JSON = re.compile(r"serializer|JSON|data_parser", re.ASCII)


def is_away(stderr: str) -> bool:
    """Tell whether the words are of a Slurm that does not answer now."""
    return _AWAY.search(stderr) is not None and _WITHOUT_JSON.search(stderr) is None
