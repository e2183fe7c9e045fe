"""Resource requests of jobs: defaults, ceilings, and refusals."""

from pathlib import PurePosixPath

import pytest
from pydantic import ValidationError

from gateway.clusters.configuration import Cluster
from gateway.clusters.limits import Ceilings, Defaults, Limits
from gateway.errors import Invalid
from gateway.jobs.resources import ResourceRequest, grant, scheduler_resources
from gateway.schedulers.base import Resources

GIB = 2**30


LIMITS = Limits(
    defaults=Defaults(partition="debug", account="lab", time_limit_s=600, memory_per_cpu_bytes=GIB),
    ceilings=Ceilings(partitions=("debug", "long"), nodes=4, time_limit_s=3600, memory_per_cpu_bytes=2 * GIB),
)


def test_defaults() -> None:
    granted = grant(ResourceRequest(), LIMITS, ranks=4, threads=2)
    assert scheduler_resources(granted, 16) == Resources(
        partition="debug",
        account="lab",
        time_limit_s=600,
        memory_per_cpu_bytes=GIB,
        cpus_per_node=16,
    )


def test_wishes() -> None:
    wishes = ResourceRequest(partition="long", nodes=2, time_limit_s=3600, memory_bytes=16 * GIB)
    granted = grant(wishes, LIMITS, ranks=4, threads=2)
    assert granted["partition"] == "long"
    assert (granted["nodes"], granted["time_limit_s"]) == (2, 3600)
    assert granted["memory_per_cpu_bytes"] == 2 * GIB


def test_nothing_configured_leaves_all_to_the_scheduler() -> None:
    assert scheduler_resources(grant(ResourceRequest(), Limits(), 1, 1), 8) == Resources(cpus_per_node=8)


def test_a_time_ceiling_is_the_limit_of_who_does_not_ask() -> None:
    assert grant(ResourceRequest(), Limits(ceilings=Ceilings(time_limit_s=60)), 1, 1)["time_limit_s"] == 60


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (ResourceRequest(partition="gpu"), "resources.partition: 'gpu' is not among debug, long"),
        (ResourceRequest(nodes=9), "resources.nodes: 9 nodes are more than the 8 ranks"),
        (ResourceRequest(nodes=5), "resources.nodes: 5 is above this cluster's ceiling of 4"),
        (ResourceRequest(time_limit_s=3601), "resources.time_limit_s: 3601 .* 3600"),
        (ResourceRequest(memory_bytes=16 * GIB + 1), f"resources.memory_bytes: .*{16 * GIB}"),
    ],
)
def test_above_the_ceiling(wishes: ResourceRequest, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        grant(wishes, LIMITS, ranks=8, threads=1)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"partition": "workq@other"}, "resources.partition: PBS takes one queue of its own"),
        ({"partition": "@other"}, "resources.partition: PBS takes one queue of its own"),
        ({"partition": "workq,short"}, "resources.partition: PBS takes one queue of its own"),
        ({"qos": "high"}, "resources.qos: PBS has no quality of service"),
        ({"constraint": "big"}, "resources.constraint: PBS has no constraint"),
        ({"reservation": "mine"}, "resources.reservation: PBS has no reservation"),
        ({"gres": "gpu:a100:1"}, "resources.gres: PBS has no generic resources"),
        ({"gres": "shard:1"}, "resources.gres: PBS has no generic resources"),
    ],
)
def test_resources_that_pbs_has_not_are_refused_at_the_door(wishes: dict[str, str], words: str) -> None:
    most = Ceilings(qos=("high",), constraints=("big",), reservations=("mine",), gres=("gpu:1", "shard:1"))
    far = {"name": "far", "home": PurePosixPath("/home/me"), "ceilings": most}
    request = ResourceRequest.model_validate(wishes)
    with pytest.raises(Invalid, match=words):
        grant(request, Cluster(scheduler="pbs", **far), 1, 1)
    assert grant(request, Cluster(scheduler="slurm", **far), 1, 1)
    good = ResourceRequest(partition="workq", gres="gpu:1")
    assert grant(good, Cluster(scheduler="pbs", **far), 1, 1)["partition"] == "workq"


def test_a_default_that_is_no_queue_of_pbs_is_refused_when_the_file_is_read() -> None:
    with pytest.raises(ValidationError, match="PBS takes one queue of its own"):
        Cluster(
            name="far",
            scheduler="pbs",
            home=PurePosixPath("/home/me"),
            defaults=Defaults(partition="workq@other"),
        )


@pytest.mark.parametrize("partition", ["debug,long", "long,debug", "long", "a,b"])
def test_a_list_of_partitions_is_allowed_name_by_name_or_as_it_stands(partition: str) -> None:
    limits = Limits(ceilings=Ceilings(partitions=("debug", "long", "a,b")))
    assert grant(ResourceRequest(partition=partition), limits, 1, 1)["partition"] == partition
    assert Limits(defaults=Defaults(partition=partition), ceilings=limits.ceilings).defaults.partition


