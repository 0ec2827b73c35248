# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP proxy in front of an emulator that names, counts and disturbs AWS calls.

``with Proxy(moto.url) as proxy:`` and ``proxy.url`` as AWS_ENDPOINT_URL; from a shell
``python -m tests.support.proxy --upstream URL --log FILE``, which prints its own URL. Host and everything else that a
signature covers pass unchanged, so an emulator that checks signatures finds them right. With ``secure`` it plays a
load balancer that ended TLS (``X-Forwarded-Proto``): MiniStack then sees aws:SecureTransport as true.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from tests.support import aws_wire

Kind = Literal["fail", "cut_before", "cut_after", "delay", "throttle", "deny"]
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "upgrade", "expect"}
CUT = 0  # the status of a call that was not answered
UPSTREAM_LIMIT = 120.0
CHUNK = 64 * 1024


class Recorded(NamedTuple):
    """One call that went through: the service's signing name, the operation, the status that the client saw."""

    service: str
    operation: str
    status: int


class _Answer(NamedTuple):
    status: int
    reason: str
    headers: list[tuple[str, str]]
    content: bytes


@dataclass
class _Fault:
    """Strikes at the ``left``-th matching request from now."""

    left: int
    kind: Kind
    seconds: float
    service: str | None
    operation: str | None

    def matches(self, call: aws_wire.Call) -> bool:
        return self.service in (None, call.service) and self.operation in (None, call.operation)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the proxy's."""


