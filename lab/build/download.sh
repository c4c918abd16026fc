#!/usr/bin/env bash
# download.sh FOLDER: the Debian packages that the guest is made of, in FOLDER/debs; its kernel release in FOLDER/release.
# Kernel versions vanish from the archive over time, so the newest 6.12 of which everything is there is taken.
set -euo pipefail
folder=$1
flavour=cloud-arm64
mkdir -p "$folder"/lists/partial "$folder"/debs
# Package lists of our own, fresh and of both architectures: the host's package management is left alone.
apt=("-oDir::State::Lists=$folder/lists" -oDir::Cache::pkgcache= -oDir::Cache::srcpkgcache=
  -oAPT::Architecture=amd64 -oAPT::Architectures::=amd64 -oAPT::Architectures::=arm64)
apt-get -qq "${apt[@]}" update

sources=$(apt-cache "${apt[@]}" madison linux-source-6.12 | awk '{print $3}')
packages=$(apt-cache "${apt[@]}" pkgnames linux-)
release=
for candidate in $(sed -nE "s/^linux-headers-(6\.12\.[0-9]+\+deb12)-$flavour\$/\1/p" <<<"$packages" | sort -ruV); do
  version=$(apt-cache "${apt[@]}" show "linux-headers-$candidate-$flavour:arm64" | sed -n 's/^Version: //p' | sed -n 1p)
  if grep -qxF "$version" <<<"$sources" && grep -qxF "linux-image-$candidate-$flavour" <<<"$packages"; then
    release=$candidate
    break
  fi
done
if [ -z "$release" ]; then
  echo "the Debian archive has no Linux 6.12 with image, headers and source of one version for Debian 12;" \
    "are bookworm and bookworm-security in the sources of apt?" >&2
  exit 1
fi
echo "$release-$flavour" >"$folder/release"

cd "$folder/debs"
apt-get -qq "${apt[@]}" download "linux-image-$release-$flavour:arm64=$version" \
  "linux-headers-$release-$flavour:arm64=$version" "linux-headers-$release-common=$version" \
  "linux-source-6.12=$version" "linux-kbuild-$release:amd64=$version" busybox-static:arm64
rm -r "$folder/lists"
