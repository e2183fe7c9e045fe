"""Build of the extension module, against the installed pyslurm and the headers with which it was built."""

import os
import runpy
import sysconfig

from Cython.Build import cythonize
from setuptools import Extension, setup

PACKAGES = sysconfig.get_path("platlib")  # pyslurm's declarations and its header lie there
VERSION = runpy.run_path(f"{PACKAGES}/pyslurm/version.py")["__version__"]

# No library is linked: pyslurm, which is imported first, has loaded libslurm for the whole process, and a
# second copy would know nothing of the configuration.
EXTENSION = Extension(
    "hpc_gateway_slurm",
    ["hpc_gateway_slurm.pyx"],
    include_dirs=[PACKAGES, os.environ.get("SLURM_INCLUDE_DIR", "/usr/include")],
    define_macros=[("BUILT_FOR", f'"{VERSION}"')],
)

setup(ext_modules=cythonize([EXTENSION], include_path=[PACKAGES]))
