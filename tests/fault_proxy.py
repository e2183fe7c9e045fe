"""A proxy in front of a server that misbehaves as told: cuts, stalls, truncates, corrupts, throttles."""

import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from tests.servers import send_at_once

BLOCK = 64 << 10
BUSY = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\n"
    b"Connection: close\r\nContent-Length: 82\r\n\r\n"
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>later</Message></Error> "
)


@dataclass(frozen=True)
class Fault:
    """What happens to one connection, when `after` bytes have passed in the direction concerned."""

    kind: str = "none"  # none, cut, stall, truncate, corrupt, busy, slow
    after: int = 0
    upwards: bool = False
    bytes_per_s: int = 8 << 20  # when slow, which is in both directions


class Throttle:
    """Lets so many requests a second pass, as many at once after a pause, and refuses all others."""

    def __init__(self, per_s: float) -> None:
        self.served = self.refused = 0
        self._per_s = self._free = per_s
        self._then, self._lock = time.monotonic(), threading.Lock()

    def refuses(self, data: bytes) -> bool:
        if not _REQUEST.match(data):
            return False
        with self._lock:
            now = time.monotonic()
            self._free = min(self._per_s, self._free + (now - self._then) * self._per_s)
            self._then = now
            if self._free < 1:
                self.refused += 1
                return True
            self.served, self._free = self.served + 1, self._free - 1
            return False


Plan = Callable[[int], Fault]
CRAWL_S = 0.05  # a block, behind the mark
_REQUEST = re.compile(rb"[A-Z]+ \S+ HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"(?i)(?<=\r\ncontent-length: )[0-9]+")


class Mark:
    """Counts bytes that pass. When so many have, whoever waits is told, and the rest only crawls."""

    def __init__(self, at_bytes: float) -> None:
        self.reached, self.passed = threading.Event(), 0
        self._at, self._lock = at_bytes, threading.Lock()

    def count(self, length: int) -> None:
        with self._lock:
            self.passed += length
            if self.passed >= self._at:
                self.reached.set()
        if self.reached.is_set():
            time.sleep(CRAWL_S)


def never(_: int) -> Fault:
    return Fault()


def first(*faults: Fault) -> Plan:
    """These faults for the first connections, none for later ones."""
    return lambda number: faults[number] if number < len(faults) else Fault()


class Proxy:
    """Passes connections on to a port of this machine, each with the fault that the plan gives it."""

    def __init__(self, port: int, plan: Plan = never) -> None:
        self.plan = plan
        self.connections = 0
        self.throttle: Throttle | None = None
        self._mark = Mark(float("inf"))
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        send_at_once(self._listener)  # and all that it accepts
        self._numbers = itertools.count()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(
                    target=self._pass, args=(client, self.plan(next(self._numbers))), daemon=True
                ).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def restart(self, plan: Plan) -> None:
        """Count connections from 0 again, under another plan."""
        self._numbers, self.plan = itertools.count(), plan

    def mark(self, at_bytes: float) -> Mark:
        """Count what passes on connections made from now on, up to the mark and beyond."""
        self._mark = Mark(at_bytes)
        return self._mark

    def _pass(self, client: socket.socket, fault: Fault) -> None:
        if fault.kind == "busy":
            with client, suppress(OSError):
                client.recv(BLOCK)
                client.sendall(BUSY)
            return
        server = socket.create_connection(("127.0.0.1", self._upstream))
        send_at_once(server)
        is_slow = fault.kind == "slow"
        up = fault if fault.upwards or is_slow else Fault()
        down = Fault() if fault.upwards and not is_slow else fault
        threading.Thread(
            target=_pump, args=(client, server, up, self._mark, self.throttle), daemon=True
        ).start()
        _pump(server, client, down, self._mark)


def _pump(
    source: socket.socket, sink: socket.socket, fault: Fault, mark: Mark, throttle: Throttle | None = None
) -> None:
    passed = 0
    with suppress(OSError):
        while data := source.recv(BLOCK):
            if throttle and throttle.refuses(data):
                source.sendall(BUSY)
                break
            if fault.kind == "truncate" and not passed:
                data, fault = _shortened(data, fault)
            if fault.kind == "slow":
                time.sleep(len(data) / fault.bytes_per_s)
            elif fault.kind != "none" and passed + len(data) > fault.after:
                at = fault.after - passed
                if fault.kind == "stall":
                    sink.sendall(data[:at])
                    time.sleep(60)
                    break
                if fault.kind == "cut":
                    sink.sendall(data[:at])
                    break
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                fault = replace(fault, kind="none")
            sink.sendall(data)
            passed += len(data)
            mark.count(len(data))
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def _shortened(data: bytes, fault: Fault) -> tuple[bytes, Fault]:
    """Let a message claim that its body is as short as it will be: nobody sees that something is missing."""
    told, end = _LENGTH.search(data), data.find(b"\r\n\r\n")
    if told is None or not told.start() < end or int(told[0]) <= fault.after:
        return data, replace(fault, kind="none")
    start = end + len(b"\r\n\r\n") + fault.after
    data = _LENGTH.sub(str(fault.after).encode(), data, count=1)
    return data, Fault("cut", start - len(told[0]) + len(str(fault.after)))


@contextmanager
def proxy(port: int, plan: Plan = never) -> Iterator[Proxy]:
    running = Proxy(port, plan)
    threading.Thread(target=running.serve, daemon=True).start()
    try:
        yield running
    finally:
        running.close()
