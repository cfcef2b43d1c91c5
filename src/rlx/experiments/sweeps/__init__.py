"""Sweeps: one config tried with many settings, each point over several seeds, each point an experiment."""
