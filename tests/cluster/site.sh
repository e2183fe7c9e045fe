# The second form of the cluster, sourced by cluster.sh: accounting, associations, cgroups and unequal nodes.

accounting_daemons="slurmdbd database"
cgroups=/sys/fs/cgroup

site_options() {
  local over_memory=''
  if [ "$memory_kill" = poll ]; then over_memory=JobAcctGatherParams=OverMemoryKill; fi
  cat <<END
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=task=1
$over_memory
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=480
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort=$((base_port + 19))
AccountingStoragePass=$run/munge/munge.socket
AccountingStorageEnforce=associations,limits,qos
NodeName=n5 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((base_port + 5)) CPUs=8 RealMemory=4000 State=UNKNOWN
NodeName=n6 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((base_port + 6)) CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=mixed Nodes=n[4-6] MaxTime=INFINITE State=UP
PartitionName=big Nodes=n5 MaxTime=INFINITE State=UP
PartitionName=thin Nodes=n6 MaxTime=60 MaxMemPerNode=500 State=UP
END
}

# Cgroups of version 1 wherever the machine has them: version 2 was not tried.
site_cgroups() {
  local plugin=cgroup/v1 constrain=yes
  if [ "$(stat -f -c %T $cgroups)" = cgroup2fs ]; then plugin=cgroup/v2; fi
  if [ "$memory_kill" = poll ]; then constrain=no; fi
  printf '%s\n' "CgroupPlugin=$plugin" IgnoreSystemd=yes "ConstrainRAMSpace=$constrain"
}

database() {
  local unsafe="--innodb-flush-method=nosync --innodb-doublewrite=0" # it need not outlive the machine
  mkdir -p "$run/db"
  { printf 'create database mysql;\nuse mysql;\n'; cat /usr/share/mysql/mysql_system_tables.sql; } |
    mariadbd --no-defaults --user=root --bootstrap --datadir="$run/db" $unsafe >"$run/log/database.log" 2>&1
  # It asks for no password: its only address is a socket in a folder of this cluster.
  setsid mariadbd --no-defaults --user=root --datadir="$run/db" --socket="$run/db.sock" --skip-networking \
    --skip-grant-tables --pid-file="$run/database.pid" --innodb-lock-wait-timeout=900 $unsafe \
    >>"$run/log/database.log" 2>&1 &
  wait_until mariadbd database.log test -S "$run/db.sock"
}

slurmdbd_configuration() {
  cat <<END
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
}

start_slurmdbd() {
  # Its client library asks for TLS first, and slurmdbd waits for five seconds before it connects without.
  MYSQL_UNIX_PORT=$run/db.sock SLURM_CONF=$run/slurmdbd.conf "$prefix/bin/slurmdbd"
  wait_until slurmdbd slurmdbd.log sacctmgr -n list cluster
}

# The account `science` has no limit and is everybody's default; the account `guests` and each QOS but `normal` have.
associations() {
  sacctmgr -i <<END
add qos short MaxWall=5 Flags=DenyOnLimit
add qos narrow MaxTRESPerJob=cpu=2 MaxJobsPerUser=1
add qos wide MinTRESPerJob=cpu=4
add cluster test QOS=normal,short,narrow,wide DefaultQOS=normal
add account science Cluster=test
add account guests Cluster=test GrpTRES=cpu=4 MaxTRESPerJob=cpu=2 MaxJobs=2 MaxSubmitJobs=4 MaxWall=10
add user $users Cluster=test Account=science,guests DefaultAccount=science
END
}

accounting() {
  (umask 077; slurmdbd_configuration >"$run/slurmdbd.conf")
  database
  start_slurmdbd
  associations >"$run/log/sacctmgr.log"
}

# Remove the cgroups of the nodes, which slurmd leaves; rmdir takes none that has processes.
remove_cgroups() {
  find $cgroups -depth -type d \( -path '*/slurm_n[1-6]*' -o -path '*/n[1-6]_slurmstepd.scope*' \) \
    -exec rmdir {} + 2>/dev/null || true
}
