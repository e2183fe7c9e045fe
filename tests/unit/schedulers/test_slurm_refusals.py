"""Refused submissions: the sentence names the refused value and the remedy."""

from pathlib import Path

import pytest

from gateway.schedulers.base import JobSpec, Resources
from gateway.schedulers.slurm.refusals import explain_refusal

ASKED = Resources(
    partition="fast", account="phys", qos="night", nodes=5, time_limit_s=7200, memory_per_cpu_bytes=1 << 30
)
SIZE = "17 x 2 CPUs on 5 nodes with 1,073,741,824 bytes for each CPU"


def explain(number: int, resources: Resources = ASKED) -> str:
    return explain_refusal(number, JobSpec("job.1", Path("/x"), ("true",), 17, 2, "srun", {}, resources))


@pytest.mark.parametrize(
    ("number", "value", "advice"),
    [
        (2000, "partition 'fast'", "resources.partition"),
        (2003, "partition 'fast'", "resources.partition"),
        (2005, SIZE, "use fewer ranks"),
        (2006, "partition 'fast'", "resources.nodes"),
        (2014, SIZE, "resources.memory_bytes"),
        (2045, "account 'phys'", "defaults.account"),
        (2050, "a time limit of 7200 s", "ask for less"),
        (2051, "a time limit of 7200 s", "resources.time_limit_s"),
        (2066, "quality of service 'night'", "operators"),
        (2101, "partition 'fast'", "retry it later"),
        (2167, "account 'phys'", "sacctmgr"),
        (9999, SIZE, "partition 'fast' with account 'phys'"),
    ],
)
def test_a_refusal_names_the_value_and_the_remedy(number: int, value: str, advice: str) -> None:
    assert value in explain(number)
    assert advice in explain(number)


@pytest.mark.parametrize("number", [*range(2000, 2180), 8000, 0, -1])
def test_any_number_has_a_sentence_without_a_gap(number: int) -> None:
    for resources in (ASKED, Resources(), Resources(partition="{x}", account="%s")):
        said = explain(number, resources)
        assert said
        assert "None" not in said


def test_a_value_that_was_not_given_is_the_default_one() -> None:
    assert explain(2045, Resources()).startswith(
        "the default account is not one that this cluster account may"
    )
    assert "the default partition" in explain(2014, Resources())
