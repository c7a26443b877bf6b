#!/usr/bin/env bash
# The official Python SDKs against a running gateway: makes a virtual environment once per version of the requirements,
# then runs pytest. The last line is `N passed, N failed`. Needs python3 with venv, and pip's index the first time.
#
#   gateway/test/python/run.sh [pytest arguments]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${DRAGOMAN_PYTHON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dragoman}
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
digest=$(sha256sum "$here/requirements.txt" | cut -c1-12)
environment=$cache/python-$version-$digest

if [ ! -e "$environment/complete" ]; then
  # Made beside and moved: two runs at once, or one that was cut off, leave no half of an environment.
  rm -rf "$environment.$$"
  mkdir -p "$cache"
  python3 -m venv "$environment.$$"
  "$environment.$$/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  touch "$environment.$$/complete"
  rm -rf "$environment"
  mv "$environment.$$" "$environment"
fi

# By its python and not by the scripts beside it: those have the path in them that the folder was made under.
export PYTHONDONTWRITEBYTECODE=1
exec "$environment/bin/python" -m pytest -p no:cacheprovider --quiet "$here" "$@"
