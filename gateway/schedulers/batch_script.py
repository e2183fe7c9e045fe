"""The batch script of one attempt, and the files that it writes to the attempt's control folder.

That of an array is one script for all members: each has a control folder of its own, by its index.

The script is the same under every scheduler; only how the ranks are launched differs. It starts at most
once per folder, for ever: its first act is to link `started.json` into place, which can succeed only once.
Its last act is to rename `exit.json` into place, so the exit code outlives the scheduler's records.

It needs bash (4.3 or later) and coreutils on the node, nothing else.
"""

import json
import re
import shlex

from gateway.errors import Invalid
from gateway.schedulers.base import JobSpec
from gateway.schedulers.host_ranks import HOST_RANKS
from gateway.schedulers.rank_memory import rank_memory_bytes

SCRIPT = "job.sh"
STARTED = "started.json"
EXIT = "exit.json"
FIRST_FAILURE = "first_failure"
STDOUT = "stdout.log"
STDERR = "stderr.log"

# The script's own exit codes, from sysexits.h; in both cases nothing was run and nothing was written.
NO_FOLDER = 74  # the control folder is missing, full or read-only
ALREADY_STARTED = 75  # another copy of this attempt has started, perhaps long ago

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_TEMPLATE = """\
#!/bin/bash -p
# -p: no function of the submitter's environment may stand in for a command below.
# One attempt of a job: starts at most once, takes its ranks with it when it is ended, writes {exit} last.
umask 027
folder={folder}
{member}cd -- "$folder" || exit {no_folder}
now() {{ date -u +%Y-%m-%dT%H:%M:%S.%6NZ; }}

# The exclusive start: a link with its content already in it. The answer is read from the inode and not
# from ln, which over NFS may report a failure after it succeeded.
started_at=$(now)
read -r stat <"/proc/$$/stat"
ticks=(${{stat##*) }})
read -r boot_id </proc/sys/kernel/random/boot_id
host=$(uname -n)
mine={started}.$host.$$
start='{{"pid": %d, "ticks": %d, "boot_id": "%s", "host": "%s", "scheduler_id": "%s", "started_at": "%s"}}\\n'
job_id=${{{job_id_variable}-${{PBS_JOBID-}}}}
job_id=${{job_id%%[!0-9]*}}{of_member}
printf "$start" $$ "${{ticks[19]}}" "$boot_id" "$host" "$job_id" "$started_at" >"$mine" || {{
  rm -f -- "$mine"
  exit {no_folder}
}}
ln -T -- "$mine" {started} 2>/dev/null
if ! [ {started} -ef "$mine" ]; then
  rm -f -- "$mine"
  [ -e {started} ] && exit {already_started}
  exit {no_folder}
fi
rm -f -- "$mine"
exec </dev/null >>{stdout} 2>>{stderr}

# Variables of the node and of the submitter stay out, but for those of Slurm for its ranks.
environment=({environment})
for name in ${{!SLURM*}}; do
  [ "$name" = SLURM_JWT ] || environment+=("$name=${{!name}}")
done
environment+=({extra_environment})
command=({command})

ranks() {{ jobs -pr; }}
end_ranks() {{
  [ -z "$(ranks)" ] || kill -TERM $(ranks)
  for ((tenth = 0; tenth < {grace_tenths}; tenth++)); do
    [ -n "$(ranks)" ] || return
    sleep 0.1
  done
  kill -KILL $(ranks)
}} 2>/dev/null

signal=null
trap 'signal=15; [ -z "$(ranks)" ] || kill -TERM $(ranks) 2>/dev/null' TERM
code=0
pids=()
{launch}

# Wait until all have ended, one has failed or a signal came. `wait -n` returns as soon as a rank ends but
# misses one that ended just before; the tick bounds the delay.
collect() {{
  local running pid rank_code left=()
  running=" $(echo $(ranks)) "
  for pid in "${{pids[@]}}"; do
    if [[ $running = *" $pid "* ]]; then
      left+=("$pid")
    else
      wait "$pid"
      rank_code=$?
      [ "$code" != 0 ] || code=$rank_code
    fi
  done
  pids=("${{left[@]}}")
}}
looks=0
while collect; [ "$signal$code" = null0 ] && [ "${{#pids[@]}}" != 0 ]; do
  sleep "$((++looks > 20 ? 1 : 0)).1" &
  tick=$!
  wait -n
  kill "$tick"
  wait "$tick"
done 2>/dev/null
first=
[ "$code" = 0 ] || [ ! -f {first_failure} ] || read -r -n 3 first <{first_failure}
[[ $first =~ ^[1-9][0-9]*$ ]] && code=$first
[ "$signal" = null ] || code=143
end_ranks

# From here on nothing may disturb: not the signal that a scheduler sends to every process of a job either.
trap '' TERM

end='{{"exit_code": %d, "signal": %s, "started_at": "%s", "ended_at": "%s", "time_limit_s": {time_limit}}}\\n'
printf "$end" "$code" "$signal" "$started_at" "$(now)" >{exit}.new &&
  sync {exit}.new && mv -T {exit}.new {exit}
exit "$code"
"""

