"""`python -m certcheck` and the command `certcheck`."""

from certcheck.cli.app import main

if __name__ == "__main__":
    main()
