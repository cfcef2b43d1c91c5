"""The parts of the reward that the environment reports, and whether the return means success."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.diagnosis.finding import Detection
from rlx.diagnosis.rules.progress import smooth
from rlx.diagnosis.rules.rule import Rule, measured, most, of_seeds
from rlx.diagnosis.signals import Signals, carried_forward
from rlx.stats import Array, number

PREFIX = "reward/"
DOMINATES = 0.9
TRADED = 0.2
FELL = 0.1
SATURATED = 0.01


def components(signals: Signals) -> list[str]:
    """Return the reward components that were logged, by name."""
    return sorted({name for seed in signals.seeds for name in seed.values if name.startswith(PREFIX)})


def _success_falls(signals: Signals) -> Detection | None:
    success_SW = signals.windowed("rollout/success_rate")
    if signals.scale is None or not np.isfinite(success_SW).any() or signals.windows < 6:
        return None
    place_SW = signals.place_SW
    half = signals.windows // 2
    rose_S = signals.late(place_SW) - signals.early(place_SW)
    level_SW = smooth(carried_forward(success_SW), 5)
    best_S = level_SW[:, : half + 1].max(axis=1)
    fell_S = best_S - signals.late(success_SW)
    episodes_S = np.maximum(5 * np.median(signals.episodes_SW, axis=1), 1.0)
    error_S = np.sqrt(np.maximum(best_S * (1 - best_S), 0.01) * 2 / episodes_S)
    holds_S = (rose_S > TRADED) & (np.nan_to_num(fell_S) > FELL + 3 * np.nan_to_num(error_S))
    if not most(holds_S):
        return None
    evidence = measured(signals, "rollout/success_rate, best of the first half less the end", fell_S, holds_S, "above", FELL)  # fmt: skip
    what = (
        f"In {of_seeds(evidence.seeds, len(signals.seeds))} the return rose while the success rate fell by "
        f"{100 * evidence.measured:.0f} points: the reward pays for something else than success."
    )
    return Detection(what, (evidence,), "warning", "high", advice=HACKING)


def _traded(signals: Signals) -> Detection | None:
    trade = traded_components(signals)
    if trade is None:
        return None
    holds_S = trade.holds_S
    evidence = (
        measured(signals, f"{trade.lost}, fall over all changes", trade.share_S, holds_S, "above", TRADED),
        measured(signals, f"{trade.gained}, change from early to late", trade.gain_S, holds_S, "above", 0.0),
    )
    fell = abs(float(np.median(trade.fall_S[holds_S])))
    what = (
        f"{trade.gained} rose by {number(evidence[1].measured)} per episode while {trade.lost} fell by {number(fell)} in "
        f"{of_seeds(evidence[0].seeds, len(signals.seeds))}."
    )
    return Detection(what, evidence, "info", "low", advice=HACKING)


@dataclass(frozen=True)
class Trade:
    """A component that was given up for another one.

    Attributes:
        gained: The component that rose most.
        lost: The one that fell most.
        gain_S: Change of the one from early to late training, per seed.
        fall_S: Change of the other.
        share_S: Its fall over the sizes of all components' changes.
        holds_S: In which seeds it was traded.
    """

    gained: str
    lost: str
    gain_S: Array
    fall_S: Array
    share_S: Array
    holds_S: Array


def traded_components(signals: Signals) -> Trade | None:
    """Return which component rose while another one fell by much of what it was (the sum hides the price); None if none did."""
    names = components(signals)
    if len(names) < 2 or signals.windows < 6:
        return None
    change = {name: signals.late(signals.windowed(name)) - signals.early(signals.windowed(name)) for name in names}
    total_S = np.sum([np.abs(np.nan_to_num(values)) for values in change.values()], axis=0)
    best = max(names, key=lambda name: float(np.nanmedian(change[name])))
    worst = min(names, key=lambda name: float(np.nanmedian(change[name])))
    share_S = np.divide(-change[worst], total_S, out=np.zeros(len(total_S)), where=total_S > 0)
    holds_S = (share_S > TRADED) & (np.nan_to_num(change[best]) > 0) & _was_good(signals, worst)
    if best == worst or not most(holds_S):
        return None
    return Trade(best, worst, change[best], change[worst], share_S, holds_S)


def _was_good(signals: Signals, name: str) -> Array:
    """Tell for which seeds a component began at or above zero (a growing cost of acting is usual, a lost gain is not)."""
    return np.asarray(np.nan_to_num(signals.early(signals.windowed(name)), nan=-1.0) >= 0)


def component_shares(signals: Signals) -> dict[str, Array]:
    """Return each component's share, per seed, of the sum of all components' sizes over the last quarter of training (0–1)."""
    size = {name: np.abs(np.nan_to_num(signals.late(signals.windowed(name)))) for name in components(signals)}
    total_S = np.sum(list(size.values()), axis=0)
    return {
        name: np.divide(size_S, total_S, out=np.zeros(len(size_S)), where=total_S > 0) for name, size_S in size.items()
    }


def _dominates(signals: Signals) -> Detection | None:
    names = components(signals)
    if len(names) < 2:
        return None
    shares = component_shares(signals)
    largest = max(names, key=lambda name: float(np.median(shares[name])))
    share_S = shares[largest]
    holds_S = share_S > DOMINATES
    if not most(holds_S):
        return None
    evidence = measured(signals, f"{largest}, share of all components' size", share_S, holds_S, "above", DOMINATES, (3 * signals.windows // 4, signals.windows - 1))  # fmt: skip
    what = (
        f"{largest} makes up {100 * evidence.measured:.0f} % of the reward's components in "
        f"{of_seeds(evidence.seeds, len(signals.seeds))}; the others hardly count."
    )
    return Detection(what, (evidence,), "info", "medium", advice="If the others are meant to count, raise their weights in the environment.")  # fmt: skip


def _saturated(signals: Signals) -> Detection | None:
    names = components(signals)
    if len(names) < 2:
        return None
    found = [(name, *told) for name, told in saturated_components(signals).items()]
    if not found:
        return None
    half = (signals.windows // 2, signals.windows - 1)
    evidence = tuple(measured(signals, f"{name}, late spread over all its change", s, h, "below", SATURATED, half) for name, s, h in found)  # fmt: skip
    what = f"{', '.join(name for name, _, _ in found)} stopped changing in the first half of training."
    return Detection(what, evidence, "info", "low", advice="A saturated component no longer teaches; judge whether it still belongs in the reward.")  # fmt: skip


def saturated_components(signals: Signals) -> dict[str, tuple[Array, Array]]:
    """Return components that reached a level early and have not varied since: nothing more can be learned from them.

    Each with the spread of its second half over all its change, per seed, and in which seeds it is saturated.
    """
    found: dict[str, tuple[Array, Array]] = {}
    if signals.windows < 8:
        return found
    for name in components(signals):
        values_SW = signals.windowed(name)
        late_SW = values_SW[:, signals.windows // 2 :]
        known = np.isfinite(late_SW).sum(axis=1) >= 3
        change_S = (
            np.nanmax(values_SW, axis=1) - np.nanmin(values_SW, axis=1) if known.all() else np.zeros(len(values_SW))
        )
        spread_S = np.ptp(late_SW, axis=1) if np.isfinite(late_SW).all() else np.full(len(values_SW), np.inf)
        holds_S = known & (change_S > 0) & (spread_S < SATURATED * change_S)
        if most(holds_S):
            found[name] = spread_S / np.where(change_S > 0, change_S, 1), holds_S
    return found


HACKING = (
    "Watch films from early and late training side by side (`rlx video RUN:best`, `rlx video RUN:latest`), and write down "
    "what success is as `is_success` in the environment's info, so that rlx can report it."
)
NO_SOURCE = "no firm source: the thresholds are rlx's own"
RULES: tuple[Rule, ...] = (
    Rule(
        "success-falls-as-return-rises",
        "The return rises while success falls",
        "A return that can be raised without succeeding is being gamed.",
        f"Skalse et al. 2022 (Defining and characterizing reward hacking); {NO_SOURCE}",
        _success_falls,
        frozenset({"reward-component-traded"}),
    ),
    Rule(
        "reward-component-traded",
        "One part of the reward was given up for another",
        "Their sum rises, and hides that something that was once earned is now lost; that is how reward hacking begins.",
        NO_SOURCE,
        _traded,
        frozenset(),
    ),
    Rule("reward-component-dominates", "One part of the reward outweighs all others",
         "Components that are small beside one other have no say in what is learned.", NO_SOURCE, _dominates),
    Rule("reward-component-saturated", "Parts of the reward have stopped changing",
         "What no longer changes gives no gradient.", NO_SOURCE, _saturated),
)  # fmt: skip
