"""PPO on one of two engines: Stable-Baselines3's own, or compiled kernels with the same mathematics."""
