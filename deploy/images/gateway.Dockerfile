# The gateway without a cluster: API, housekeeping worker, beat, Flower and migrations, each by its command.

FROM python:3.13-slim-trixie AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY client/pyproject.toml client/
# The dependencies first: they change seldom, so this layer is kept when only our code has changed.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/gateway \
    && python -c 'import tomllib; [print(*tomllib.load(open(f, "rb"))["project"]["dependencies"], sep="\n") for f in ("pyproject.toml", "client/pyproject.toml")]' \
      | grep -v hpc-gateway-client >dependencies.txt \
    && /opt/gateway/bin/pip install -c constraints.txt -r dependencies.txt flower
COPY api api
COPY client client
COPY gateway gateway
COPY hpc_gateway_commands hpc_gateway_commands
COPY migrations migrations
COPY workers workers
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/gateway/bin/pip install -c constraints.txt ./client '.[otel]' \
    && /opt/gateway/bin/pip uninstall -y pip

FROM python:3.13-slim-trixie
# ssh reaches clusters of `worker --remote`.
RUN apt-get update && apt-get install --yes --no-install-recommends openssh-client && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --create-home gateway
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /home/gateway
EXPOSE 8080 5555
# The API's; whoever starts another command says what its health is.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-P", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health/live', timeout=4)"]
ENTRYPOINT ["hpc-gateway"]
CMD ["serve", "--host", "0.0.0.0"]