class Proxy:
    """The proxy, and what it has seen since the last ``reset``."""

    def __init__(self, upstream: str, log: Path | None = None, *, secure: bool = False) -> None:
        self.upstream = upstream
        self.secure = secure
        self.url = ""
        self._log_path = log
        self._log: IO[str] | None = None
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.reset()

    # --- what was seen ---

    @property
    def requests(self) -> list[Recorded]:
        """The calls since the last reset, in the order of their answers."""
        with self._lock:
            return list(self._requests)

    def count(self, *, service: str | None = None, operation: str | None = None, status: int | None = None) -> int:
        """How many calls match all that is given."""
        wanted = (service, operation, status)
        return sum(all(w in (None, s) for w, s in zip(wanted, seen, strict=True)) for seen in self.requests)

    def clear(self) -> None:
        """Forget the calls, keep the faults."""
        with self._lock:
            self._requests: list[Recorded] = []

    def reset(self) -> None:
        """Forget the calls and all faults."""
        self.clear()
        with self._lock:
            self._faults: list[_Fault] = []
            self._denied: dict[tuple[str, str | None], tuple[str, str]] = {}
            self._share = 0.0
            self._random = random.Random(0)

    # --- what goes wrong ---

    def fault(
        self, n: int, kind: Kind, *, seconds: float = 1.0, service: str | None = None, operation: str | None = None
    ) -> None:
        """Disturb the n-th request from now, of all or of those that match; ``seconds`` is for a delay."""
        with self._lock:
            self._faults.append(_Fault(n, kind, seconds, service, operation))

    def disarm(self) -> None:
        """Forget all faults, keep the calls."""
        with self._lock:
            self._faults.clear()

    @property
    def armed(self) -> bool:
        """Whether a fault has not struck yet."""
        with self._lock:
            return bool(self._faults)

    def throttle(self, share: float, seed: int = 0) -> None:
        """Throttle this share of the requests; the same seed throttles the same ones of a sequence."""
        with self._lock:
            self._share, self._random = share, random.Random(seed)

    def deny(self, service: str, operation: str | None = None, message: str = "", code: str = "") -> None:
        """Answer AccessDenied to an operation, or to all of a service, until the next reset.

        With ``message`` in the words of AWS, and with its ``code`` and status 400 where that is another one: S3 passes
        on what KMS says, which no emulator of S3 does.
        """
        with self._lock:
            self._denied[service, operation] = (code, message)

    def strike(self, call: aws_wire.Call) -> tuple[Kind | None, float]:
        """What happens to this request, and after how many seconds; the handler's question."""
        with self._lock:
            kind: Kind | None = None
            delay = 0.0
            for fault in [one for one in self._faults if one.matches(call)]:
                fault.left -= 1
                if fault.left:
                    continue
                self._faults.remove(fault)
                if fault.kind == "delay":
                    delay = fault.seconds
                else:
                    kind = fault.kind
            if self._share and self._random.random() < self._share:
                kind = kind or "throttle"
            if {(call.service, call.operation), (call.service, None)} & self._denied.keys():
                kind = kind or "deny"
            return kind, delay

    def answer(self, kind: str, call: aws_wire.Call, headers: Mapping[str, str]) -> aws_wire.ErrorAnswer:
        """What an injected fault looks like; the handler's question."""
        with self._lock:
            found = self._denied.get((call.service, call.operation)) or self._denied.get((call.service, None))
        code, message = found if found and kind == "deny" else ("", "")
        message = message or f"{kind} by the test's proxy"
        if code:
            return aws_wire.error_answer(aws_wire.protocol(call.service, headers), code, message, 400)
        return aws_wire.fault_answer(kind, call, headers, message)

    def record(self, call: aws_wire.Call, status: int) -> None:
        """Note a call; the handler's duty."""
        seen = Recorded(call.service, call.operation, status)
        with self._lock:
            self._requests.append(seen)
            if self._log is not None:
                self._log.write(json.dumps(seen._asdict()) + "\n")
                self._log.flush()

    # --- the server ---

    def start(self) -> Self:
        self._log = self._log_path.open("a") if self._log_path else None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: _Server

    def log_message(self, format: str, *arguments: object) -> None:
        """Silence: the calls are recorded instead."""

    def _handle(self) -> None:
        body = self._read_body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = aws_wire.identify(self.command, self.path, headers, body)
        proxy = self.server.proxy
        kind, delay = proxy.strike(call)
        time.sleep(delay)
        answer: _Answer | None = None
        if kind in ("fail", "throttle", "deny"):
            answer = self._fault(kind, call, headers)
        elif kind != "cut_before":
            answer = self._forward(body)
            if kind == "cut_after":
                answer = None
        # Before the answer: what the client counts next must include this call.
        proxy.record(call, answer.status if answer else CUT)
        if answer:
            self._send(answer)
        else:
            self._cut()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_PATCH = _handle

    def _read_body(self) -> bytes:
        if self._is_chunked():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _is_chunked(self) -> bool:
        return "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailing headers

    def _forward(self, body: bytes) -> _Answer:
        """Ask the emulator, on a connection of its own: one that was kept could have been closed meanwhile."""
        connection = http.client.HTTPConnection(urlsplit(self.server.proxy.upstream).netloc, timeout=UPSTREAM_LIMIT)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Connection", "close")
            if self.server.proxy.secure:
                connection.putheader("X-Forwarded-Proto", "https")
            chunked = self._is_chunked()
            pieces = (body[start : start + CHUNK] for start in range(0, len(body), CHUNK))
            connection.endheaders(pieces if chunked else body, encode_chunked=chunked)
            response = connection.getresponse()
            return _Answer(response.status, response.reason, response.getheaders(), response.read())
        except (OSError, http.client.HTTPException) as error:
            return _Answer(502, "", [("Content-Type", "text/plain")], f"the emulator failed: {error!r}".encode())
        finally:
            connection.close()

    def _fault(self, kind: str, call: aws_wire.Call, headers: dict[str, str]) -> _Answer:
        error = self.server.proxy.answer(kind, call, headers)
        named = [("Content-Type", error.content_type), ("x-amzn-RequestId", aws_wire.REQUEST_ID)]
        if "smithy-protocol" in headers:
            named.append(("smithy-protocol", headers["smithy-protocol"]))
        return _Answer(error.status, "", named, error.body)

    def _send(self, answer: _Answer) -> None:
        self.send_response_only(answer.status, answer.reason or None)
        length = str(len(answer.content))
        for name, value in answer.headers:
            if name.lower() == "content-length":
                length = value if self.command == "HEAD" else length
            elif name.lower() not in HOP_BY_HOP | {"transfer-encoding"}:
                self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else answer.content)

    def _cut(self) -> None:
        """Close the connection under the client's hands."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def read_log(path: Path) -> list[Recorded]:
    """The calls that a proxy with ``--log`` has noted."""
    return [Recorded(**json.loads(line)) for line in path.read_text().splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the AWS calls of child processes.")
    parser.add_argument("--upstream", required=True, help="URL of the emulator")
    parser.add_argument("--log", type=Path, help="file that gets one JSON line for each call")
    parser.add_argument("--secure", action="store_true", help="let the emulator believe that clients speak TLS")
    arguments = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with Proxy(arguments.upstream, arguments.log, secure=arguments.secure) as proxy:
        print(proxy.url, flush=True)
        done.wait()


if __name__ == "__main__":
    main()
