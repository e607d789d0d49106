#!/usr/bin/env bash
# Makes images that stand in for those that compose.yaml and the Dockerfile pull, where no registry of images can be reached:
#   node:20-bookworm-slim from Debian's packages and this machine's node and npm, and Triton's from a script that installs it (TRITON_SCRIPT).
# Needs root, docker and debootstrap. Images that exist are left alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node=node:20-bookworm-slim
triton=$(sed -n 's/^ *image: \(nvcr.*\)/\1/p' "$(dirname "$0")/../../compose.yaml")
has() { docker image inspect "$1" > /dev/null 2>&1; }

if ! has "$node" && ! docker pull --quiet "$node"; then
  root=$work/root
  debootstrap --variant=minbase --include=ca-certificates,curl bookworm "$root" http://deb.debian.org/debian > "$work/log" || { tail "$work/log"; exit 1; }
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$root/usr/local/lib/node_modules"
  cp "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
  cp -r "$npm" "$root/usr/local/lib/node_modules/npm"
  for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$root/usr/local/bin/$name"; done
  cp -r /etc/ssl/certs/. "$root/etc/ssl/certs/" # a machine behind a proxy has authorities of its own
  rm -f "$root"/var/cache/apt/archives/*.deb
  authorities=/etc/ssl/certs/ca-certificates.crt
  tar -C "$root" -c . | docker import --change "ENV NODE_EXTRA_CA_CERTS=$authorities PIP_CERT=$authorities" - "$node"
fi

if ! has "$triton" && ! docker pull --quiet "$triton"; then
  : "${TRITON_SCRIPT:?must name a script that installs Triton: SCRIPT install FOLDER}"
  cp "$(dirname "$TRITON_SCRIPT")"/triton* "$work/"
  cat > "$work/tritonserver" << 'SCRIPT'
#!/bin/bash
dir=/opt/triton triton=/opt/triton/pytriton/tritonserver
export LD_LIBRARY_PATH="$dir/nvidia_pytriton.libs:$(cat $dir/libdir)" PATH="$dir/venv/bin:$PATH" VIRTUAL_ENV=$dir/venv PYTHONPATH="$(echo $dir/venv/lib/python3*/site-packages)"
exec $triton/bin/tritonserver --backend-directory=$triton/backends "$@"
SCRIPT
  chmod +x "$work/tritonserver"
  docker build --quiet --tag "$triton" --file - "$work" << DOCKERFILE
FROM $node
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv python3-pip libpython3.11 > /dev/null
COPY triton* /tools/
RUN bash /tools/$(basename "$TRITON_SCRIPT") install /opt/triton && mv /tools/tritonserver /usr/local/bin/
ENTRYPOINT []
DOCKERFILE
fi
