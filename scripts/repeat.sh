#!/usr/bin/env bash
# Repeat an experiment from its provenance.json in a new folder, and compare weights and scores.
#
#   scripts/repeat.sh EXPERIMENT [NEW_ROOT] [--strict]
#
# Runs with .venv/bin/python of the checkout, else python on the PATH; REPEAT_PYTHON names another.
# --help has the rest. docs/repeating.md
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${REPEAT_PYTHON:-}
if [[ -z $python && -x $repository/.venv/bin/python ]]; then
    python=$repository/.venv/bin/python
fi
python=$(command -v "${python:-python}") || {
    echo "No Python: make .venv in $repository (README), activate an environment, or set REPEAT_PYTHON." >&2
    exit 2
}
# Also for the commands that it runs.
export PYTHONPATH=$repository${PYTHONPATH:+:$PYTHONPATH}
exec "$python" -m auxcpvloss.repeat "$@"
