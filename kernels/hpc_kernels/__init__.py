"""Kernels for compute nodes: pure functions of signals, and `python -m hpc_kernels` to run them on files."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpc_kernels.services.black_scholes import black_scholes
    from hpc_kernels.services.fft import fft
    from hpc_kernels.services.kalman import kalman
    from hpc_kernels.services.kmean import kmean
    from hpc_kernels.services.knn import knn
    from hpc_kernels.services.min_max import min_max
    from hpc_kernels.services.savitzky_golay import savitzky_golay
    from hpc_kernels.services.wavelet import wavelet

__version__ = "0.1.0"
__all__ = [
    "black_scholes",
    "fft",
    "kalman",
    "kmean",
    "knn",
    "min_max",
    "savitzky_golay",
    "wavelet",
]


def __getattr__(name: str) -> Any:
    """Import a kernel on first use: the package itself imports no library."""
    if name in __all__:
        return getattr(import_module(f"hpc_kernels.services.{name}"), name)
    raise AttributeError(f"module 'hpc_kernels' has no attribute {name!r}")
