#!/bin/sh
# Installs Debian's prometheus, node exporter, Alertmanager and Chromium where they are missing and this is root; starts no service.
# Usage: install-servers.sh [--optional]        --optional: no Chromium, and never fail (the demo has a stand-in for Prometheus).
set -eu
optional=${1:-}
services="prometheus prometheus-node-exporter prometheus-alertmanager"
packages=$services
commands="prometheus promtool prometheus-node-exporter prometheus-alertmanager"
if [ "$optional" != --optional ]; then
    packages="$packages chromium"
    commands="$commands chromium"
fi
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}

missing() {
    for command in $commands; do
        command -v "$command" >/dev/null 2>&1 || return 0
    done
    return 1
}

give_up() {
    echo "install-servers: $1" >&2
    [ "$optional" = --optional ] && exit 0
    echo "install-servers: the tests run against the real Prometheus and in a real browser: as root, apt install $packages" >&2
    exit 1
}

missing || exit 0
[ "$(id -u)" = 0 ] || give_up "a server or the browser of the tests is not on the path, and only root can install it"
command -v apt-get >/dev/null 2>&1 || give_up "a server or the browser of the tests is not on the path, and there is no apt-get"

# Debian starts a service right after installing it, on ports that may be taken: a policy of 101 forbids that.
if ! [ -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq &&
  apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 $packages; } >&2 ||
    give_up "apt-get could not install $packages"
# Nor should a service appear at the next boot.
if command -v systemctl >/dev/null 2>&1; then
    systemctl disable --quiet $services >/dev/null 2>&1 || true
fi
