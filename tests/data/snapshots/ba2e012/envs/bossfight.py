"""BossFight: read the boss's next attack, dodge it, and punish it while it recovers.

The arena is a line from -1 to 1. The boss walks towards the player, announces one of three attacks, strikes, and then
recovers for a moment, in which hits count double:

=======  =========================  ===================================================================
attack   strikes                    how to escape
=======  =========================  ===================================================================
sweep    everything near the boss   step out of reach
slam     where the player stood     leave the marked spot
wave     the whole arena            roll just before it strikes (rolling cannot be hit, then needs a rest)
=======  =========================  ===================================================================
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

STAY, LEFT, RIGHT, ATTACK, ROLL = range(5)
APPROACH, TELEGRAPH, STRIKE, RECOVER = range(4)
SWEEP, SLAM, WAVE = range(3)
PHASE_STEPS = {APPROACH: (6, 14), TELEGRAPH: (8, 12), STRIKE: (1, 1), RECOVER: (8, 12)}
"""Shortest and longest duration of each phase, in steps."""

PLAYER_SPEED, BOSS_SPEED, ROLL_SPEED = 0.08, 0.035, 0.12
ATTACK_REACH, SWEEP_REACH, SLAM_REACH = 0.3, 0.55, 0.22
ROLL_STEPS, ROLL_REST, ATTACK_REST = 3, 8, 2
PLAYER_HEALTH, BOSS_HEALTH = 4.0, 30.0
HIT, PUNISH = 1.0, 2.0


class BossFight(gym.Env[np.ndarray, np.int64]):
    """A duel; see the module's text for its rules.

    Observation: 17 numbers in [-1, 1]: positions, distance, healths, phase and attack as indicators, time left in the
    phase, the marked spot, and what the player's body is busy with.
    Action: stay, left, right, attack, roll.
    Reward: share of the boss's health taken × 10, share of the player's health lost × -5, and ±5 at the end; the parts
    stand in ``info`` under ``reward_…``. ``info["is_success"]`` tells whether the boss is beaten.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 15}

    def __init__(self, render_mode: str | None = None, boss_health: float = BOSS_HEALTH):
        """Make a duel against a boss that takes ``boss_health`` points of damage."""
        self.render_mode, self._boss_full = render_mode, boss_health
        self.observation_space = spaces.Box(-1.0, 1.0, (17,), np.float32)
        self.action_space = spaces.Discrete(5)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Start a duel with both sides at a random distance."""
        super().reset(seed=seed)
        self._player = float(self.np_random.uniform(-0.9, -0.3))
        self._boss = float(self.np_random.uniform(0.2, 0.9))
        if self.np_random.random() < 0.5:
            self._player, self._boss = -self._player, -self._boss
        self._player_health, self._boss_health = PLAYER_HEALTH, self._boss_full
        self._rolling = self._roll_rest = self._attack_rest = 0
        self._roll_direction, self._struck = 1.0, 0
        self._attack, self._mark = SWEEP, 0.0
        self._enter(APPROACH)
        return self._observe(), {"is_success": False}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Let both sides act for one step."""
        dealt = self._act(int(action))
        taken = self._advance_boss()
        self._boss_health = max(0.0, self._boss_health - dealt)
        self._player_health = max(0.0, self._player_health - taken)
        won, lost = self._boss_health <= 0, self._player_health <= 0
        parts = {
            "reward_damage_dealt": 10.0 * dealt / self._boss_full,
            "reward_damage_taken": -5.0 * taken / PLAYER_HEALTH,
            "reward_outcome": 5.0 * won - 5.0 * (lost and not won),
        }
        return self._observe(), float(sum(parts.values())), won or lost, False, {"is_success": won, **parts}

    def _act(self, action: int) -> float:
        """Move the player; return the damage dealt."""
        self._roll_rest, self._attack_rest = max(0, self._roll_rest - 1), max(0, self._attack_rest - 1)
        if self._rolling:
            self._rolling -= 1
            self._move(ROLL_SPEED * self._roll_direction)
            return 0.0
        if action in (LEFT, RIGHT):
            self._roll_direction = -1.0 if action == LEFT else 1.0
            self._move(PLAYER_SPEED * self._roll_direction)
        elif action == ROLL and self._roll_rest == 0:
            self._rolling, self._roll_rest = ROLL_STEPS, ROLL_STEPS + ROLL_REST
        elif action == ATTACK and self._attack_rest == 0:
            self._attack_rest = ATTACK_REST
            if abs(self._player - self._boss) <= ATTACK_REACH:
                return PUNISH if self._phase == RECOVER else HIT
        return 0.0

    def _move(self, distance: float) -> None:
        self._player = float(np.clip(self._player + distance, -1.0, 1.0))

    def _advance_boss(self) -> float:
        """Let the boss act; return the damage it does."""
        self._struck = max(0, self._struck - 1)
        if self._phase == APPROACH and abs(self._player - self._boss) > 0.15:
            self._boss += BOSS_SPEED * float(np.sign(self._player - self._boss))
        taken = 0.0
        if self._phase == STRIKE and not self._rolling and self._hits():
            taken, self._struck = 1.0, 4
        self._left -= 1
        if self._left <= 0:
            self._enter((self._phase + 1) % 4)
        return taken

    def _hits(self) -> bool:
        if self._attack == SWEEP:
            return abs(self._player - self._boss) <= SWEEP_REACH
        return self._attack == WAVE or abs(self._player - self._mark) <= SLAM_REACH

    def _enter(self, phase: int) -> None:
        self._phase = phase
        shortest, longest = PHASE_STEPS[phase]
        self._left = self._duration = int(self.np_random.integers(shortest, longest + 1))
        if phase == TELEGRAPH:
            self._attack = int(self.np_random.integers(3))
            self._mark = self._player

    def _observe(self) -> np.ndarray:
        warned = self._phase in (TELEGRAPH, STRIKE)
        return np.array(
            [
                self._player,
                self._boss,
                (self._boss - self._player) / 2,
                self._player_health / PLAYER_HEALTH,
                self._boss_health / self._boss_full,
                *(float(self._phase == phase) for phase in range(4)),
                *(float(warned and self._attack == attack) for attack in range(3)),
                self._left / 14,
                (self._mark - self._player) / 2 if warned and self._attack == SLAM else 0.0,
                self._rolling / ROLL_STEPS,
                self._roll_rest / (ROLL_STEPS + ROLL_REST),
                self._attack_rest / ATTACK_REST,
            ],
            dtype=np.float32,
        )

    def render(self) -> np.ndarray | None:
        """Return a picture of the duel, 240 × 480 × 3 bytes (in render_mode "rgb_array")."""
        if self.render_mode != "rgb_array":
            return None
        from PIL import Image, ImageDraw

        width, height, floor = 480, 240, 200
        picture = Image.new("RGB", (width, height), (30, 30, 44))
        draw = ImageDraw.Draw(picture)

        def at(position: float) -> float:
            return width * (position * 0.46 + 0.5)

        draw.rectangle((0, floor, width, height), fill=(58, 52, 64))
        danger = (214, 69, 65) if self._phase == STRIKE else (226, 168, 62)
        if self._phase in (TELEGRAPH, STRIKE):
            spot, reach = {SWEEP: (self._boss, SWEEP_REACH), SLAM: (self._mark, SLAM_REACH), WAVE: (0.0, 1.1)}[self._attack]
            draw.rectangle((at(spot - reach), floor, at(spot + reach), floor + 10), fill=danger)
        boss = {APPROACH: (120, 80, 160), TELEGRAPH: (226, 168, 62), STRIKE: (214, 69, 65), RECOVER: (90, 140, 110)}[self._phase]
        x = at(self._boss)
        draw.rounded_rectangle((x - 30, floor - 92, x + 30, floor), 10, fill=boss)
        draw.ellipse((x - 14, floor - 78, x - 4, floor - 66), fill=(250, 240, 220))
        draw.ellipse((x + 4, floor - 78, x + 14, floor - 66), fill=(250, 240, 220))
        x = at(self._player)
        player = (250, 120, 110) if self._struck else (110, 200, 240)
        if self._rolling:
            draw.ellipse((x - 13, floor - 26, x + 13, floor), fill=player)
        else:
            draw.rounded_rectangle((x - 10, floor - 46, x + 10, floor), 5, fill=player)
        if self._attack_rest == ATTACK_REST:
            side = 1 if self._boss >= self._player else -1
            draw.line((x + 10 * side, floor - 30, x + 44 * side, floor - 36), fill=(255, 255, 255), width=4)
        for top, share, colour in ((14, self._boss_health / self._boss_full, (190, 70, 90)), (30, self._player_health / PLAYER_HEALTH, (90, 180, 220))):
            draw.rectangle((20, top, width - 20, top + 10), fill=(60, 60, 74))
            draw.rectangle((20, top, 20 + (width - 40) * share, top + 10), fill=colour)
        return np.asarray(picture)
