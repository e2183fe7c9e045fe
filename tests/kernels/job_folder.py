"""Jobs as the gateway starts them: a job file, and one process per rank."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PROGRESS = re.compile(r"^.*: \d+ %\n", re.MULTILINE)


@dataclass
class JobFolder:
    """A cluster home in miniature; `run` starts the ranks of one job in it and waits for them."""

    root: Path
    attempts: int = 0
    stderr: str = ""
    stdout: str = ""
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> Path:
        return Path(self.document["output_dir"])

    @property
    def published(self) -> Path:
        return self.root / "Output_Data"

    def input(self, content: str | bytes, name: str = "input.csv") -> Path:
        path = self.root / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def job_file(self, source: Path, services: dict[str, Any], **changes: Any) -> Path:
        self.attempts += 1
        name = f"job.{self.attempts}"
        self.document = {
            "version": 1,
            "name": name,
            "services": services,
            "layout": "sensor_table",
            "input": str(source),
            "output_dir": str(self.published / "jobs" / name),
            "publish_dir": str(self.published),
            "csv_output": True,
            "threads": 1,
            "perforation_stride": 1,
            "precision_scenario": 1,
            "profile": str(self.root / "profile" / f"{name}.json"),
            "inference_dir": None,
            "labels": None,
        } | changes
        path = self.root / f"{name}.json"
        path.write_text(json.dumps(self.document))
        return path

    def start(self, job_file: Path, rank: int, ranks: int) -> "subprocess.Popen[str]":
        environment = dict(os.environ) | {"SLURM_PROCID": str(rank), "SLURM_NTASKS": str(ranks)}
        return subprocess.Popen(
            [sys.executable, "-m", "hpc_kernels", "run", str(job_file)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, source: Path, services: dict[str, Any], ranks: int = 1, **changes: Any) -> list[int]:
        """Run a job; return the exit codes of its ranks and keep the output of all of them.

        Lines of progress are dropped: a job that compiles code first takes seconds.
        """
        job_file = self.job_file(source, services, **changes)
        processes = [self.start(job_file, rank, ranks) for rank in range(ranks)]
        try:
            said = [process.communicate(timeout=250) for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        self.stdout, stderr = ("".join(texts) for texts in zip(*said, strict=True))
        self.stderr = _PROGRESS.sub("", stderr)
        return [process.returncode for process in processes]
