"""What to try: settings that differ from the run's, with the reason, the expected effect and the cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from rlx.config import RunConfig, Schedule
from rlx.diagnosis.finding import Suggestion
from rlx.diagnosis.signals import LARGE_TARGETS, Signals

USUAL_RATE = 0.0003
USUAL_CLIP = 0.2
USUAL_GAMMA = 0.99
USUAL_BONUS = 0.01
LARGE_BONUS = 0.05
FEWEST_SAMPLES, MOST_SAMPLES = 256, 2048


def attempt(signals: Signals, overrides: Mapping[str, Any], reason: str, effect: str) -> Suggestion:
    """Return a suggestion; its cost is the run's own, unless it changes the budget or the seeds."""
    config = signals.config
    steps = int(overrides.get("algo.total_timesteps", config.algo.total_timesteps))
    return Suggestion(dict(overrides), reason, effect, steps * int(overrides.get("num_seeds", config.num_seeds)))


def rate(config: RunConfig) -> float:
    """Return the learning rate at the start."""
    return _start(config.algo.setting("learning_rate"))


def _start(found: Any) -> float:
    return found.start if isinstance(found, Schedule) else float(found)


def _rounded(value: float) -> float:
    return float(f"{value:.1g}")


def _is_constant(config: RunConfig) -> bool:
    return not isinstance(config.algo.setting("learning_rate"), Schedule)


def _clip(config: RunConfig) -> float:
    return _start(config.algo.setting("clip_range"))


