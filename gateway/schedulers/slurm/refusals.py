"""Slurm's refusals of a submission: a sentence for each error number, with the value that was refused.

Slurm's own messages name no value: "Invalid partition name specified".
"""

from gateway.schedulers.base import JobSpec, Resources

_OPERATORS = "the cluster's operators can change that"
_OTHER_PARTITION = "name another one with resources.partition"
_SMALLER = "use fewer ranks, threads or nodes, or ask for less with resources.memory_bytes"
_ACCOUNT = (
    "{account} is not one that this cluster account may use in {partition}: correct defaults.account of the"
    " cluster, or let its operators add the account in Slurm (sacctmgr)"
)
_RESERVATION = "{reservation} does not exist, is over, or is not open to this cluster account"
_GRES = "the generic resources {gres} are not known, or no node has as many"
_SENTENCES = {
    2000: f"the cluster has no {{partition}}: {_OTHER_PARTITION}",
    2001: "no partition is named and the cluster has no default one: name one with resources.partition",
    2002: f"this cluster account may not submit it to {{partition}}: {_OPERATORS}",
    2003: f"{{partition}} is not open to the groups of this cluster account: {_OTHER_PARTITION}",
    2004: f"{{partition}} does not have the nodes: {_OTHER_PARTITION}",
    2005: f"{{size}} are more processors than {{partition}} permits: {_SMALLER}",
    2006: "{size} do not fit the number of nodes that {partition} permits: change resources.nodes",
    2014: f"no nodes of {{partition}} offer {{size}}: {_SMALLER}",
    2015: f"{{partition}} does not give {{size}} for {{time}} to a job: {_SMALLER}, or less time",
    2025: "{size} is no number of tasks that {partition} permits: change the ranks",
    2029: "no node has the feature {constraint}: change resources.constraint",
    2044: f"no node of {{partition}} has the memory of {{size}}: {_SMALLER}",
    2045: _ACCOUNT,
    2050: (
        "{account} or {qos} has as many jobs as it may, or allows no job of {size} for {time}: wait until"
        " others have ended and retry it, or ask for less"
    ),
    2051: "{time} is more than {partition} allows, or it demands a limit: change resources.time_limit_s",
    2052: _RESERVATION,
    2053: _RESERVATION,
    2056: _RESERVATION,
    2066: f"{{qos}} is not known, or {{account}} may not use it: {_OPERATORS}",
    2068: f"a node that it names is down, drained or reserved: {_OTHER_PARTITION}",
    2069: f"{{size}} is no number of processors that {{partition}} permits: {_SMALLER}",
    2070: f"{{partition}} accepts no jobs at the moment: {_OTHER_PARTITION}, or retry it later",
    2072: _GRES,
    2074: "{account} has used more than {qos} allows: retry it later, or let the operators grant more",
    2101: f"{{partition}} is down: {_OTHER_PARTITION}, or retry it later",
    2115: _GRES,
    2119: _GRES,
    2122: _GRES,
    2130: "{account} is bound to one partition: name that one instead of {partition}",
    2134: _GRES,
    2167: _ACCOUNT,
    2170: "{qos} can be used in a single partition only: name one instead of {partition}",
    2178: f"no nodes of {{partition}} are connected as {{size}} need it: {_SMALLER}",
    8000: "{partition} demands a time limit: set one with resources.time_limit_s",
}


def explain_refusal(number: int, spec: JobSpec) -> str:
    """Return the sentence about a refused job; of an unknown number, all that the job asked for."""
    values = _values(spec)
    sentence = _SENTENCES.get(number)
    if sentence is None:
        return f"it asked for {values['size']} in {values['partition']} with {values['account']}"
    return sentence.format_map(values)


def _values(spec: JobSpec) -> dict[str, str]:
    resources = spec.resources
    limit = resources.time_limit_s
    return {
        "partition": _named("partition", resources.partition),
        "account": _named("account", resources.account),
        "qos": _named("quality of service", resources.qos),
        "reservation": _named("reservation", resources.reservation),
        "constraint": repr(resources.constraint),
        "gres": repr(resources.gres),
        "time": "no time limit" if limit is None else f"a time limit of {limit} s",
        "size": _size(spec, resources),
    }


def _named(noun: str, value: str) -> str:
    return f"{noun} {value!r}" if value else f"the default {noun}"


def _size(spec: JobSpec, resources: Resources) -> str:
    parts = [f"{spec.ranks} x {spec.threads} CPUs"]
    if resources.nodes:
        parts.append(f"on {resources.nodes} nodes")
    if resources.memory_per_cpu_bytes:
        parts.append(f"with {resources.memory_per_cpu_bytes:,} bytes for each CPU")
    return " ".join(parts)
