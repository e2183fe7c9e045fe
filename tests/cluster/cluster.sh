#!/bin/bash
# A private cluster on this machine, as root, without systemd.
#   cluster.sh start|stop PREFIX RUN      PREFIX from provision.sh; RUN a folder for state, logs and sockets
# Afterwards: SLURM_CONF=RUN/slurm.conf PREFIX/bin/sinfo
# May be set:
#   SLURM_FORM         plain: four equal nodes, and no more than Slurm needs
#                      site: in addition slurmdbd with associations and QOS, cgroups that limit memory, and
#                      unequal nodes in more partitions (site.sh)
#   SLURM_MEMORY_KILL  of the form site: a job above its memory is killed by its cgroup (cgroup), or by Slurm's
#                      own look at it (poll: OverMemoryKill)
#   SLURM_USERS        the accounts that have associations (root,nobody)
#   SLURM_BASE_PORT (17400), SLURM_MIN_JOB_AGE (300)
set -euo pipefail
action=${1:?}
prefix=$(realpath "${2:?}")
run=$(realpath -m "${3:?}")
export SLURM_CONF=$run/slurm.conf PATH=$prefix/bin:$PATH
form=${SLURM_FORM:-plain}
memory_kill=${SLURM_MEMORY_KILL:-cgroup}
users=${SLURM_USERS:-root,nobody}
base_port=${SLURM_BASE_PORT:-17400}
plugins=$(echo "$prefix"/root/usr/lib/*-linux-gnu/slurm-wlm)
case $form in
plain) nodes="n1 n2 n3 n4" ;;
site) nodes="n1 n2 n3 n4 n5 n6" ;;
*) echo "SLURM_FORM is plain or site, not $form" >&2; exit 2 ;;
esac
. "$(dirname "$0")/site.sh"

munge() {
  [ -f "$run/munge.key" ] || {
    dd if=/dev/urandom of="$run/munge.key" bs=128 count=1 status=none
    chmod 400 "$run/munge.key"
  }
  munged --force --key-file="$run/munge.key" --socket="$run/munge/munge.socket" --pid-file="$run/munge.pid" \
    --log-file="$run/log/munged.log" --seed-file="$run/munge.seed"
}

# Jobs are numbered as in no cluster here before or beside this one: MPICH names shared memory after them, which
# killed ranks leave, and nodes of one name share their cgroups.
configure() {
  cat >"$SLURM_CONF" <<END
ClusterName=test
PluginDir=$plugins
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$((base_port + 17))
AuthType=auth/munge
AuthInfo=socket=$run/munge/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$run/state
SlurmdSpoolDir=$run/spool/%n
SlurmctldPidFile=$run/slurmctld.pid
SlurmdPidFile=$run/slurmd-%n.pid
SlurmctldLogFile=$run/log/slurmctld.log
SlurmdLogFile=$run/log/slurmd-%n.log
MpiDefault=none
SelectType=select/cons_tres
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
ReturnToService=2
SlurmdParameters=config_overrides
MaxJobCount=20000
FirstJobId=$((($(date +%s) + base_port * 7919) % 60000000 + 1))
MinJobAge=${SLURM_MIN_JOB_AGE:-300}
SlurmctldTimeout=30
SlurmdTimeout=30
MessageTimeout=10
KillWait=5
PropagateResourceLimits=NONE
NodeName=n[1-4] NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=[$((base_port + 1))-$((base_port + 4))] CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=small Nodes=n[1-2] MaxTime=10 State=UP
$("${form}_options")
END
  "${form}_cgroups" >"$run/cgroup.conf"
}

plain_options() {
  printf '%s\n' ProctrackType=proctrack/linuxproc TaskPlugin=task/none JobAcctGatherType=jobacct_gather/none \
    SelectTypeParameters=CR_CPU
}

plain_cgroups() { echo CgroupPlugin=disabled; }

start_node() { mkdir -p "$run/spool/$1"; slurmd -d "$prefix/bin/slurmstepd" -f "$SLURM_CONF" -N "$1"; }

# Wait until COMMAND... succeeds: two minutes, as other tests may have the cores.
wait_until() { # NAME LOG COMMAND...
  for _ in $(seq 1 1200); do "${@:3}" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "$1 did not come up; the last lines of $run/log/$2:" >&2
  tail -n 20 "$run/log/$2" >&2 || true
  return 1
}

all_idle() {
  [ "$(sinfo -h -N -o '%N %T' | sort -u | grep -c idle)" = "$(wc -w <<<"$nodes")" ]
}

# A start that fails leaves no daemon: it would keep the ports of the next one.
start() {
  trap 'set +e; stop' EXIT
  mkdir -p "$run"/{state,log,spool,munge}
  chmod 755 "$run" "$run/munge"
  munge
  configure
  if [ "$form" = site ]; then accounting; fi
  slurmctld -f "$SLURM_CONF" -c
  for node in $nodes; do start_node "$node"; done
  wait_until "a node" slurmctld.log all_idle
  trap - EXIT
}

# End the jobs, which outlive slurmd, while there is a controller that knows them.
cancel_jobs() {
  timeout 5 scancel --full --signal=KILL --state=RUNNING --quiet || true
  timeout 5 scancel --state=PENDING --quiet || true
  for _ in $(seq 1 100); do [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && return; sleep 0.1; done
}

# Print the processes of the daemons; a file that a killed one left may name another program by now.
daemons() {
  local name pid
  for name in $(printf 'slurmd-%s ' $nodes) slurmctld $accounting_daemons munge; do
    pid=$(cat "$run/$name.pid" 2>/dev/null) || continue
    case $(cat "/proc/$pid/comm" 2>/dev/null) in slurm* | mariadbd | munged) echo "$pid" ;; esac
  done
}

stop() {
  local pid running
  cancel_jobs 2>/dev/null
  running=$(daemons)
  for pid in $running; do kill "$pid" 2>/dev/null || true; done
  for _ in $(seq 1 200); do [ -n "$(daemons)" ] || break; sleep 0.1; done
  for pid in $(daemons); do kill -KILL "$pid" || true; done
  if [ "$form" = site ]; then remove_cgroups; fi
}

case $action in
start | stop | munge) "$action" ;;
controller) slurmctld -f "$SLURM_CONF" ;;
slurmdbd) start_slurmdbd ;;
node) start_node "${4:?}" ;;
*) echo "start, stop, munge, controller, slurmdbd or node NAME, not $action" >&2; exit 2 ;;
esac
