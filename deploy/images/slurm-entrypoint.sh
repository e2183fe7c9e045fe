#!/bin/sh
# Starts munged with the cluster's key, then becomes the command: slurmctld, slurmd or the gateway's worker.
set -eu
run=/run/munge
# munged wants a key of its own that nobody else can read, and a secret is mounted as the host has it.
umask 077
cat /run/secrets/munge_key >"$run/munge.key"
umask 022
munged --key-file="$run/munge.key" --socket="$run/munge.socket.2" --pid-file="$run/munged.pid" \
  --seed-file="$run/munge.seed" --log-file="$run/munged.log"
exec "$@"
