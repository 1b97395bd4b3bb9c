"""``python -m auxcpvloss``: the command line."""

from auxcpvloss.cli import main

raise SystemExit(main())
