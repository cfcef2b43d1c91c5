"""What a served page answers to whom: its own browser everything that it has, everybody else a bare refusal."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st

from rlx.errors import UsageError
from rlx.report import page_server
from rlx.report.page_server import MOST_CONNECTIONS, MOST_FILM_PART, PageServer

FILM = bytes(range(256)) * 5000
SECRET = b"the page"


class Page:
    """A page that counts what is asked of it."""

    def __init__(self) -> None:
        self.asked = 0

    def page(self) -> bytes:
        self.asked += 1
        return SECRET

    def news(self, known: int) -> tuple[int, bytes | None]:
        self.asked += 1
        return 7, None if known == 7 else b'{"format": 1}'

    def film(self, name: str) -> bytes | None:
        self.asked += 1
        return FILM if name == "ab12.mp4" else None

    def age(self) -> float:
        return 3.0


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    made = PageServer(Page(), "default-src 'none'")
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def port_of(server: PageServer) -> int:
    return server.server_port


def token_of(server: PageServer) -> str:
    return server.address.rstrip("/").rpartition("/")[2]


def said(server: PageServer, request: bytes, *, wait: float = 20) -> bytes:
    """Return all that the server answers to bytes."""
    with socket.create_connection(("127.0.0.1", port_of(server)), wait) as client:
        answer = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(request)
            while part := client.recv(65_536):
                answer += part
        return answer


def asked(server: PageServer, path: str, *headers: str, method: str = "GET", host: str | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port_of(server)}'}", *headers, "", ""]
    return said(server, "\r\n".join(lines).encode("latin-1"))


def parted(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


def is_refused(answer: bytes) -> bool:
    """Tell whether an answer is a bare refusal: no word of what is served, of the program, or of the disk."""
    status, headers, body = parted(answer)
    return status in (403, 404) and body == b"" and headers["Content-Length"] == "0" and "Server" not in headers


def test_its_own_browser_gets_everything(server: PageServer) -> None:
    start = f"/{token_of(server)}/"
    status, headers, body = parted(asked(server, start))
    assert (status, body) == (200, SECRET)
    assert headers["Content-Security-Policy"] == "default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers
    assert parted(asked(server, start, host=f"LocalHost:{port_of(server)}"))[0] == 200
    status, headers, body = parted(asked(server, start, method="HEAD"))
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(SECRET)))
    status, headers, body = parted(asked(server, f"{start}now.json"))
    assert (status, json.loads(body), headers["ETag"], headers["Age"]) == (200, {"format": 1}, '"7"', "3")
    assert server.wanted.is_set()
    status, _, body = parted(asked(server, f"{start}now.json", 'If-None-Match: "7"'))
    assert (status, body) == (304, b"")
    for wrong in ('"8"', "7", 'W/"7"', '"7", "8"', '"-1"', '"9999999999999"', '"٣"'):
        assert parted(asked(server, f"{start}now.json", f"If-None-Match: {wrong}".encode().decode("latin-1")))[0] == 200


def test_films_come_in_parts(server: PageServer) -> None:
    place = f"/{token_of(server)}/films/ab12.mp4"
    status, headers, body = parted(asked(server, place))
    assert (status, body, headers["Accept-Ranges"], headers["Content-Type"]) == (200, FILM, "bytes", "video/mp4")
    cases = {
        "bytes=0-": (0, MOST_FILM_PART - 1),
        "bytes=0-1": (0, 1),
        "bytes=1000-1999": (1000, 1999),
        "bytes=-10": (len(FILM) - 10, len(FILM) - 1),
        f"bytes={len(FILM) - 5}-": (len(FILM) - 5, len(FILM) - 1),
        "bytes=5-99999999": (5, MOST_FILM_PART + 4),
    }
    for text, (first, last) in cases.items():
        status, headers, body = parted(asked(server, place, f"Range: {text}"))
        assert (status, headers["Content-Range"]) == (206, f"bytes {first}-{last}/{len(FILM)}"), text
        assert body == FILM[first : last + 1]
    for text in (f"bytes={len(FILM)}-", "bytes=10-9", "bytes=-0"):
        status, headers, body = parted(asked(server, place, f"Range: {text}"))
        assert (status, headers["Content-Range"], body) == (416, f"bytes */{len(FILM)}", b""), text
    for text in ("bytes=-", "bytes=a-b", "bytes=0-1,5-6", "chars=0-1", "bytes=--1"):
        assert parted(asked(server, place, f"Range: {text}"))[0] == 200, text
    assert is_refused(asked(server, f"/{token_of(server)}/films/ab13.mp4"))


HOSTS = (
    "evil.example",  # whose name server says 127.0.0.1 now: DNS rebinding
    "evil.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.1:{port}@evil.example",
    "[::1]:{port}",
    "0.0.0.0:{port}",
    "127.1:{port}",
    "2130706433:{port}",
    "127.0.0.1:{port},evil.example",
    "",
)


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_refused(server: PageServer, host: str) -> None:
    before = server.page.asked
    request = f"GET /{token_of(server)}/ HTTP/1.1\r\nHost: {host.format(port=port_of(server))}\r\n\r\n"
    assert is_refused(said(server, request.encode()))
    assert server.page.asked == before


def test_one_host_is_wanted(server: PageServer) -> None:
    start, own = f"GET /{token_of(server)}/ HTTP/1.1\r\n", f"Host: 127.0.0.1:{port_of(server)}\r\n"
    for headers in ("", f"{own}Host: evil.example\r\n", f"Host: evil.example\r\n{own}", own + own):
        assert is_refused(said(server, f"{start}{headers}\r\n".encode()))
    assert is_refused(said(server, f"GET /{token_of(server)}/ HTTP/1.0\r\n\r\n".encode()))


PATHS = (
    "/", "", "//", "/now.json", "/TOKEN", "TOKEN/", "//TOKEN//", "/TOKEN/now.json/", "/TOKEN/now.json?x", "/TOKEN/?x=1", "/TOKEN/#x",
    "/TOKEN//etc/passwd", "/TOKEN/../", "/TOKEN/../../../../etc/passwd", "/TOKEN/%2e%2e/%2e%2e/etc/passwd", "/TOKEN/..%2f..%2fetc/passwd",
    "/TOKEN/..\\..\\etc\\passwd", "/TOKEN/%00", "/TOKEN/now.json%00", "/TOKEN/\0", "/TOKEN/films/", "/TOKEN/films/../now.json",
    "/TOKEN/films/%2e%2e/%2e%2e/params.yaml", "/TOKEN/films//etc/passwd", "/TOKEN/films/ab12.mp4/..", "/TOKEN/films/AB12.MP4",
    "/TOKEN/params.yaml", "/TOKEN/runs/cartpole/metadata.json", "/TOKEN/.git/config", "/./TOKEN/", "/x/../TOKEN/", "/TOKE/", "/TOKENx/",
    "/xTOKEN/", "/%54OKEN/", "/TOKEN%2f", "/TOKEN/\xff\xfe", "/\xff/", "http://127.0.0.1:PORT/TOKEN/", "http://evil.example/TOKEN/",
    "https://127.0.0.1:PORT/TOKEN/now.json", "file:///etc/passwd", "*", "127.0.0.1:PORT", "/TOKEN/" + "a" * 9000,
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_other_addresses_are_refused(server: PageServer, path: str) -> None:
    """All but one: the library takes two slashes at the start for one, which leads to no other place."""
    exact = path.replace("TOKEN", token_of(server)).replace("PORT", str(port_of(server)))
    assert is_refused(asked(server, exact))


@given(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n \t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0"), max_size=60)
)
@settings(max_examples=100, deadline=None)
def test_no_address_but_the_right_ones(server: PageServer, text: str) -> None:
    assert is_refused(asked(server, f"/{text}"))
    if text not in ("", "now.json"):
        assert is_refused(asked(server, f"/{token_of(server)}/{text}"))


METHODS = ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "GETT", "PRI", "\xff")


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_are_refused(server: PageServer, method: str) -> None:
    before = server.page.asked
    assert is_refused(asked(server, f"/{token_of(server)}/", method=method))
    assert server.page.asked == before


def test_requests_with_bodies_are_refused(server: PageServer) -> None:
    start, before = f"/{token_of(server)}/", server.page.asked
    for header in ("Content-Length: 5", "Content-Length: -1", "Content-Length: x", "Transfer-Encoding: chunked"):
        assert is_refused(asked(server, start, header)), header
    head = f"POST {start} HTTP/1.1\r\nHost: 127.0.0.1:{port_of(server)}\r\n"
    for body in ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Content-Length: 9\r\n\r\nGET / HTT"):
        assert is_refused(said(server, (head + body).encode()))
    smuggled = f"{head}Content-Length: 0\r\n\r\nGET {start} HTTP/1.1\r\nHost: 127.0.0.1:{port_of(server)}\r\n\r\n"
    assert is_refused(said(server, smuggled.encode()))  # one answer, not two
    assert server.page.asked == before


GARBAGE = (
    b"\r\n\r\n",
    b"\n\n",
    b"\0\0\0\0\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /TOKEN/\r\n\r\n",  # HTTP/0.9
    b"GET /TOKEN/ HTTP/0.9\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    b"GET /TOKEN/ HTTP/2.0\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    b"GET /TOKEN/ HTTP/1.1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    b"GET /TOKEN/ HTTP/\xff\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    b"GET /TOKEN/ FTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    b"GET  /TOKEN/ x HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
    b"GET /TOKEN/ HTTP/1.1\r\n" + b"X: y\r\n" * 500 + b"Host: 127.0.0.1:PORT\r\n\r\n",
    b"GET /TOKEN/ HTTP/1.1\r\nHost : 127.0.0.1:PORT\r\n\r\n",
    b"GET /TOKEN/ HTTP/1.1\r\n Host: 127.0.0.1:PORT\r\n\r\n",
)


@pytest.mark.parametrize("request_", GARBAGE)
def test_what_is_no_request_tells_nothing(server: PageServer, request_: bytes) -> None:
    exact = request_.replace(b"TOKEN", token_of(server).encode()).replace(b"PORT", str(port_of(server)).encode())
    answer = said(server, exact)
    assert answer == b"" or is_refused(answer)
    assert SECRET not in answer


def test_huge_heads_are_not_read(server: PageServer) -> None:
    for request in (b"GET /" + b"a" * 10_000_000, b"GET / HTTP/1.1\r\nX: " + b"y" * 10_000_000 + b"\r\n\r\n"):
        assert said(server, request) == b""
    assert parted(asked(server, f"/{token_of(server)}/"))[0] == 200


def test_who_says_nothing_is_let_go(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_server, "HEARD_FOR", 0.3)
    assert said(server, b"") == b""
    with socket.create_connection(("127.0.0.1", port_of(server)), 20) as slow:  # a byte now and then
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 20:
                slow.sendall(b"G")
                time.sleep(0.05)
            pytest.fail("a request that never ends is heard for ever")
    assert parted(asked(server, f"/{token_of(server)}/"))[0] == 200


def test_connections_are_counted(server: PageServer) -> None:
    place = ("127.0.0.1", port_of(server))
    before = threading.active_count()
    with contextlib.ExitStack() as opened:
        many = [opened.enter_context(socket.create_connection(place, 20)) for _ in range(4 * MOST_CONNECTIONS)]
        closed = 0
        for client in many:
            client.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                closed += client.recv(1) == b""
        assert closed >= 3 * MOST_CONNECTIONS
        assert threading.active_count() <= before + MOST_CONNECTIONS
    for _ in range(100):
        if asked(server, f"/{token_of(server)}/"):
            break
        time.sleep(0.1)
    assert parted(asked(server, f"/{token_of(server)}/"))[0] == 200


def test_who_hangs_up_early_leaves_no_trace(server: PageServer, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port_of(server)), 20) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # hang up with a reset
            client.sendall(
                f"GET /{token_of(server)}/films/ab12.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{port_of(server)}\r\n\r\n".encode()
            )
    assert parted(asked(server, f"/{token_of(server)}/"))[0] == 200
    assert capfd.readouterr() == ("", "")


def test_it_listens_on_loopback_alone(server: PageServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/[A-Za-z0-9_-]{40,}/", server.address)
    assert token_of(PageServerOnce.make()) != token_of(server)


class PageServerOnce:
    """A second server."""

    @staticmethod
    def make() -> PageServer:
        made = PageServer(Page(), "")
        made.server_close()
        return made


def test_a_port_in_use_is_told_in_a_sentence(server: PageServer) -> None:
    with pytest.raises(
        UsageError, match=rf"--port {port_of(server)}: the port is in use on 127\.0\.0\.1; name another"
    ):
        PageServer(Page(), "", port_of(server))
