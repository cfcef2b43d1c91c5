"""How files are read and written: whole or not at all, bounded, inside the project, with the command that brings back a damaged one."""
