"""Seed drift: whether a stored seed, trained again, gives the same bits, and if not, whether something on record says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import rlx
from benchmarks.regression.trained import Trained
from rlx.records import differing_circumstances


@dataclass(frozen=True)
class Drift:
    """What came of a stored seed.

    Attributes:
        seed: Which.
        verdict: ``same bits``, ``explained`` (other bits, and something on record says why), or ``drifted``: nothing does.
        why: What is different from when it was stored.
    """

    seed: int
    verdict: Literal["same bits", "explained", "drifted"]
    why: tuple[str, ...]


def drift_of(stored: Trained, again: Trained, seed: int) -> Drift:
    """Compare the weights of a seed's final policy, and its held-out score, with those that are stored.

    Args:
        stored: The baseline.
        again: The same configuration, trained now.
        seed: A seed that both have.
    """
    why = []
    for stage, version in stored.versions["stages"].items():
        if (now := rlx.STAGE_VERSIONS[stage]) != version:
            why.append(f"STAGE_VERSIONS[{stage!r}] {version} then, {now} now")
    metadata = {"versions": stored.versions, "host": stored.host, "engine": stored.engine}
    without_rlx = {
        key: value for key, value in stored.versions.items() if key != "rlx"
    }  # its number explains no other bits
    libraries = [name for name in without_rlx if name not in ("python", "stages", "dvc")]
    why += differing_circumstances({**metadata, "versions": without_rlx}, again.engine["name"], libraries)
    if stored.config_sha256 != again.config_sha256:
        why.append("the same settings are another configuration now (config_sha256): `--write` if that is meant")
    same = stored.policies[seed] == again.policies[seed] and stored.scores[seed] == again.scores[seed]
    return Drift(seed, "same bits" if same else "explained" if why else "drifted", tuple(why))
