"""A question asked of many trainings: searches for better settings, and what is found confirmed.

Promises: what a search proposes depends on its file and on nothing of the machine; it chooses by validation and never sees a
held-out episode; what it found is judged by held-out episodes of new trainings, beside the config it started from.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
