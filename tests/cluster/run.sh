#!/bin/bash
# Prepare a real Slurm, and run the tests that need it:
#   tests/cluster/run.sh PREFIX [pytest arguments]        as root, on Debian 12
set -euo pipefail
cd "$(dirname "$0")/../.."
prefix=$(realpath -m "${1:?usage: run.sh PREFIX [pytest arguments]}")
tests/cluster/prepare.sh "$prefix"
GATEWAY_TEST_SLURM=$prefix exec "$prefix/venv/bin/python" -m pytest tests/cluster "${@:2}"
