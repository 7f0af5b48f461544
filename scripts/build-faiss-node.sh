#!/usr/bin/env bash
# Installs faiss-node into DIR/node_modules without the downloads of its own install script (GitHub): its one source
# file is compiled against Debian's FAISS. Does nothing where the result already loads.
#
#   scripts/build-faiss-node.sh DIR
set -euo pipefail

readonly version=0.5.1

main() {
  [ $# -eq 1 ] || fail 'usage: scripts/build-faiss-node.sh DIR'
  mkdir -p "$1"
  cd "$1"
  if loads; then
    echo "faiss-node $version is ready in $PWD"
    return
  fi
  install_libraries
  install_package
  compile
  loads || fail "the compiled faiss-node does not load: $(load_error)"
  echo "faiss-node $version was built in $PWD"
}

fail() {
  echo "build-faiss-node: $1" >&2
  exit 1
}

loads() {
  [ -f node_modules/faiss-node/build/Release/faiss-node.node ] && load >/dev/null 2>&1
}

load() {
  node -e 'new (require("./node_modules/faiss-node").IndexFlatIP)(2).add([3, 4])'
}

load_error() {
  load 2>&1 | grep -m 1 Error || true
}

install_libraries() {
  local missing=()
  [ -f /usr/include/faiss/IndexFlat.h ] || missing+=(libfaiss-dev)
  dpkg -s libopenblas-dev >/dev/null 2>&1 || missing+=(libopenblas-dev)
  command -v g++ >/dev/null || missing+=(g++)
  [ ${#missing[@]} -gt 0 ] || return 0
  apt_install "${missing[@]}" 2>/dev/null && return
  apt-get update -qq || fail 'apt-get update failed (it needs root)'
  apt_install "${missing[@]}" || fail "apt-get install ${missing[*]} failed (it needs root)"
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# A package.json of its own, or npm would install into the nearest parent folder that has one.
install_package() {
  [ -f package.json ] || echo '{ "private": true }' >package.json
  npm install --ignore-scripts --no-audit --no-fund --loglevel=error "faiss-node@$version" node-api-headers ||
    fail "npm install faiss-node@$version failed"
}

# faiss-node is written for FAISS 1.7.4, which moved idx_t out of Index; Debian 12 has 1.7.3.
compile() {
  local output=node_modules/faiss-node/build/Release/faiss-node.node
  mkdir -p "$(dirname "$output")"
  cat >idx-t.h <<'HEADER'
#include <faiss/Index.h>
#if FAISS_VERSION_MAJOR == 1 && FAISS_VERSION_MINOR == 7 && FAISS_VERSION_PATCH < 4
namespace faiss { using idx_t = Index::idx_t; }
#endif
HEADER
  g++ -O3 -shared -fPIC -std=c++17 -fopenmp -w -DNAPI_VERSION=6 -DNAPI_CPP_EXCEPTIONS \
    -Inode_modules/node-api-headers/include -Inode_modules/node-addon-api -include idx-t.h \
    node_modules/faiss-node/src/faiss.cc -lfaiss -lopenblas -o "$output" ||
    fail 'compiling faiss-node failed'
}

main "$@"
