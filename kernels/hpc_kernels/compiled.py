"""Numba, set up once: code is compiled on first use and kept in a cache that all ranks share."""

import hashlib
import os
import tempfile
from pathlib import Path


def _processor() -> str:
    """Return a short key of this processor's model and features: code for one may not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n", maxsplit=1)[0].splitlines()
    except OSError:
        lines = [os.uname().machine]
    told = [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def cache_folder() -> Path:
    """Return the folder of compiled code: NUMBA_CACHE_DIR, else one of this user and processor."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "hpc_kernels" / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a node where the home is read-only
        folder = Path(tempfile.gettempdir()) / f"hpc_kernels-{os.getuid()}" / _processor()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())  # Numba reads it when it is imported

import numba  # noqa: E402

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
# A minimum, or a sum whose terms may be added in any order, is taken on several lanes at once. The
# order is fixed by the length alone, so that results still do not depend on ranks and threads.
compiled_any_order = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "reassoc"}
)
