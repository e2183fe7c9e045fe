"""Slurm's reasons that name a limit of an account or quality of service, composed like the words themselves.

A word has a scope, a kind, a resource, minutes or none, and a unit, as in `QOS|Max|Cpu||PerUser|Limit`.
Waiting never lifts a limit on one job or one node, nor a least amount.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

CANCEL = "waiting does not help: cancel it and"
_WORD = re.compile(
    r"(?P<scope>Assoc|QOS|)(?P<kind>Grp|Max|Min)(?P<resource>[A-Za-z]+?)"
    r"(?P<minutes>RunMinutes|RunMins|Minutes|)(?P<unit>Per(?:Job|Node|User|Account)|)(?:Limit|NotSatisfied|)",
    re.ASCII,
)


@dataclass(frozen=True)
class PendingReason:
    """A cause of the wait, as a sentence about the job.

    Only where `lifts` is true the job starts by itself, so that its place in the queue and the start that
    Slurm expects mean something.
    """

    sentence: str
    lifts: bool = True


class _Resource(NamedTuple):
    amount: str
    unit: str
    less: str = "ask for less of it"
    more: str = "ask for more of it"


_CPUS = _Resource("CPUs", "CPU", "use fewer ranks or threads", "use more ranks or threads")
_MEMORY = _Resource(
    "memory",
    "memory",
    "ask for less with resources.memory_bytes",
    "ask for more with resources.memory_bytes",
)
_TIME = _Resource("time", "time", "ask for less with resources.time_limit_s")
_RESOURCES = {
    "Cpu": _CPUS,
    "CPU": _CPUS,
    "Mem": _MEMORY,
    "Memory": _MEMORY,
    "Node": _Resource(
        "nodes", "node", "ask for fewer with resources.nodes", "ask for more with resources.nodes"
    ),
    "Wall": _TIME,
    "WallDuration": _TIME,
    "Energy": _Resource("energy", "energy"),
    "GRES": _Resource("generic resources", "generic resource"),
    "License": _Resource("licences", "licence"),
    "BB": _Resource("burst buffer", "burst buffer"),
    "Billing": _Resource("billing units", "billing unit", "ask for less", "ask for more"),
    "Unknown": _Resource("resources (Slurm does not say which)", "resource", "ask for less", "ask for more"),
}
_JOBS = {"Jobs": "run", "SubmitJob": "wait or run", "SubmitJobs": "wait or run"}
_ACCOUNT = "its Slurm account"
_OWNERS = {"Assoc": _ACCOUNT, "QOS": "its quality of service", "": _ACCOUNT}
_SUBMITTER = "the cluster account that submits it"


def limit_reason(word: str) -> PendingReason | None:
    """Return the sentence of a limit; None for a word that names none."""
    match = _WORD.fullmatch(word)
    if match is None:
        return None
    if match["resource"] in _JOBS:
        acts = _JOBS[match["resource"]]
        return PendingReason(f"as many jobs of {_counted(match)} {acts} as may at once ({word})")
    resource = _RESOURCES.get(match["resource"])
    return None if resource is None else _resource_reason(match, resource)


def _resource_reason(match: re.Match[str], resource: _Resource) -> PendingReason:
    word, owner = match[0], _OWNERS[match["scope"]]
    amount = f"{resource.unit} minutes" if match["minutes"] else resource.amount
    if match["kind"] == "Min":
        text = f"it asks for less than the {amount} that {owner} demands ({word}); {CANCEL} {resource.more}"
        return PendingReason(text, lifts=False)
    if match["unit"] in {"PerJob", "PerNode"}:
        where = "on one node" if match["unit"] == "PerNode" else "for one job"
        text = f"it asks for more {amount} than {owner} allows {where} ({word}); {CANCEL} {resource.less}"
        return PendingReason(text, lifts=False)
    jobs = f"the jobs of {_counted(match)}"
    if match["minutes"] == "Minutes" or resource is _TIME:
        text = f"{jobs} have used up their {amount} ({word}); the cluster's operators can grant more"
        return PendingReason(text, lifts=False)
    text = f"{jobs} use all the {amount} that they may at once ({word})"
    return PendingReason(f"{text}; a job that alone needs more cannot start")


def _counted(match: re.Match[str]) -> str:
    """Return the account or quality of service whose jobs the limit counts together."""
    if match["unit"] == "PerUser" or (match["kind"] == "Max" and not match["unit"]):
        return _SUBMITTER
    return _ACCOUNT if match["unit"] == "PerAccount" else _OWNERS[match["scope"]]
