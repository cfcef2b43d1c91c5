"""Where work runs: executors (this machine, Slurm, Ray), worker processes, signals, progress, Git and DVC as programs.

Promises: a worker that dies, hangs or fails is told apart and named; what was started on this machine ends when its starter does,
and jobs of a cluster are found again; nothing here knows what the work is.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
