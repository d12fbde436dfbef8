"""`python -m pysid`: the same as the console command."""

from pysid.cli.main import main

if __name__ == "__main__":
    main()
