"""A store that is faster than any client: nginx over files on tmpfs, which takes uploads and drops them.

Downloads are plain files. A listing is one static page. The body of an upload is read whole, into memory or
a file on tmpfs, and thrown away; the answers to the requests of a multipart upload never change, and the
checksums that a client sends are given back to it, as a store does that has verified them.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trustme

from hpc_gateway_commands.demo.services import free_ports

_CONFIG = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000;
  client_max_body_size 0; client_body_buffer_size 9m; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  map $request_method:$args $does {{
    ~^GET:.*(list-type|prefix|delimiter) list;
    ~^POST:uploads begin;
    ~^POST:.*uploadId end;
    ~^PUT: take;
    default serve;
  }}
  server {{
    listen 127.0.0.1:{port}{tls}; root {root};
    location / {{
      if ($does = list) {{ rewrite ^ /list.xml last; }}
      if ($does = begin) {{ rewrite ^ /begin.xml last; }}
      if ($does = end) {{ rewrite ^ /end.xml last; }}
      if ($does = take) {{ rewrite ^ /take last; }}
    }}
    location ~ ^/(list|begin|end)\\.xml$ {{
      types {{ }} default_type application/xml;
      error_page 405 =200 $uri;
    }}
    location = /take {{
      proxy_pass http://127.0.0.1:{dropped}; proxy_pass_request_body off; proxy_method GET;
      proxy_set_header Content-Length ""; proxy_set_header Expect "";
    }}
  }}
  server {{
    listen 127.0.0.1:{dropped};
    location / {{
      add_header ETag '"0-0"';
      add_header x-amz-checksum-sha256 $http_x_amz_checksum_sha256;
      add_header x-amz-checksum-crc32 $http_x_amz_checksum_crc32;
      add_header x-amz-checksum-crc64nvme $http_x_amz_checksum_crc64nvme;
      return 200;
    }}
  }}
}}
"""
_XML = '<?xml version="1.0" encoding="UTF-8"?>'


@contextmanager
def stub(
    root: Path, bucket: str, names: Sequence[str], size: int, authority: Path | None = None
) -> Iterator[str]:
    """Serve the folder `root/bucket`, with a listing of these files of that size.

    Over TLS where there is a file for the certificate of the authority.
    """
    port, dropped = free_ports(2)
    folder = root / "nginx"
    folder.mkdir()
    (root / "list.xml").write_text(_listing(bucket, names, size))
    (root / "begin.xml").write_text(
        f"{_XML}<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>big</Key>"
        "<UploadId>1</UploadId></InitiateMultipartUploadResult>"
    )
    (root / "end.xml").write_text(
        f"{_XML}<CompleteMultipartUploadResult><Bucket>{bucket}</Bucket><Key>big</Key>"
        '<ETag>"0-0"</ETag></CompleteMultipartUploadResult>'
    )
    config = folder / "nginx.conf"
    tls = _certificate(folder, authority) if authority else ""
    config.write_text(_CONFIG.format(folder=folder, root=root, port=port, dropped=dropped, tls=tls))
    process = subprocess.Popen([str(shutil.which("nginx")), "-e", str(folder / "err"), "-c", str(config)])
    time.sleep(1)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _certificate(folder: Path, authority: Path) -> str:
    """Issue a certificate, and return the words that make nginx use it."""
    issuer = trustme.CA()
    issuer.cert_pem.write_to_path(str(authority))
    issuer.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "tls.pem"))
    pem = folder / "tls.pem"
    return f" ssl; ssl_certificate {pem}; ssl_certificate_key {pem}"


def _listing(bucket: str, names: Sequence[str], size: int) -> str:
    entries = "".join(
        f"<Contents><Key>{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f'<ETag>"0-0"</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>'
        for name in names
    )
    return (
        f'{_XML}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{bucket}</Name>'
        f"<Prefix></Prefix><KeyCount>{len(names)}</KeyCount><MaxKeys>100000</MaxKeys>"
        f"<IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
    )
