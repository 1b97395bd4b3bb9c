"""Serve a folder of exported volumes to Neuroglancer on the same machine: ``python -m auxcpvloss.serve FOLDER``."""

from auxcpvloss.looking.handover.serve import main

if __name__ == "__main__":
    raise SystemExit(main())
