"""Settings as the command line takes them: ``-S KEY=VALUE``, in Hydra's grammar."""

from __future__ import annotations

import json
import re
from typing import Any


def as_setting(key: str, value: Any) -> str:
    """Return ``KEY=VALUE`` for a plain value, as ``-S`` reads it."""
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_][\w.\-/]*", value) and value.lower() not in (
            "true",
            "false",
            "null",
            "nan",
            "inf",
        )
        return f"{key}={value}" if plain else f"{key}='" + value.replace("'", "\\'") + "'"
    return f"{key}={_literal(value)}"


def _literal(value: Any) -> str:
    """Return a value in Hydra's grammar, which is JSON's but for the quotes of keys."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_literal, value)) + "]"
    return json.dumps(value)
