"""rlx as a library: what ``import rlx`` gives to notebooks and scripts.

``rlx.open`` gives a :class:`Project`, its runs give their results as tables, their findings and their policies;
``rlx.compare`` judges runs, or published scores, as `rlx compare` does; ``rlx.train`` and :meth:`Project.make` train, in
processes of their own, and ``rlx.plot`` draws.

Promises: what is read is read by the same functions as the commands read it, under the same checks, so that nothing of a
stranger's project is run by looking at it, and nothing is written that a command which only reads would not write; training
gives the bits that `rlx train` gives; a failure of a known cause is an exception of :mod:`rlx.errors` with the command's words.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
