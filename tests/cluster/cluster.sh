#!/bin/bash
# A private four-node cluster on this machine, as root, without systemd.
#   cluster.sh start|stop PREFIX RUN      PREFIX from provision.sh; RUN a folder for state, logs and sockets
# Afterwards: SLURM_CONF=RUN/slurm.conf PREFIX/bin/sinfo
# SLURM_BASE_PORT (17400), SLURM_MIN_JOB_AGE (300) and SLURM_ACCOUNTING (no; yes starts slurmdbd and its
# database) may be set.
set -euo pipefail
action=${1:?}
prefix=$(realpath "${2:?}")
run=$(realpath -m "${3:?}")
export SLURM_CONF=$run/slurm.conf PATH=$prefix/bin:$PATH
nodes="n1 n2 n3 n4"
base_port=${SLURM_BASE_PORT:-17400}
plugins=$(echo "$prefix"/root/usr/lib/*-linux-gnu/slurm-wlm)

munge() {
  [ -f "$run/munge.key" ] || {
    dd if=/dev/urandom of="$run/munge.key" bs=128 count=1 status=none
    chmod 400 "$run/munge.key"
  }
  munged --force --key-file="$run/munge.key" --socket="$run/munge/munge.socket" --pid-file="$run/munge.pid" \
    --log-file="$run/log/munged.log" --seed-file="$run/munge.seed"
}

accounting() {
  mkdir -p "$run/db"
  { printf 'create database mysql;\nuse mysql;\n'; cat /usr/share/mysql/mysql_system_tables.sql; } |
    mariadbd --no-defaults --user=root --bootstrap --datadir="$run/db" >"$run/log/database.log" 2>&1
  # Nobody can reach it but by a socket in a folder of this cluster's, so it asks for no password.
  setsid mariadbd --no-defaults --user=root --datadir="$run/db" --socket="$run/db.sock" --skip-networking \
    --skip-grant-tables --pid-file="$run/database.pid" --innodb-lock-wait-timeout=900 \
    >>"$run/log/database.log" 2>&1 &
  for _ in $(seq 1 100); do [ -S "$run/db.sock" ] && break; sleep 0.1; done
  cat >"$run/slurmdbd.conf" <<END
AuthType=auth/munge
AuthInfo=socket=$run/munge/munge.socket
DbdHost=localhost
DbdPort=$((base_port + 19))
SlurmUser=root
PluginDir=$plugins
LogFile=$run/log/slurmdbd.log
PidFile=$run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageUser=root
StorageLoc=slurm_acct
StorageHost=localhost
END
  chmod 600 "$run/slurmdbd.conf"
  MYSQL_UNIX_PORT=$run/db.sock SLURM_CONF=$run/slurmdbd.conf slurmdbd
  for _ in $(seq 1 100); do grep -q started "$run/log/slurmdbd.log" 2>/dev/null && break; sleep 0.1; done
  cat >>"$SLURM_CONF" <<END
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort=$((base_port + 19))
AccountingStoragePass=$run/munge/munge.socket
END
  sed -i 's|^JobAcctGatherType=.*|JobAcctGatherType=jobacct_gather/linux\nJobAcctGatherFrequency=task=1|' "$SLURM_CONF"
}

# Jobs are numbered as in no cluster here before: MPICH names shared memory after them, and killed ranks leave it.
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
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
ReturnToService=2
SlurmdParameters=config_overrides
MaxJobCount=20000
FirstJobId=$(( $(date +%s) % 60000000 + 1 ))
MinJobAge=${SLURM_MIN_JOB_AGE:-300}
SlurmctldTimeout=30
SlurmdTimeout=30
MessageTimeout=10
KillWait=5
PropagateResourceLimits=NONE
NodeName=n[1-4] NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=[$((base_port + 1))-$((base_port + 4))] CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=small Nodes=n[1-2] MaxTime=10 State=UP
END
  echo "CgroupPlugin=disabled" >"$run/cgroup.conf"
}

start_node() { mkdir -p "$run/spool/$1"; slurmd -d "$prefix/bin/slurmstepd" -f "$SLURM_CONF" -N "$1"; }

wait_idle() {
  for _ in $(seq 1 100); do
    [ "$(sinfo -h -N -o '%N %T' 2>/dev/null | sort -u | grep -c idle)" -ge 4 ] && return
    sleep 0.1
  done
  echo "the nodes did not come up" >&2
  return 1
}

start() {
  mkdir -p "$run"/{state,log,spool,munge}
  chmod 755 "$run" "$run/munge"
  munge
  configure
  if [ "${SLURM_ACCOUNTING:-no}" = yes ]; then accounting; fi
  slurmctld -f "$SLURM_CONF" -c
  for node in $nodes; do start_node "$node"; done
  wait_idle
}

stop() {
  for name in slurmd-n1 slurmd-n2 slurmd-n3 slurmd-n4 slurmctld slurmdbd database munge; do
    if [ -f "$run/$name.pid" ]; then kill "$(cat "$run/$name.pid")" 2>/dev/null || true; fi
  done
}

case $action in
start | stop | munge) "$action" ;;
controller) slurmctld -f "$SLURM_CONF" ;;
node) start_node "${4:?}" ;;
*) echo "start, stop, munge, controller or node NAME, not $action" >&2; exit 2 ;;
esac
