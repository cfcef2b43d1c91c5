"""What a package can add to rlx: an algorithm, a sink, a rule of diagnosis and a command, one in each module.

Nothing is imported here: rlx imports a module when somebody asks for what it adds, so that the package costs nobody else anything.
"""
