"""The part of the batch script that starts ranks on the hosts of PBS's node file.

`pbs_tmrsh HOST COMMAND` passes exit codes on, but neither output nor environment, and no signal is known to
pass. So each rank is a script in the control folder: it writes to the logs there, leaves its exit code in a
file of its own, and ends its program when the file `end_ranks` appears. A job on one host needs no pbs_tmrsh.
"""

HOST_RANKS = """\
hosts=()
[ ! -r "${{PBS_NODEFILE-}}" ] || mapfile -t hosts <"$PBS_NODEFILE"
several=$(printf '%s\\n' "${{hosts[@]}}" | sort -u | wc -l)
rank_program='
cd -- "$folder" || exit 74
exec </dev/null >>{stdout} 2>>{stderr}
umask 027
(ulimit -d {memory_kib} 2>/dev/null; exec env -i "${{environment[@]}}" SLURM_PROCID="$1" SLURM_LOCALID="$2" \\
  SLURM_NTASKS={ranks} SLURM_CPUS_PER_TASK={threads} "${{command[@]}}") &
program=$!
trap ": >end_ranks" TERM
ended=0
{{
  while kill -0 "$program"; do
    pause=1
    if [ -e end_ranks ]; then
      [ "$ended" != 0 ] || kill -TERM "$program"
      [ "$((++ended))" -le {rank_grace_tenths} ] || kill -KILL "$program"
      pause=0.1
    fi
    sleep "$pause" &
    tick=$!
    wait -n
    kill "$tick"
  done
  wait "$program"
  code=$?
}} 2>/dev/null
[ "$code" = 0 ] || (set -C; echo "$code" >{first_failure}) 2>/dev/null
echo "$code" >"rank$1.new" && mv -T "rank$1.new" "rank$1.exit"
exit "$code"'
{{
  declare -p folder environment command
  printf '%s\\n' "$rank_program"
}} >ranks.sh
tmrsh=$(type -P pbs_tmrsh || type -P "${{PBS_EXEC:-/opt/pbs}}/bin/pbs_tmrsh")
if [ "$several" -gt 1 ] && [ -z "$tmrsh" ]; then
  echo 'pbs_tmrsh is not on the PATH of this node' >&2
  code=127
fi

# Run a rank elsewhere; its own exit code counts, which the filesystem may show later than pbs_tmrsh ends.
run_rank() {{ # RANK LOCAL_RANK HOST
  local remote rank_code tenth
  trap ': >end_ranks' TERM
  "$tmrsh" "$3" /bin/bash -p "$folder/ranks.sh" "$1" "$2" &
  remote=$!
  wait "$remote"
  rank_code=$?
  while kill -0 "$remote" 2>/dev/null; do
    wait "$remote"
    rank_code=$?
  done
  for ((tenth = 0; tenth < 100 && rank_code == 0; tenth++)); do
    [ ! -s "rank$1.exit" ] || break
    sleep 0.1
  done
  if [ "$rank_code" = 0 ]; then
    read -r rank_code <"rank$1.exit" || rank_code=1
  fi
  exit "$rank_code"
}}
declare -A on_host=()
for ((rank = 0; rank < {ranks}; rank++)); do
  [ "$signal$code" = null0 ] || break
  host=${{hosts[rank % (${{#hosts[@]}} + !${{#hosts[@]}})]-}}
  local_rank=$((on_host[x$host]++))
  if [ "$several" -gt 1 ]; then
    run_rank "$rank" "$local_rank" "$host" &
  else
    /bin/bash -p ranks.sh "$rank" "$local_rank" &
  fi
  pids+=("$!")
done"""
