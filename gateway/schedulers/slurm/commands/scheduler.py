"""The Slurm scheduler by commands: submissions that wait share one command."""

from collections.abc import Sequence

from gateway.errors import GatewayError, SchedulerUnavailable
from gateway.schedulers import batch_script
from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm.commands.client import CommandClient, Prepared
from gateway.schedulers.slurm.errors import SlurmRefusal
from gateway.schedulers.slurm.scheduler import SlurmScheduler


class CommandScheduler(SlurmScheduler):
    """Submits jobs by sbatch, and lists those of the account by one squeue."""

    def __init__(self, client: CommandClient) -> None:
        super().__init__(client)
        self._commands = client

    def submit_many(self, specs: Sequence[JobSpec]) -> list[str | GatewayError]:
        """Submit the jobs by one command, without those that cannot be prepared."""
        prepared: dict[int, Prepared] = {}
        results: dict[int, str | GatewayError] = {}
        for number, spec in enumerate(specs):
            try:
                prepared[number] = self._commands.prepare(
                    spec, self._options(spec), batch_script.render(spec)
                )
            except GatewayError as error:
                results[number] = error
        results |= dict(zip(prepared, self._submit_prepared(list(prepared.values())), strict=True))
        return [results[number] for number in range(len(specs))]

    def _submit_prepared(self, jobs: Sequence[Prepared]) -> list[str | GatewayError]:
        if not jobs:
            return []
        try:
            found = self._commands.submit_many(jobs)
        except SchedulerUnavailable as error:
            return [error] * len(jobs)
        return [
            self._may_pass_later(one, spec) if isinstance(one, SlurmRefusal) else one
            for (spec, _), one in zip(jobs, found, strict=True)
        ]
