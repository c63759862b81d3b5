#!/bin/sh
# Builds the other servers that `make test-backends` tests against, with Go, into a cache outside the checkout.
# Usage: install-backends.sh [--cached] [MODULES]
#   --cached: build nothing; the exit status says whether all are there.
#   MODULES: a list of other programs, such as tests/deploy/modules.txt.
set -eu
cd "$(dirname "$0")/.."
cached=
if [ "${1:-}" = --cached ]; then
    cached=yes
    shift
fi
modules=${1:-tests/backends/modules.txt}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bandwatch/backends
go=$(command -v go || echo /usr/local/go/bin/go)

# NAME@VERSION of the program that a module path ends in, but for /v5; its folder in the cache has this name.
release() {
    echo "$1" | sed 's:/v[0-9]*@:@:; s:.*/::'
}

missing=
while read -r module; do
    folder=$cache/$(release "$module")
    name=$(release "$module")
    name=${name%@*}
    [ -x "$folder/$name" ] || missing="$missing $module"
done <"$modules"
[ -n "$missing" ] || exit 0
[ -z "$cached" ] || exit 1

if ! "$go" version >/dev/null 2>&1; then
    echo "install-backends: no Go is installed, so these are not built, and their tests are skipped:$missing" >&2
    exit 0
fi
for module in $missing; do
    echo "install-backends: building $module (some minutes, once)" >&2
    # Into a folder of its own first, so that what was interrupted is not taken for a program.
    mkdir -p "$cache"
    building=$(mktemp -d "$cache/building.XXXXXX")
    trap 'rm -rf "$building"' EXIT
    trap 'exit 130' INT TERM
    # Without the parts of Prometheus that look for targets in clouds, which take most of the time to build.
    CGO_ENABLED=0 GOBIN=$building "$go" install -tags remove_all_sd -ldflags=-s "$module" || {
        echo "install-backends: Go could not build $module: its reason is above" >&2
        exit 1
    }
    rm -rf "${cache:?}/$(release "$module")"
    mv "$building" "$cache/$(release "$module")"
done
