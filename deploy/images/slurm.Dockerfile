# A Slurm cluster's machines: `node` is a controller or a compute node, `login` adds the gateway's worker.

FROM debian:trixie-slim AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libslurm-dev python3-dev python3-venv \
      slurm-wlm-basic-plugins \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src

FROM build AS kernels
COPY constraints.txt ./
COPY kernels kernels
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/kernels \
    && /opt/kernels/bin/pip install -c constraints.txt ./kernels \
    && /opt/kernels/bin/pip uninstall -y pip

# pyslurm follows the version of Slurm; which goes with which, and why the patch, is in docs/admins.md.
FROM build AS pyslurm
ARG PYSLURM=25.11.2
COPY tests/cluster/patch_pyslurm.py tests/cluster/compat2411.h ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv build \
    && build/bin/pip install 'setuptools<81' 'wheel<1' 'Cython>=3,<4' 'packaging<27' \
    && build/bin/pip download --no-deps --no-build-isolation --no-binary pyslurm "pyslurm==$PYSLURM" \
    && tar xzf "pyslurm-$PYSLURM.tar.gz" \
    && build/bin/python patch_pyslurm.py "pyslurm-$PYSLURM"
WORKDIR /src/pyslurm-$PYSLURM
RUN SLURM_INCLUDE_DIR=/usr/include SLURM_LIB_DIR="/usr/lib/$(gcc -print-multiarch)" \
    CFLAGS="-O1 -g0 -w -include /src/compat2411.h" \
    /src/build/bin/python setup.py build_ext -j2 bdist_wheel -d /wheels

FROM build AS gateway
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY --from=pyslurm /wheels /wheels
COPY api api
COPY client client
COPY gateway gateway
COPY hpc_gateway_commands hpc_gateway_commands
COPY migrations migrations
COPY workers workers
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/gateway \
    && /opt/gateway/bin/pip install -c constraints.txt ./client '.[otel]' \
    && /opt/gateway/bin/pip install --no-deps /wheels/*.whl \
    && /opt/gateway/bin/pip uninstall -y pip

FROM debian:trixie-slim AS node
RUN apt-get update \
    && apt-get install -y --no-install-recommends munge python3 slurm-client slurmctld slurmd slurm-wlm-basic-plugins \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home gateway \
    && install -d -o gateway -g gateway /var/lib/slurm
COPY --from=kernels /opt/kernels /opt/kernels
COPY --chmod=755 deploy/images/slurm-entrypoint.sh /usr/local/bin/slurm-entrypoint
USER 10001:10001
# Not the home: clients write there, and programs import from their folder.
WORKDIR /
ENV PYTHONDONTWRITEBYTECODE=1
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s CMD ["scontrol", "ping"]
ENTRYPOINT ["slurm-entrypoint"]
CMD ["slurmd", "-D"]

FROM node AS login
COPY --from=gateway /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
