#!/bin/sh
# Install the Debian packages of a list (requirements/debian.txt) that are missing, in one apt call.
set -eu
list=$(grep -v '^#' "${1:-$(dirname "$0")/../requirements/debian.txt}")
missing=""
for wanted in $list; do
    name=${wanted%%=*}
    state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $wanted"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "Debian packages are missing. Run this as root, then again what you did:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086 # one word a package
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
