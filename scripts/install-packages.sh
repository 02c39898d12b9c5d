#!/bin/sh
# Installs the Debian packages named on the command line that are missing, and says so. Nothing that they bring is started: the
# tests and the demo run their own private daemons. Usage: scripts/install-packages.sh <package>...
set -eu

missing=
for package in "$@"; do
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "These Debian packages are needed, and this machine has no apt-get:$missing" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are needed; run this as root, or: apt-get install$missing" >&2
  exit 1
fi

echo "Installing with apt-get:$missing"
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
made_policy=
clean_up() {
  [ -z "$made_policy" ] || rm -f "$policy"
  rm -f "$log"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
if [ ! -e "$policy" ]; then
  # The documented way to keep a package from starting its service while it is installed.
  made_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi

install() {
  # shellcheck disable=SC2086 # a list of package names
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >"$log" 2>&1
}
# The lists of a fresh machine are empty or old: then they are fetched first.
if ! install && ! { apt-get update -q >"$log" 2>&1 && install; }; then
  cat "$log" >&2
  exit 1
fi
