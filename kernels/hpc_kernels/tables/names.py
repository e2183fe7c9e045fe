"""Compact signal names: one text for all; strings for 10^6 columns would take more memory than a row."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np

_AT_ONCE = 1 << 12


class SignalNames(Sequence[str]):
    """A sequence of strings in little more memory than their text."""

    def __init__(self, text: bytes, separator: bytes) -> None:
        """Take the names in `text`, separated by one byte."""
        found = np.flatnonzero(np.frombuffer(text, np.uint8) == separator[0]) + 1
        self._set(text, np.concatenate([[0], found, [len(text) + 1]]))
        self._separator = separator

    @classmethod
    def from_strings(cls, names: Iterable[str]) -> "SignalNames":
        """Return the compact form of strings, which may contain any character."""
        self, texts = cls.__new__(cls), [_bytes(name) for name in names]
        self._set(b"\0".join(texts), np.cumsum([0, *(len(text) + 1 for text in texts)]))
        self._separator = b""
        return self

    def _set(self, text: bytes, starts: "np.typing.NDArray[np.int64]") -> None:
        """Store the start of each name, and the start of a next one after the last."""
        self._text, self._starts = text, starts.astype(np.min_scalar_type(len(text) + 1))
        self.longest = int(np.diff(starts).max(initial=1)) - 1

    def header_line(self, separator: bytes) -> bytes | None:
        """Return the text of the names if it has this separator and no quotes; None otherwise."""
        quoted = any(odd in self._text for odd in (b'"', b"\r", b"\n"))
        return self._text if self._separator == separator and not quoted else None

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[str]: ...
    def __getitem__(self, i: int | slice) -> str | Sequence[str]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        i = range(len(self))[i]
        start, stop = self._starts[i : i + 2].tolist()
        return _string(self._text[start : stop - 1])

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _AT_ONCE):
            starts = self._starts[first : first + _AT_ONCE + 1].tolist()
            for start, stop in pairwise(starts):
                yield _string(self._text[start : stop - 1])


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _string(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
