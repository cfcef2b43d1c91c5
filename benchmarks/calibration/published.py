"""Scores that others have published: final returns of 192 trainings of SAC and 193 of TD3, and of ten of four algorithms.

``published.csv`` holds them, rounded to a tenth. HalfCheetah: Colas, Sigaud and Oudeyer 2019 (A Hitchhiker's Guide to
Statistical Comparisons of Reinforcement Learning Algorithms; github.com/ccolas/rl_stats). Walker2d: Mathieu et al. 2023
(AdaStop; github.com/TimotheeMathieu/adastop, its examples).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def published_scores(task: str) -> dict[str, pd.Series]:
    """Return each algorithm's final returns on a task (HalfCheetah, Walker2d), one per training."""
    table = pd.read_csv(Path(__file__).with_name("published.csv"))
    return {str(run): rows["score"] for run, rows in table[table["task"] == task].groupby("run", sort=False)}
