"""Stable-Baselines3's and sb3-contrib's algorithms as learners: their own code, stepped an iteration at a time."""
