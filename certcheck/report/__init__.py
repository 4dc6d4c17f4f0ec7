"""REPORT: one run, written for a terminal, for a file or for another program."""
