"""The environment of a scheduler's commands: emptied, so that no variable of the account changes an answer.

`squeue` alone reads forty variables. The login's PATH comes after the configured one; HOME stays.
"""

from collections.abc import Mapping, Sequence

# $1 is the configured PATH, $2 a configuration of Slurm that is used where it can be read.
CLEAN = """\
PATH=$1:$PATH
conf=$2
shift 2
[ -n "$conf" ] && [ -r "$conf" ] || conf=${SLURM_CONF-}
clean() { env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 ${conf:+SLURM_CONF="$conf"} "$@"; }
"""
_RUN = f'{CLEAN}clean "$@"\n'
# Times as seconds since 1970 where a command can, else in UTC.
TIMES = {"TZ": "UTC", "SLURM_TIME_FORMAT": "%s"}


def in_clean_environment(
    argv: Sequence[str], path: str, conf: str = "", variables: Mapping[str, str] = TIMES
) -> list[str]:
    """Return the command line that runs the command with these variables alone."""
    assignments = [f"{name}={value}" for name, value in variables.items()]
    return ["/bin/sh", "-c", _RUN, "sh", path, conf, *assignments, *argv]
