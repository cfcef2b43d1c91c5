"""How far rlx's intervals and verdicts can be trusted, by simulation: ``python -m benchmarks.calibration``."""