# A member of an array has the folder of its index. Slurm and PBS name the index differently.
_MEMBER = """\
index=${SLURM_ARRAY_TASK_ID-${PBS_ARRAY_INDEX-}}
[[ $index =~ ^[1-9][0-9]*$ ]] || exit {no_folder}
folder=$folder/$index
"""

_PROCESSES = """\
for ((rank = 0; rank < {ranks}; rank++)); do
  [ "$signal" = null ] || break
  (ulimit -d {memory_kib} 2>/dev/null; exec env -i "${{environment[@]}}" SLURM_PROCID="$rank" \\
    SLURM_LOCALID="$rank" SLURM_NTASKS={ranks} SLURM_CPUS_PER_TASK={threads} "${{command[@]}}") &
  pids+=("$!")
done"""

# srun's own exit code is the highest of its ranks', and a rank that is ended because another one failed
# has 143. So the first rank to fail by itself leaves its code; one that is signalled takes its shell along.
# The shell has no stderr of its own: it would print a line about a rank that is killed.
_SRUN = """\
rank='exec {{own}}>&2 2>/dev/null
"$@" 2>&"$own" {{own}}>&-
code=$?
[ "$code" = 0 ] || (set -C; echo "$code" >{first_failure})
exit "$code"'
srun=$(type -P srun) || echo 'srun is not on the PATH of this node' >&2
if [ "$signal" = null ]; then
  env -i "${{environment[@]}}" "${{srun:-srun}}" --kill-on-bad-exit=1{mpi} \\
    --ntasks={ranks} --cpus-per-task={threads} -- /bin/bash -p -c "$rank" rank "${{command[@]}}" &
  pids+=("$!")
fi"""

_LAUNCHES = {"srun": _SRUN, "processes": _PROCESSES, "hosts": HOST_RANKS}

# The time from SIGTERM to SIGKILL of the ranks, in tenths of a second. It is shorter than the usual KillWait
# of Slurm, which then kills the script as well, before the script could write its exit file.
_GRACE_TENTHS = 30
_TICK_TENTHS = 12  # after which a rank on another host has seen that it has to end


def render(spec: JobSpec) -> str:
    """Return the script. Raise Invalid for a command or environment that no process can receive."""
    _check(spec)
    return _TEMPLATE.format(
        folder=shlex.quote(str(spec.folder)),
        member=_MEMBER.replace("{no_folder}", str(NO_FOLDER)) if spec.is_array else "",
        job_id_variable="SLURM_ARRAY_JOB_ID" if spec.is_array else "SLURM_JOB_ID",
        of_member="_$index" if spec.is_array else "",
        started=STARTED,
        exit=EXIT,
        stdout=STDOUT,
        stderr=STDERR,
        no_folder=NO_FOLDER,
        already_started=ALREADY_STARTED,
        grace_tenths=_GRACE_TENTHS,
        environment=_assignments(ENVIRONMENT) + ' HOME="${HOME-/}"',
        extra_environment=_assignments(spec.environment),
        command=_command(spec),
        time_limit=json.dumps(spec.resources.time_limit_s),
        first_failure=FIRST_FAILURE,
        launch=_LAUNCHES[spec.launcher].format(
            ranks=spec.ranks,
            threads=spec.threads,
            memory_kib=rank_memory_bytes(spec) >> 10,
            mpi=f" --mpi={shlex.quote(spec.mpi)}" if spec.mpi else "",
            first_failure=FIRST_FAILURE,
            rank_grace_tenths=_GRACE_TENTHS - _TICK_TENTHS,
            stdout=STDOUT,
            stderr=STDERR,
        ),
    )


def _command(spec: JobSpec) -> str:
    """Return the words of the command; in an array a path below the folder is one of the member's folder."""
    own = f"{spec.folder}/"
    return " ".join(
        f'"$folder"/{shlex.quote(word.removeprefix(own))}'
        if spec.is_array and word.startswith(own)
        else shlex.quote(word)
        for word in spec.command
    )


def _assignments(environment: dict[str, str]) -> str:
    return shlex.join(f"{name}={value}" for name, value in environment.items())


def _check(spec: JobSpec) -> None:
    if spec.ranks < 1 or spec.threads < 1 or spec.array_size < 1:
        raise Invalid("a job needs at least one rank and one thread, and an array at least one member")
    if not spec.command or not spec.command[0] or "=" in spec.command[0]:
        raise Invalid("the path of the job's program must not be empty or contain '='")
    for name in spec.environment:
        if not _VARIABLE.fullmatch(name):
            raise Invalid(f"{name!r} cannot be the name of an environment variable")
    for value in (str(spec.folder), spec.mpi, *spec.command, *spec.environment.values()):
        _check_text(value)


def _check_text(value: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Invalid(f"{value!r} is not valid Unicode, so it cannot reach the job") from None
    if "\0" in value:
        raise Invalid(f"{value!r} contains a NUL character, so it cannot reach the job")
