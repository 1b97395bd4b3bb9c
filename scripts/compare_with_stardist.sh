#!/usr/bin/env bash
# Compare auxcpvloss.metrics with StarDist's matching, in a separate environment with StarDist.
#
#   scripts/compare_with_stardist.sh DATA [ENVIRONMENT]
#
# DATA         folder of labelled volumes: <dataset>/<split>/{images,masks}/<name>.tif
# ENVIRONMENT  folder for the virtual environment, kept and reused;
#              by default a temporary one is created and removed at the end.
#
# Needs python3 with venv and, to create the environment, a package index. StarDist is not a dependency of
# the project: it requires numba and its own numpy, and only this comparison uses it.
set -euo pipefail

if [[ $# -lt 1 || $# -gt 2 || ${1:-} == -* || ${2:-} == -* ]]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
if [[ ! -d $1 ]]; then
    echo "$1: no such folder of labelled volumes." >&2
    exit 2
fi
# Never a virtual environment into a folder of something else.
if [[ -n ${2:-} && -n $(ls -A "$2" 2>/dev/null) && ! -f $2/pyvenv.cfg ]]; then
    echo "$2: not empty, and no virtual environment; name a new folder." >&2
    exit 2
fi
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=$1
environment=${2:-}
if [[ -z $environment ]]; then
    environment=$(mktemp -d)
    trap 'rm -rf "$environment"' EXIT
fi

if [[ ! -x $environment/bin/python ]]; then
    python3 -m venv "$environment"
fi
# Without TensorFlow: stardist.matching needs numpy, scipy, scikit-image, numba and csbdeep alone.
"$environment/bin/pip" install --quiet --disable-pip-version-check stardist==0.9.2

PYTHONPATH=$repository "$environment/bin/python" "$repository/scripts/compare_with_stardist.py" --data "$data"
