#!/bin/sh
# Installs Debian's prometheus, node exporter, Alertmanager, PostgreSQL and Chromium where they are missing and this is root;
# starts no service, and makes no database cluster.
# Usage: install-servers.sh [--optional]        --optional: neither PostgreSQL nor Chromium, and never fail (the demo has a stand-in for Prometheus).
set -eu
optional=${1:-}
services="prometheus prometheus-node-exporter prometheus-alertmanager"
packages=$services
commands="prometheus promtool prometheus-node-exporter prometheus-alertmanager"
if [ "$optional" != --optional ]; then
    services="$services postgresql"
    packages="$services chromium"
    commands="$commands initdb chromium"
fi
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
postgres=${POSTGRES_FOLDER:-/usr/lib/postgresql}  # where Debian has initdb, by version, off the path
clusters=${CREATECLUSTER_D:-/etc/postgresql-common/createcluster.d}

missing() {
    for command in $commands; do
        command -v "$command" >/dev/null 2>&1 && continue
        for program in "$postgres"/*/bin/"$command"; do
            [ -x "$program" ] && continue 2
        done
        return 0
    done
    return 1
}

give_up() {
    echo "install-servers: $1" >&2
    [ "$optional" = --optional ] && exit 0
    echo "install-servers: the tests run against real servers and in a real browser: as root, apt install $packages" >&2
    exit 1
}

missing || exit 0
[ "$(id -u)" = 0 ] || give_up "a server or the browser of the tests is not on the path, and only root can install it"
command -v apt-get >/dev/null 2>&1 || give_up "a server or the browser of the tests is not on the path, and there is no apt-get"

# Debian starts a service right after installing it, on ports that may be taken: a policy of 101 forbids that.
ours=
trap 'rm -f $ours' EXIT
trap 'exit 130' INT TERM
if ! [ -e "$policy" ]; then
    ours=$policy
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
# It also makes a database cluster, below /var/lib, with the first installation of PostgreSQL.
if [ "$optional" != --optional ] && mkdir -p "$clusters" 2>/dev/null; then
    ours="$ours $clusters/bandwatch-tests.conf"
    echo 'create_main_cluster = false' >"$clusters/bandwatch-tests.conf"
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq &&
  apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 $packages; } >&2 ||
    give_up "apt-get could not install $packages"
# Nor should a service appear at the next boot.
if command -v systemctl >/dev/null 2>&1; then
    systemctl disable --quiet $services >/dev/null 2>&1 || true
fi
