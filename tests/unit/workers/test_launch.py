"""The Celery workers of a cluster: short work never shares a process with long work."""

from workers.launch import celery_argv, cluster_workers


def test_long_work_short_work_and_requests_have_processes_of_their_own() -> None:
    served = {node: queues for node, queues, _ in cluster_workers("hpc", 4)}
    assert served == {
        "hpc": ["hpc.long", "hpc"],
        "hpc.short": ["hpc.short"],
        "hpc.control": ["hpc.control"],
    }


def test_the_queue_of_the_version_before_is_drained() -> None:
    drained = [node for node, queues, _ in cluster_workers("hpc", 4) if "hpc" in queues]
    assert drained == ["hpc"]
    argv = celery_argv("hpc", ["hpc.long", "hpc"], 4)
    assert argv[argv.index("--queues") + 1] == "hpc.long,hpc"
