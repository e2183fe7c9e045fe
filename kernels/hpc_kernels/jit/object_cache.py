"""Cache of object files: one per function, kinds of arguments and processor, linked by LLVM.

The key of a file covers all that it depends on: the source of this package, the versions of Numba and
llvmlite, the processor. Files are written atomically, so any number of ranks may use the cache at once.
"""

import ctypes
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from hpc_kernels.files import open_atomically
from hpc_kernels.jit.marks import ObjectCode

NativeCall = Callable[[tuple[Any, ...]], Any]
_PACKAGE = Path(__file__).parents[1]  # the whole package: compiled functions inline those of other files
_C_TYPES: dict[str, Any] = {
    "int64": ctypes.c_int64,
    "float64": ctypes.c_double,
    "float32": ctypes.c_float,
}


def load_function(
    name: str, kinds: tuple[str, ...], compile_: Callable[[tuple[str, ...]], ObjectCode]
) -> NativeCall:
    """Return the native function `name` for arguments of `kinds`; `compile_` fills a gap in the cache."""
    path = cache_folder() / f"{name}.{_digest(name, *kinds)}.o"
    code = _read(path)
    if code is None:
        code = compile_(kinds)
        with suppress(OSError):  # a full or read-only disk: the next job compiles again
            _write(path, code)
    return _link(code, kinds)


def cache_folder() -> Path:
    """Return the folder of the cache: HPC_KERNELS_CACHE, else one of this user and processor."""
    if given := os.environ.get("HPC_KERNELS_CACHE"):
        return Path(given)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "hpc_kernels" / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a node where the home is read-only
        folder = _temporary_folder() / _processor()
        folder.mkdir(exist_ok=True)
    return folder


@cache
def _temporary_folder() -> Path:
    """Return a temporary folder that this user owns alone: jobs execute the machine code in it."""
    import tempfile  # noqa: PLC0415 (lazy, as all that a start can do without)

    folder = Path(tempfile.gettempdir()) / f"hpc_kernels-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid == os.getuid() and found.st_mode & 0o7777 == 0o700:  # noqa: PLR2004
            return folder
    return Path(tempfile.mkdtemp(prefix="hpc_kernels-"))


@cache
def _processor() -> str:
    """Return a short key of this processor's model and features: code for one may not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n", maxsplit=1)[0].splitlines()
    except OSError:
        lines = [os.uname().machine]
    told = [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join([_source_key(), *parts]).encode()).hexdigest()[:16]


@cache
def _source_key() -> str:
    """Return the part of the key that all functions share: digest of source and versions, processor."""
    digest = hashlib.sha256()
    for path in (*sorted(_PACKAGE.rglob("*.py")), *map(_version_file, ("numba", "llvmlite"))):
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()} {_processor()}"


def _version_file(package: str) -> Path:
    """Return the version file of a package; an import of `importlib.metadata` would take 10 ms."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed")
    return Path(found.origin).with_name("_version.py")


def _read(path: Path) -> ObjectCode | None:
    """Return the object code of a file; None if it is missing or its checksum is wrong."""
    try:
        digest, head, body = path.read_bytes().split(b"\n", 2)
    except (OSError, ValueError):
        return None
    if digest.decode("latin-1") != hashlib.sha256(head + body).hexdigest():
        return None
    return ObjectCode(**json.loads(head), object_file=body)


def _write(path: Path, code: ObjectCode) -> None:
    told = {"symbol": code.symbol, "results": code.results, "single": code.single}
    head, body = json.dumps(told).encode(), code.object_file
    digest = hashlib.sha256(head + body).hexdigest().encode()
    with open_atomically(path) as file:
        file.write(b"\n".join((digest, head, body)))


@cache
def _linker() -> Any:
    import llvmlite.binding as llvm  # noqa: PLC0415 (lazy: `.npy` in and out may need no machine code)

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.create_lljit_compiler()


_libraries: list[Any] = []  # a library is unloaded with its last reference


def _link(code: ObjectCode, kinds: tuple[str, ...]) -> NativeCall:
    """Link the object code and return a Python function of a tuple of arguments.

    Numba's calling convention for native code: pointers to the result and to an exception, then the
    arguments, an array as its fields; the function returns a status.
    """
    from llvmlite.binding import JITLibraryBuilder  # noqa: PLC0415 (lazy: see `_linker`)

    builder = JITLibraryBuilder().add_object_img(code.object_file).add_current_process()
    library = builder.export_symbol(code.symbol).link(_linker(), f"{len(_libraries)}")
    _libraries.append(library)
    flat_types = [flat for kind in kinds for flat in _flat_types(kind)]
    prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *flat_types)
    native, result_type = prototype(library[code.symbol]), _result_type(code.results)

    def call(arguments: tuple[Any, ...]) -> Any:
        result, exception = result_type(), ctypes.c_void_p()
        flat = [value for argument in arguments for value in _flat(argument)]
        if native(ctypes.addressof(result), ctypes.addressof(exception), *flat):
            raise RuntimeError(f"{code.symbol} failed")
        values = tuple(getattr(result, name) for name, _ in result_type._fields_)
        return (values[0] if values else None) if code.single else values

    return call


def _result_type(kinds: tuple[str, ...]) -> Any:
    fields = [(f"r{i}", _C_TYPES[kind]) for i, kind in enumerate(kinds)]
    return type("Result", (ctypes.Structure,), {"_fields_": fields})


def _flat_types(kind: str) -> list[Any]:
    if kind in _C_TYPES:
        return [_C_TYPES[kind]]
    dimensions = int(kind.partition("[")[2][0])
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    return [pointer, pointer, number, number, pointer, *[number] * (2 * dimensions)]


def _flat(argument: Any) -> Iterator[Any]:
    """Yield the fields of an argument; an array has owner, parent, size, item size, data, shape, strides."""
    if isinstance(argument, np.ndarray):
        yield from (None, None, argument.size, argument.itemsize, argument.ctypes.data)
        yield from argument.shape
        yield from argument.strides
    else:
        yield argument
