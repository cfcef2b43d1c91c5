"""The connection to the process that speaks with Ray (:mod:`rlx.launch.ray_side`): a question, and the answer in time or none."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ANSWERED = 120.0
"""Seconds in which an answer has to come; connecting takes some five, thousands of actors some more."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Nothing is sent home, and Ray changes no variable of CUDA where no GPU is asked for."""


class RayAway(Exception):
    """Ray does not answer."""


class RayRefuses(Exception):
    """Ray cannot do what it was asked, in its own words."""

    @property
    def wants_token(self) -> bool:
        """Whether the cluster takes nobody without a token."""
        return "AuthenticationError" in str(self)


class RayConnection:
    """A process that speaks with Ray.

    Args:
        variables: Of its environment, beside those that are here.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        handle, name = tempfile.mkstemp(prefix="rlx-ray-", suffix=".txt")
        self._log = Path(name)
        with os.fdopen(handle, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rlx.launch.ray_side"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **QUIET, **(variables or {})},
                start_new_session=True,  # Ctrl-C is answered by whoever asks
            )
        self._received = b""

    @property
    def is_open(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def ask(self, **request: Any) -> dict[str, Any]:
        """Ask something, and return the answer.

        Raises:
            RayAway: None came.
            RayRefuses: It cannot be done.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._line())
        except (OSError, ValueError) as error:
            told = self._said()
            self.close()
            raise RayAway(told or str(error)) from None
        if "refused" in answer:
            raise RayRefuses(answer["refused"])
        return answer

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        end = time.monotonic() + ANSWERED
        while b"\n" not in self._received:
            if not select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise OSError(f"no answer within {ANSWERED:g} s")
            if not (part := os.read(self._process.stdout.fileno(), 1 << 20)):
                raise OSError("its process ended")
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _said(self) -> str:
        """Return the last that the process printed, in a line."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return next((line.strip()[:300] for line in reversed(lines) if "rror" in line), "")

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.unlink(missing_ok=True)
