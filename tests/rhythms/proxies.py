"""nginx and HAProxy as they come, in front of the API."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import absent

# The time-outs are nginx's own defaults; kept connections to the API are what its manual asks for.
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream gateway {{ server 127.0.0.1:{api}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""
# The time-outs are those of Debian's /etc/haproxy/haproxy.cfg.
HAPROXY = """
defaults
    mode http
    timeout connect 5000
    timeout client 50000
    timeout server 50000
frontend front
    bind 127.0.0.1:{port}
    default_backend gateway
backend gateway
    server one 127.0.0.1:{api}
"""


@contextmanager
def nginx(folder: Path, port: int, api: int) -> Iterator[None]:
    """Run nginx on the port."""
    with _started(["nginx", "-c"], folder, NGINX.format(folder=folder, port=port, api=api)):
        yield


@contextmanager
def haproxy(folder: Path, port: int, api: int) -> Iterator[None]:
    """Run HAProxy on the port."""
    with _started(["haproxy", "-db", "-f"], folder, HAPROXY.format(port=port, api=api)):
        yield


@contextmanager
def _started(words: list[str], folder: Path, text: str) -> Iterator[None]:
    program = shutil.which(words[0], path="/usr/sbin:/usr/bin")
    if program is None:
        absent(f"{words[0]}: apt-get install nginx-light haproxy")
        return
    file = folder / f"{words[0]}.conf"
    file.write_text(text)
    with subprocess.Popen([program, *words[1:], str(file)], cwd=folder) as process:
        try:
            yield
        finally:
            process.terminate()
