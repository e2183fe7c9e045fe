#!/bin/bash
# Bring compose.yaml up with real containers, drive it, kill it part by part, and take it down:
#   tests/compose/run.sh WORK [pytest arguments]      as root, on Debian 12; WORK is a folder for the stand-ins
# Needs no image registry: bases.sh makes stand-ins for the public base images. The images stay for the next run;
# `podman system prune --all` removes them.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(realpath -m "${1:?usage: run.sh WORK [pytest arguments]}")
shift
.ci/apt-install podman buildah runc netavark aardvark-dns iptables uidmap catatonit debootstrap
[ -d .venv ] || python3 -m venv .venv
.venv/bin/pip install -q -c constraints.txt -e ./client -e ./kernels -e '.[demo,dev]'

# crun and the default limits ask for more than a container host in a container may give.
mkdir -p "$work"
cat >"$work/containers.conf" <<'END'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
END
export CONTAINERS_CONF=$work/containers.conf
# Only Docker's format keeps an image's HEALTHCHECK.
export BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker
tests/compose/bases.sh "$work"
build() { podman build --file "deploy/images/$1.Dockerfile" --tag "$2" "${@:3}" .; }
build gateway hpc-gateway:latest
build slurm hpc-gateway-slurm-node:latest --target node
build slurm hpc-gateway-slurm-login:latest --target login

if [ ! -d deploy/compose/secrets ]; then
  trap 'rm -rf deploy/compose/secrets' EXIT
  deploy/compose/secrets.sh
fi
GATEWAY_TEST_COMPOSE=yes .venv/bin/python -m pytest -m long tests/compose "$@"
