"""Run an experiment: see ``python run_auxcpvloss.py --help``."""

from auxcpvloss.__main__ import main

if __name__ == "__main__":
    raise SystemExit(main())