def smaller_policy_steps(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that changes too fast."""
    config, found = signals.config, []
    effect = "approx_kl falls below 0.02, and the return rises without falling back."
    if rate(config) > 3 * USUAL_RATE:
        smaller = USUAL_RATE
        found.append(attempt(signals, {"algo.learning_rate": smaller}, f"The learning rate {rate(config):g} is {rate(config) / USUAL_RATE:,.0f} times the usual {USUAL_RATE:g}.", effect))  # fmt: skip
    if _clip(config) > 0.4:
        found.append(attempt(signals, {"algo.clip_range": USUAL_CLIP}, f"The clip range {_clip(config):g} hardly holds the policy.", effect))  # fmt: skip
    if signals.algo.target_kl is None:
        found.append(attempt(signals, {"algo.target_kl": 0.02}, "It ends an update's passes when the policy has moved far enough.", effect))  # fmt: skip
    if rate(config) <= 3 * USUAL_RATE:
        smaller = _rounded(rate(config) / 3)
        found.append(attempt(signals, {"algo.learning_rate": smaller}, "Smaller steps change the policy less.", effect))
    if signals.algo.update_epochs > 10:
        found.append(attempt(signals, {"algo.update_epochs": 10}, f"{signals.algo.update_epochs} passes over each rollout move the policy far from the data.", effect))  # fmt: skip
    return tuple(found)


def larger_policy_steps(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that does not move."""
    config, found = signals.config, []
    effect = "approx_kl rises to about 0.005-0.02, and the return begins to move."
    if rate(config) < USUAL_RATE / 2:
        found.append(attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The learning rate {rate(config):g} is 1/{USUAL_RATE / max(rate(config), 1e-12):,.0f} of the usual {USUAL_RATE:g}.", effect))  # fmt: skip
    if _clip(config) < 0.05:
        found.append(attempt(signals, {"algo.clip_range": USUAL_CLIP}, f"The clip range {_clip(config):g} allows almost no change.", effect))  # fmt: skip
    if signals.algo.target_kl is not None and signals.algo.target_kl < 0.003:
        found.append(attempt(signals, {"algo.target_kl": 0.02}, f"target_kl {signals.algo.target_kl:g} ends every update at once.", effect))  # fmt: skip
    if signals.algo.max_grad_norm < 0.05:
        found.append(attempt(signals, {"algo.max_grad_norm": 0.5}, "Gradients are clipped to almost nothing.", effect))
    if not config.env.normalize_reward and not found:
        found += scale_rewards(signals)
    if not found:
        larger = _rounded(min(3 * rate(config), 0.003))
        found.append(attempt(signals, {"algo.learning_rate": larger}, "Larger steps move the policy more.", effect))
    return tuple(found)


def settle_down(signals: Signals) -> tuple[Suggestion, ...]:
    """For a return that swings or falls late in training."""
    config, found = signals.config, []
    effect = "Late updates become small, so that the final policy keeps what was found."
    if not signals.has("learning_rate"):
        return ()
    start = min(rate(config), 0.001)
    if _is_constant(config) or rate(config) > start:
        found.append(attempt(signals, {"algo.learning_rate": f"lin_{start:g}"}, "A learning rate that falls to 0 lets training settle.", effect))  # fmt: skip
    if signals.has("target_kl") and signals.algo.target_kl is None:
        found.append(
            attempt(signals, {"algo.target_kl": 0.02}, "It ends an update's passes before the policy jumps.", effect)
        )
    found.append(attempt(signals, {"algo.learning_rate": _rounded(start / 3)}, "Smaller steps swing less.", effect))
    return tuple(found)


def keep_exploring(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that became certain too soon."""
    config, found = signals.config, []
    effect = "Entropy falls slowly instead of at once, and the policy goes on trying."
    if rate(config) > 3 * USUAL_RATE:
        found.append(
            attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The learning rate {rate(config):g} is high.", effect)
        )
    if signals.algo.entropy_coef < USUAL_BONUS:
        found.append(
            attempt(signals, {"algo.entropy_coef": USUAL_BONUS}, "An entropy bonus pays for staying open.", effect)
        )
    if signals.algo.target_kl is None:
        found.append(
            attempt(signals, {"algo.target_kl": 0.02}, "It keeps single updates from deciding everything.", effect)
        )
    return tuple(found)


def explore_further(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that found nothing better than doing nothing."""
    found = []
    effect = "Some episodes meet the goal, and the return leaves that of doing nothing."
    if signals.has("use_sde", "sde_sample_freq") and not signals.algo.use_sde:
        found.append(
            attempt(
                signals,
                {"algo.use_sde": True, "algo.sde_sample_freq": 16},
                "Noise that pushes the same way for several steps goes further than noise that changes at every step.",
                effect,
            )
        )
    found += scale_observations(signals)
    found += longer(signals, 3)
    return tuple(found)


def less_bonus(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that stays random, or becomes noisier."""
    bonus = signals.algo.entropy_coef
    if bonus <= 0:
        return ()
    smaller = 0.0 if bonus <= USUAL_BONUS or bonus >= LARGE_BONUS else USUAL_BONUS
    effect = "Entropy falls as the policy learns to prefer some actions."
    return (
        attempt(
            signals,
            {"algo.entropy_coef": smaller},
            f"The entropy bonus ({bonus:g}) outweighs the task's reward.",
            effect,
        ),
    )


def train_the_value(signals: Signals) -> tuple[Suggestion, ...]:
    """For a value function that nothing trains."""
    effect = "Explained variance rises towards 1, and advantages become less noisy."
    return (attempt(signals, {"algo.value_coef": 0.5}, "0.5 is what everybody uses.", effect),)


def scale_rewards(signals: Signals) -> tuple[Suggestion, ...]:
    """For rewards that are out of scale."""
    if signals.config.env.normalize_reward:
        return ()
    effect = "Value targets come to about 1 to 10, explained variance rises; scores stay in original units."
    reason = "It divides rewards by the running deviation of the discounted return."
    return (attempt(signals, {"env.normalize_reward": True}, reason, effect),)


def help_the_value(signals: Signals) -> tuple[Suggestion, ...]:
    """For a value function that does not learn."""
    found = [*scale_rewards(signals), *scale_observations(signals)]
    if signals.algo.value_coef < 0.25:
        found.insert(0, train_the_value(signals)[0])
    return tuple(found)


def scale_observations(signals: Signals) -> tuple[Suggestion, ...]:
    """For observations whose elements are of different sizes."""
    task = signals.task
    if signals.config.env.normalize_observation or task is None or not task.observation_size_D:
        return ()
    effect = "The network sees every element alike; the first updates learn more."
    reason = "It scales every element of the observation to mean 0 and variance 1."
    return (attempt(signals, {"env.normalize_observation": True}, reason, effect),)


def leave_the_floor(signals: Signals) -> tuple[Suggestion, ...]:
    """For a run that learned nothing, where no cause was found in it."""
    bonus = signals.algo.entropy_coef if signals.has("entropy_coef") and signals.record.family == "on-policy" else None
    found = [*less_bonus(signals)] if bonus is not None and bonus >= LARGE_BONUS else []
    if np.nanmedian(signals.target_size_S[1]) > LARGE_TARGETS:
        found += scale_rewards(signals)
    found += scale_observations(signals)
    random_SW = signals.relative_entropy_SW  # where it is high, the policy tries at random already
    certain = random_SW is not None and bool(np.nanmedian(signals.late(random_SW)) < 0.8)
    if bonus is not None and bonus < USUAL_BONUS and certain:
        found.append(attempt(signals, {"algo.entropy_coef": USUAL_BONUS}, "Rare rewards are found by trying longer at random.", "Entropy falls later, and the first rewards are met."))  # fmt: skip
    found += longer(signals, 3)
    return tuple(found)


def longer(signals: Signals, factor: int = 2) -> tuple[Suggestion, ...]:
    """For a run that was still learning; ``factor`` times its budget."""
    steps = factor * signals.config.algo.total_timesteps
    effect = "If the return rises on, the old budget was what held it back."
    return (
        attempt(
            signals,
            {"algo.total_timesteps": steps},
            "Twice the budget." if factor == 2 else f"{factor} times the budget.",
            effect,
        ),
    )


def shorter(signals: Signals, step: int) -> tuple[Suggestion, ...]:
    """For a run that was flat from ``step`` on."""
    total = signals.config.algo.total_timesteps
    digits = max(0, int(math.log10(max(step, 1))) - 1)
    wanted = min(total, math.ceil(1.3 * step / 10**digits) * 10**digits)
    iteration = signals.config.algo.iteration(signals.config.env.num_envs)
    if wanted > 0.8 * total or wanted < iteration or wanted < signals.config.eval.every:
        return ()
    effect = "The same return for less; check it with `rlx compare`."
    return (attempt(signals, {"algo.total_timesteps": wanted}, "The return does not change after that.", effect),)


def more_seeds(signals: Signals) -> tuple[Suggestion, ...]:
    """For a run whose seeds are few, or differ."""
    seeds = min(1000, max(10, 2 * signals.config.num_seeds))
    if seeds <= signals.config.num_seeds:
        return ()
    effect = "The share of seeds that fail, and the interval, become known well enough to judge."
    return (attempt(signals, {"num_seeds": seeds}, f"{signals.config.num_seeds} seeds tell little of what the next one does.", effect),)  # fmt: skip


def larger_rollouts(signals: Signals) -> tuple[Suggestion, ...]:
    """For updates that see very few samples."""
    config = signals.config
    copies = config.env.num_envs
    samples = min(MOST_SAMPLES, max(FEWEST_SAMPLES, 2 ** int(math.log2(config.algo.total_timesteps / 100))))
    steps = -(-samples // (copies * 64)) * 64  # whole minibatches of 64, whatever the number of copies
    if steps * copies > config.algo.total_timesteps or steps <= signals.algo.rollout_steps:
        return ()
    overrides: dict[str, Any] = {"algo.rollout_steps": steps}
    if signals.algo.batch_size != 64:
        overrides["algo.batch_size"] = 64
    updates = config.algo.total_timesteps // (steps * copies)
    effect = "Updates become fewer and steadier; explained variance rises."
    return (
        attempt(
            signals,
            overrides,
            f"{steps * copies:,} samples per update leave {updates:,} updates in the budget.",
            effect,
        ),
    )


def more_updates(signals: Signals) -> tuple[Suggestion, ...]:
    """For a budget of very few updates."""
    config = signals.config
    steps = max(32, 2 ** int(math.log2(max(32, config.algo.total_timesteps / (50 * config.env.num_envs)))))
    if steps >= signals.algo.rollout_steps or steps * config.env.num_envs % signals.algo.batch_size:
        return longer(signals, 5)
    return (attempt(signals, {"algo.rollout_steps": steps}, "Shorter rollouts give more updates for the same steps.", "The policy is updated often enough to learn."),)  # fmt: skip


def look_further(signals: Signals) -> tuple[Suggestion, ...]:
    """For a discount that sees only a few steps."""
    effect = "Rewards up to about 100 steps ahead count; the return rises further."
    return (attempt(signals, {"algo.gamma": USUAL_GAMMA}, "0.99 is what most tasks are solved with.", effect),)


def evaluate_as_trained(signals: Signals) -> tuple[Suggestion, ...]:
    """For a policy that plays worse in evaluation: keep the normaliser's statistics in the checkpoint."""
    env = signals.config.env
    names = [next(iter(item)) if isinstance(item, dict) else str(item) for item in env.wrappers]
    normalizers = [name for name in names if "norm" in name.lower()]
    if not normalizers:
        return ()
    kept = [item for item, name in zip(env.wrappers, names, strict=True) if name not in normalizers]
    reason = f"What {', '.join(normalizers)} learns of the observations' scale is lost in evaluation; rlx's own normaliser travels in the checkpoint."
    effect = "Held-out returns come up to those of training."
    return (attempt(signals, {"env.wrappers": kept, "env.normalize_observation": True}, reason, effect),)


def tame(signals: Signals) -> tuple[Suggestion, ...]:
    """For training that diverged to NaN or infinity."""
    config, found = signals.config, []
    effect = "Training stays finite to its end."
    if not signals.has("learning_rate"):
        return scale_rewards(signals)
    if rate(config) > USUAL_RATE:
        found.append(
            attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The learning rate {rate(config):g} is high.", effect)
        )
    found += scale_rewards(signals)
    if signals.has("max_grad_norm") and signals.algo.max_grad_norm > 1:
        found.append(attempt(signals, {"algo.max_grad_norm": 0.5}, "Gradients are hardly clipped.", effect))
    if not found:
        found.append(
            attempt(signals, {"algo.learning_rate": _rounded(rate(config) / 3)}, "Smaller steps diverge less.", effect)
        )
    return tuple(found)


def in_order(offered: Iterable[Suggestion]) -> tuple[Suggestion, ...]:
    """Return suggestions each once; one that sets a key otherwise than an earlier one does is left out."""
    kept: list[Suggestion] = []
    chosen: dict[str, Any] = {}
    for suggestion in offered:
        clash = any(key in chosen and chosen[key] != value for key, value in suggestion.overrides.items())
        if clash or any(dict(suggestion.overrides) == dict(earlier.overrides) for earlier in kept):
            continue
        kept.append(suggestion)
        chosen |= suggestion.overrides
    return tuple(kept)
