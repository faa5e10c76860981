"""`python -m steward_server`: the command line."""

from steward_server.cli import main

if __name__ == "__main__":
    main()
