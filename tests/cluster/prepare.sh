#!/bin/bash
# Provision Slurm if that was not done yet, and install the gateway and the kernels beside it:
#   tests/cluster/prepare.sh PREFIX        as root, on Debian 12
set -euo pipefail
cd "$(dirname "$0")/../.."
prefix=$(realpath -m "${1:?usage: prepare.sh PREFIX}")
tests/cluster/provision.sh "$prefix"
install() { "$1/bin/python" -m pip -q --disable-pip-version-check install -c constraints.txt "${@:2}"; }
install "$prefix/venv" -e ./client -e '.[demo,dev]'
# The kernels alone, as on a compute node, with an MPI: under an interpreter that every account may run, and copied
# from this folder, which may lie below a home that is closed to others.
case $(readlink -f "$prefix/kernels/bin/python") in
/usr/bin/*) ;;
*) rm -rf "$prefix/kernels" && /usr/bin/python3 -m venv "$prefix/kernels" ;;
esac
install "$prefix/kernels" './kernels[mpi]' mpich
