"""Generic resources (gres) of a job on each of its nodes, as text: `gpu:a100:2,shard`."""

from collections import Counter

_NAME = "[A-Za-z][A-Za-z0-9_]{0,31}"
# `a100`, `1g.5gb`; but neither a number, which is a count, nor Slurm's count with a unit, as `2K`.
_TYPE = "([A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,15}[A-Za-z_][A-Za-z0-9_.-]{1,31})"
_COUNT = "[1-9][0-9]{0,5}"
_ITEM = f"{_NAME}(:{_TYPE})?(:{_COUNT})?"
REQUEST = f"^{_ITEM}(,{_ITEM}){{0,7}}$"
CEILING = f"^{_NAME}:{_COUNT}$"


def parse_gres(text: str) -> dict[str, int]:
    """Return the count of each `name` or `name:type`; those that are named twice are added."""
    counts: Counter[str] = Counter()
    for item in filter(None, text.split(",")):
        kind, _, last = item.rpartition(":")
        counts.update({kind: int(last)} if last.isdecimal() else {item: 1})
    return dict(counts)


def format_gres(counts: dict[str, int]) -> str:
    """Return the text of counts."""
    return ",".join(f"{kind}:{count}" for kind, count in counts.items())


def count_by_name(counts: dict[str, int]) -> dict[str, int]:
    """Return the counts of the names, over all their types."""
    names: Counter[str] = Counter()
    for kind, count in counts.items():
        names[kind.partition(":")[0]] += count
    return dict(names)
