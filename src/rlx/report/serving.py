"""`rlx report --serve`: looks at the project while a browser asks, and ends with Ctrl-C."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NoReturn

from rlx.report.live_page import LivePage
from rlx.report.page_parts import served_policy
from rlx.report.page_server import PageServer

EVERY = 2.0
"""Seconds between two looks, at least."""
SHARE = 4.0
"""A look that took long is followed by a pause of so many times as long: what trains needs the processors more."""


def serve_page(page: LivePage, port: int, told: Callable[[str], None]) -> NoReturn:
    """Serve a page until this process is told to stop.

    Args:
        page: The page.
        port: Where to listen on this machine; 0: where nobody does.
        told: Called with the page's address once it can be opened.

    Raises:
        UsageError: The port is in use, or not this account's to use.
        RlxError: There is nothing that a page could show: a run that is named does not exist.
        KeyboardInterrupt: Ctrl-C.
    """
    server = PageServer(page, served_policy(), port)
    try:
        page.look()
        threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True).start()
        told(server.address)
        while True:
            server.wanted.wait()
            began = time.monotonic()
            server.wanted.clear()
            page.look()
            took = time.monotonic() - began
            time.sleep(max(EVERY - took, SHARE * took))
    finally:
        server.server_close()
