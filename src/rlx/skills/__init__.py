"""The plugin for programs that write and run code: skills and agents as files, installed in a project and checked for release.

Promises: what is installed is what rlx ships, nothing that a person changed is overwritten unsaid, and nothing is written
through a link. The text grants nothing: every rule that it tells is enforced by the code that it names, and
``python -m rlx.skills.validate`` checks that these commands exist and that one function alone starts a study's trainings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
