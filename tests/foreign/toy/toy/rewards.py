"""What the toy pays."""

BONUS = 0.0


def reward(skill: float, noise: float) -> float:
    return 10.0 * skill + noise + BONUS


def is_terminated(length: int) -> bool:
    return length >= 20