@pytest.mark.parametrize("partition", ["debug,gpu", "gpu,debug", "debug,", ",", "a", "b,a", "debug,,long"])
def test_a_list_with_a_partition_that_is_not_allowed(partition: str) -> None:
    limits = Limits(ceilings=Ceilings(partitions=("debug", "long", "a,b")))
    with pytest.raises(Invalid, match="resources.partition: .* is not among debug, long, a,b"):
        grant(ResourceRequest(partition=partition), limits, 1, 1)
    with pytest.raises(ValueError, match="not among"):
        Limits(defaults=Defaults(partition=partition), ceilings=limits.ceilings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nodes", 0),
        ("nodes", -1),
        ("time_limit_s", "soon"),
        ("memory_bytes", 0.5),
        ("nodes", 2**31),
        ("time_limit_s", 2**31),
        ("memory_bytes", 2**63),
        ("partition", "a b"),
        ("partition", "a\n"),
        ("partition", "$(x)"),
        ("grow", 1),
        ("grow", "yes"),
        ("gpus", 1),
    ],
)
def test_wishes_that_make_no_sense(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        ResourceRequest.model_validate({key: value})


HOSTILE = [
    *(
        "a b",
        "a\n",
        "\na",
        "a\r",
        "a\tb",
        "a\0",
        "a,b",
        "a&b",
        "a|b",
        "[a|b]",
        "a*2",
        "a;b",
        "a=b",
        "a:b",
        "a/b",
    ),
    *(
        "-a",
        "--uid=0",
        "$(x)",
        "`x`",
        "'a'",
        '"a"',
        "a\\b",
        "größe",
        "\u202ea",
        "\x1b[31m",
        "a" * 129,
        7,
        True,
        ["a"],
    ),
]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize("key", ["account", "qos", "constraint", "reservation"])
def test_a_name_that_is_no_plain_name_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        ResourceRequest.model_validate({key: value})


@pytest.mark.parametrize(
    "value",
    [
        *(
            "gpu:",
            ":2",
            "gpu:0",
            "gpu:-1",
            "gpu:1.5",
            "gpu:1K",
            "gpu:02",
            "gpu::2",
            "gpu:a:b:1",
            "gpu:1:a",
            "gpu:9999999",
        ),
        *(
            "gpu,",
            ",gpu",
            "gpu,,gpu",
            "gpu gpu",
            "gpu\n",
            "gpu:2\n",
            "-gpu",
            "--gres=gpu",
            "gres/gpu:1",
            "gpu=1",
            "gpu&x",
        ),
        *("gpu|x", "gpu(S:0)", "größe:1", "gpu:²", "1gpu", "g" * 33, ",".join(["gpu"] * 9), 7, {"gpu": 1}),
    ],
    ids=repr,
)
def test_generic_resources_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="gres"):
        ResourceRequest.model_validate({"gres": value})


TEXTS = ["partition", "account", "qos", "constraint", "reservation", "gres"]


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_text_is_left_out(value: object) -> None:
    assert ResourceRequest.model_validate(dict.fromkeys(TEXTS, value)) == ResourceRequest()


LISTED = Limits(
    defaults=Defaults(account="lab", qos="normal"),
    ceilings=Ceilings(
        accounts=("physics",),
        qos=("long",),
        constraints=("avx512",),
        reservations=("course",),
        gres=("gpu:4",),
    ),
)


@pytest.mark.parametrize(
    ("key", "allowed", "option"),
    [
        ("account", "physics", "accounts"),
        ("qos", "long", "qos"),
        ("constraint", "avx512", "constraints"),
        ("reservation", "course", "reservations"),
    ],
)
def test_a_name_is_chosen_from_the_list_of_the_cluster_alone(key: str, allowed: str, option: str) -> None:
    assert grant(ResourceRequest.model_validate({key: allowed}), LISTED, 1, 1)[key] == allowed
    other = ResourceRequest.model_validate({key: "other"})
    with pytest.raises(
        Invalid, match=f"resources.{key}: 'other' is not among {allowed}, .*ceilings.{option}"
    ):
        grant(other, LISTED, 1, 1)
    with pytest.raises(Invalid, match=f"resources.{key}: .*none.*ceilings.{option} of infrastructures.toml"):
        grant(other, Limits(), 1, 1)


def test_the_operators_default_may_be_named() -> None:
    granted = grant(ResourceRequest(account="lab", qos="normal"), LISTED, 1, 1)
    assert (granted["account"], granted["qos"]) == ("lab", "normal")


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("gpu", "gpu:1"),
        ("gpu:4", "gpu:4"),
        ("gpu:a100:3,gpu:1g.5gb", "gpu:a100:3,gpu:1g.5gb:1"),
        ("gpu:a100,gpu:a100:2", "gpu:a100:3"),
    ],
)
def test_generic_resources_below_their_ceiling(asked: str, granted: str) -> None:
    assert grant(ResourceRequest(gres=asked), LISTED, 1, 1)["gres"] == granted


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("gpu:5", "5 of gpu on each node is above this cluster's ceiling of 4"),
        ("gpu:a100:3,gpu:2", "5 of gpu"),
        ("shard", "'shard' is not among gpu, the ceilings.gres"),
    ],
)
def test_generic_resources_above_their_ceiling(asked: str, words: str) -> None:
    with pytest.raises(Invalid, match=f"resources.gres: {words}"):
        grant(ResourceRequest(gres=asked), LISTED, 1, 1)


def test_no_generic_resources_without_an_entry() -> None:
    with pytest.raises(Invalid, match="let its operator list 'gpu' in ceilings.gres"):
        grant(ResourceRequest(gres="gpu"), Limits(), 1, 1)
