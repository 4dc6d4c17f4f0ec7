"""The one door to a mail host's operating system: run, read, replace, remove."""
