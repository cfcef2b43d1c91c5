"""Reports: facts and verdicts put into words, tables and files."""
