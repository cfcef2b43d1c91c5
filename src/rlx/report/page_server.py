"""Serves a live page to browsers of this machine, and nothing else to anybody.

It listens on the loopback interface alone, and answers a GET or HEAD whose Host is its own and whose address begins with a
secret token, of the names that it has. Everything else gets a bare refusal. Names are looked up in the memory: no part of a
request ever becomes a path. One request is read of a connection, within a time and a size; connections are counted.
"""

from __future__ import annotations

import errno
import hmac
import io
import re
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from rlx.errors import UsageError

ADDRESS = "127.0.0.1"
NEWS = "now.json"
MOST_HEAD_BYTES = 16_384
"""Of a request's first line and headers."""
MOST_CONNECTIONS = 32
"""That are open at once; more are closed unheard."""
HEARD_FOR, ANSWERED_FOR, LINGERED_FOR = 5.0, 30.0, 0.2
"""Seconds in which a request must have come whole, in which an answer must have been taken, and in which the rest of what was
said is heard."""
MOST_FILM_PART = 1 << 20
"""Bytes of a film in one answer: a browser asks on, and no film that nobody looks at keeps a connection busy."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""Of every answer."""


class ServedPage(Protocol):
    """What is served."""

    def page(self) -> bytes:
        """Return the page as HTML."""

    def news(self, known: int) -> tuple[int, bytes | None]:
        """Return the version of the page, and as JSON what is newer than a version; None where nothing is."""

    def film(self, name: str) -> bytes | None:
        """Return a film by its name; None where there is none."""

    def age(self) -> float:
        """Return the seconds since what is served was looked at."""


@dataclass(frozen=True)
class Answer:
    """An answer to a request.

    Attributes:
        status: Its status.
        kind: Of what it has, as a media type.
        body: What it has.
        headers: Further ones.
    """

    status: HTTPStatus
    kind: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


REFUSED = Answer(HTTPStatus.FORBIDDEN)
NOT_FOUND = Answer(HTTPStatus.NOT_FOUND)


class PageServer(ThreadingHTTPServer):
    """Serves one page.

    Attributes:
        page: The page.
        policy: Its Content-Security-Policy.
        wanted: Set by each request that asks for what is new: whoever makes the page waits for it.
        address: What to open in a browser.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, page: ServedPage, policy: str, port: int = 0) -> None:
        """Take the port.

        Args:
            page: The page.
            policy: Its Content-Security-Policy.
            port: Where to listen; 0: where nobody does.

        Raises:
            UsageError: The port is in use, or not this account's to use.
        """
        self.page, self.policy, self.wanted = page, policy, threading.Event()
        self._token = secrets.token_urlsafe(32)
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            super().__init__((ADDRESS, port), _Request)
        except OSError as error:
            known = {errno.EADDRINUSE: "is in use", errno.EACCES: "is not this account's to use"}
            if error.errno not in known:
                raise
            what = f"--port {port}: the port {known[error.errno]} on {ADDRESS}"
            raise UsageError(f"{what}; name another, or leave --port out: one that is free is found") from None
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        if self.server_port == 80:
            self.hosts |= {ADDRESS, "localhost"}
        self.address = f"http://{ADDRESS}:{self.server_port}/{self._token}/"

    def server_bind(self) -> None:
        """Take the port, without asking a name server what this machine is called."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def is_token(self, text: str) -> bool:
        """Tell whether a text is the token, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(text.encode("utf-8", "surrogateescape"), self._token.encode())

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, while there are not too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked has gone, or asked what cannot be asked, and got no answer."""


