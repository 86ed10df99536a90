"""`python -m anyplane`: the command line where the script `anyplane` is not on the PATH."""

from anyplane.cli.main import main

if __name__ == "__main__":
    main()
