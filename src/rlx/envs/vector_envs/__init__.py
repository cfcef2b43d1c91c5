"""Vectorised training environments that hand over arrays: no deep copies, no dictionary per step.

A *source* steps the copies (Gymnasium objects in this process, worker processes, or compiled dynamics);
:class:`rlx.envs.vector_envs.training_env.TrainingEnv` records episodes, checks and normalises what it gives, and is a
Stable-Baselines3 ``VecEnv`` to everyone else.
"""