class _Request(BaseHTTPRequestHandler):
    """One request of one connection."""

    server: PageServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.connection: socket.socket = self.request
        self.connection.settimeout(HEARD_FOR)
        self.rfile = io.BytesIO(self._head())
        self.connection.settimeout(ANSWERED_FOR)
        self._said = self.wfile = io.BytesIO()

    def handle(self) -> None:
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(MOST_HEAD_BYTES + 1)
        if self.raw_requestline and self.parse_request():
            self._send(self._answer())

    def finish(self) -> None:
        """Send what was written, and hear the rest of what was said, or the answer would be lost with it."""
        with suppress(OSError):
            self.connection.sendall(self._said.getvalue())
            self.connection.shutdown(socket.SHUT_WR)
            until, heard = time.monotonic() + LINGERED_FOR, 0
            while heard < MOST_HEAD_BYTES and (left := until - time.monotonic()) > 0:
                self.connection.settimeout(left)
                more = self.connection.recv(4096)
                if not more:
                    break
                heard += len(more)

    def _head(self) -> bytes:
        """Return the request as far as its headers, which must come whole, in time, and not be too long; else nothing."""
        until, heard = time.monotonic() + HEARD_FOR, b""
        with suppress(OSError):
            while b"\r\n\r\n" not in heard and b"\n\n" not in heard:
                left = until - time.monotonic()
                if left <= 0 or len(heard) > MOST_HEAD_BYTES:
                    return b""
                self.connection.settimeout(left)
                more = self.connection.recv(4096)
                if not more:
                    return b""
                heard += more
            return heard
        return b""

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if self.request_version not in ("HTTP/1.0", "HTTP/1.1"):
            self._send(NOT_FOUND)
            return False
        return True

    def handle_expect_100(self) -> bool:
        """Go on: there is no body to wait for."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request, without a word."""
        self._send(NOT_FOUND)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 — the name that the library gives it
        """Write nothing down: an address has the token in it."""

    def _answer(self) -> Answer:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].strip().lower() not in self.server.hosts:
            return REFUSED
        if self.command not in ("GET", "HEAD") or "Transfer-Encoding" in self.headers:
            return REFUSED
        if self.headers.get("Content-Length", "0").strip() != "0":
            return REFUSED
        start, _, rest = self.path.partition("/")
        token, slash, name = rest.partition("/")
        if start or not self.server.is_token(token) or not slash:
            return NOT_FOUND
        return self._named(name)

    def _named(self, name: str) -> Answer:
        page = self.server.page
        if name == "":
            self.server.wanted.set()
            return Answer(
                HTTPStatus.OK,
                "text/html; charset=utf-8",
                page.page(),
                {"Content-Security-Policy": self.server.policy},
            )
        if name == NEWS:
            self.server.wanted.set()
            return self._news(page)
        kind, _, file = name.partition("/")
        film = page.film(file) if kind == "films" else None
        return NOT_FOUND if film is None else self._film(film)

    def _news(self, page: ServedPage) -> Answer:
        known = re.fullmatch(r'"([0-9]{1,12})"', self.headers.get("If-None-Match", ""))
        version, news = page.news(int(known[1]) if known else 0)
        headers = {"ETag": f'"{version}"', "Age": f"{page.age():.0f}"}
        if news is None:
            return Answer(HTTPStatus.NOT_MODIFIED, headers=headers)
        return Answer(HTTPStatus.OK, "application/json", news, headers)

    def _film(self, film: bytes) -> Answer:
        """Return a part of a film: what was asked for, as far as one answer goes (RFC 9110, section 14)."""
        size, kind, ranges = len(film), "video/mp4", {"Accept-Ranges": "bytes"}
        asked = self.headers.get("Range")
        found = re.fullmatch(r"bytes=([0-9]{0,12})-([0-9]{0,12})", asked.strip()) if asked else None
        if found is None or not (found[1] or found[2]):
            return Answer(HTTPStatus.OK, kind, film, ranges)
        if found[1]:
            first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
        else:
            first, last = max(0, size - int(found[2])), size - 1
        if first > last:
            return Answer(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers={**ranges, "Content-Range": f"bytes */{size}"}
            )
        last = min(last, first + MOST_FILM_PART - 1)
        ranges["Content-Range"] = f"bytes {first}-{last}/{size}"
        return Answer(HTTPStatus.PARTIAL_CONTENT, kind, film[first : last + 1], ranges)

    def _send(self, answer: Answer) -> None:
        lines = {"Date": formatdate(usegmt=True), **HEADERS, **answer.headers, "Connection": "close"}
        lines.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        if answer.kind:
            lines["Content-Type"] = answer.kind
        if answer.status != HTTPStatus.NOT_MODIFIED:
            lines["Content-Length"] = str(len(answer.body))
        head = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
        head += [f"{name}: {value}" for name, value in lines.items()]
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1"))
        if self.command != "HEAD":
            self.wfile.write(answer.body)
