#!/bin/bash
# Builds micro-linux from Debian packages; see docs/micro-linux.md.
#
#   build.sh kernel            our own kernels from linux-source-6.1 (needs build-essential flex bison bc lz4
#                              libelf-dev; many minutes); "kernel i386" or "kernel amd64" makes one of them
#   build.sh initrd            the initrds, and the amd64 kernel as Debian signed it
#   build.sh all               kernel, then initrd
#   build.sh verify            do the committed files match MANIFEST.json?
#
# Inputs are the package versions recorded in MANIFEST.json; UPDATE=1 takes the newest of the machine's
# apt sources instead. The same inputs give the same bytes. PACKAGES is where packages are kept between
# runs, OUTPUT (default: this directory) where the results go. Status 3: a recorded package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
output=${OUTPUT:-$here}
packages=${PACKAGES:-${XDG_CACHE_HOME:-$HOME/.cache}/rackbox/micro-linux}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1767225600 # 2026-01-01
umask 022

manifest() { node "$here/manifest.mjs" "$@"; }

# apt ARCHITECTURE COMMAND…: with package lists of our own, so that neither root nor a foreign
# architecture in the machine's dpkg is needed.
apt() {
  local root=$packages/apt-$1 architecture=$1
  shift
  mkdir -p "$root/lists/partial" "$root/archives/partial"
  touch "$root/status"
  apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User= \
    -o Dir::State="$root" -o Dir::State::status="$root/status" -o Dir::Cache="$root" -o Dir::Cache::archives="$root/archives" "$@"
}

# package NAME ARCHITECTURE: sets $deb to the package's file, fetched and proved; records it for MANIFEST.json.
package() {
  local name=$1 architecture=$2 version='' sum='' lists=${2/all/amd64}
  [ "${UPDATE:-}" = 1 ] || read -r version sum < <(manifest input "$name" "$architecture") || true
  deb=
  if [ -n "$version" ]; then
    for file in "$packages"/*.deb; do
      [ -e "$file" ] && [[ $(sha256sum <"$file") == "$sum "* ]] && deb=$file
    done
  fi
  if [ -z "$deb" ]; then
    mkdir -p "$packages" "$work/fetch"
    if [ ! -e "$work/updated-$lists" ]; then
      # Sources without this architecture make it fail; a missing package shows below.
      apt "$lists" update >&2 || true
      touch "$work/updated-$lists"
    fi
    (cd "$work/fetch" && apt "$lists" download "$name${version:+=$version}" >&2) || {
      echo "build.sh: cannot get $name${version:+ $version}; UPDATE=1 takes what there is" >&2
      exit 3
    }
    deb=$packages/$(cd "$work/fetch" && echo *.deb)
    mv "$work"/fetch/*.deb "$deb"
  fi
  local found
  found=$(sha256sum <"$deb")
  if [ -n "$sum" ] && [[ $found != "$sum "* ]]; then
    echo "build.sh: $deb is not the $name $version that MANIFEST.json names" >&2
    return 1
  fi
  printf '%s\t%s\t%s\t%s\n' "$name" "$architecture" "$(dpkg-deb -f "$deb" Version)" "${found%% *}" >>"$work/inputs"
}

# tools NAME…: records the versions of programs whose output is part of ours.
tools() {
  for tool in "$@"; do
    printf '%s\t%s\t%s\t-\n' "$tool" "$(dpkg --print-architecture)" "$(dpkg-query -W -f '${Version}' "$tool")" >>"$work/inputs"
  done
}

# archive DIRECTORY FILE: the directory as a cpio archive whose bytes depend on names and contents alone.
archive() {
  find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  (cd "$1" && find . -mindepth 1 -printf '%P\0' | sort -z | cpio --null --create --format=newc --owner=0:0 --reproducible --quiet) >"$2"
}

# root DIRECTORY BUSYBOX: what both initrds have in common.
root() {
  mkdir -p "$1"/{bin,dev,proc,root,run/rackbox,sys,tmp,usr,var/log}
  ln -s bin "$1/sbin"
  ln -s ../bin "$1/usr/bin"
  ln -s ../bin "$1/usr/sbin"
  ln -s ../run "$1/var/run"
  cp -r "$here/root/." "$1/"
  cp "$here/init" "$1/init"
  cp "$2" "$1/bin/busybox"
  # What the kernel and #! lines start by path. The boot links the rest when there is time.
  for applet in sh env init mount umount; do ln -s busybox "$1/bin/$applet"; done
  chmod -R u=rwX,go=rX "$1"
}

# modules PACKAGE-ROOT INITRD-ROOT: the modules that modules.amd64 lists and those they need, with the
# tables modprobe reads. Their signatures stay: nothing is stripped.
modules() {
  local version busybox=$3
  version=$(basename "$1"/lib/modules/*)
  "$busybox" depmod -b "$1" "$version"
  local from=$1/lib/modules/$version to=$2/lib/modules/$version
  while read -r name; do
    local line
    line=$(grep -E "^[^:]*/${name//[-_]/[-_]}\.ko:" "$from/modules.dep") || { echo "build.sh: no module $name" >&2; return 1; }
    for file in ${line/:/ }; do
      mkdir -p "$to/$(dirname "$file")"
      cp "$from/$file" "$to/$file"
    done
  done < <(grep -v '^#' "$here/modules.amd64" | tr ' ' '\n' | grep .)
  "$busybox" depmod -b "$2" "$version"
  rm "$to/modules.symbols"
  for table in dep alias; do sort -o "$to/modules.$table" "$to/modules.$table"; done
}

initrd() {
  package busybox-static i386
  dpkg-deb -x "$deb" "$work/busybox-i386"
  package busybox-static amd64
  dpkg-deb -x "$deb" "$work/busybox-amd64"
  local image
  image=$(manifest input-name 'linux-image-' amd64)
  if [ "${UPDATE:-}" = 1 ] || [ -z "$image" ]; then
    apt amd64 update || true
    package linux-image-amd64 amd64
    image=$(dpkg-deb -f "$deb" Depends | grep -oE 'linux-image-[^ ,]+-amd64' | head -n1)
    sed -i '$d' "$work/inputs"
  fi
  package "$image" amd64
  dpkg-deb -x "$deb" "$work/linux-amd64"

  mkdir -p "$output"/{i386,amd64,amd64-signed}
  for architecture in i386 amd64; do
    root "$work/$architecture" "$work/busybox-$architecture/bin/busybox"
    archive "$work/$architecture" "$output/$architecture/boot-initrd"
  done

  modules "$work/linux-amd64" "$work/amd64" "$work/busybox-amd64/bin/busybox"
  archive "$work/amd64" "$work/amd64.cpio"
  zstd -19 -q -f "$work/amd64.cpio" -o "$output/amd64-signed/boot-initrd"
  cp "$work"/linux-amd64/boot/vmlinuz-* "$output/amd64-signed/boot-kernel"
  chmod 644 "$output"/*/boot-*
  tools cpio zstd
}

# kernel ARCHITECTURE…: tinyconfig, then kernel.config, then the architecture's own settings.
kernel() {
  package linux-source-6.1 all
  dpkg-deb -x "$deb" "$work/source"
  for architecture; do
    local arch=${architecture/amd64/x86_64}
    rm -rf "$work/linux-source-6.1"
    tar -xf "$work"/source/usr/src/linux-source-6.1.tar.xz -C "$work"
    cd "$work/linux-source-6.1"
    make -s ARCH="$arch" tinyconfig
    ./scripts/kconfig/merge_config.sh -m -O . .config "$here/kernel.config" "$here/kernel.$architecture.config" >"$work/merge.log"
    make -s ARCH="$arch" olddefconfig
    # A setting that Kconfig refused is a mistake of ours.
    while read -r setting; do
      grep -qxF "$setting" .config || { echo "build.sh: the $architecture kernel has no $setting" >&2; return 1; }
    done < <(grep -hE '^CONFIG_.*=[^n]' "$here/kernel.config" "$here/kernel.$architecture.config")
    make -s ARCH="$arch" -j"$(nproc)" KBUILD_BUILD_USER=rackbox KBUILD_BUILD_HOST=rackbox KBUILD_BUILD_VERSION=1 \
      KBUILD_BUILD_TIMESTAMP='2026-01-01 00:00:00 UTC' bzImage
    mkdir -p "$output/$architecture"
    cp arch/x86/boot/bzImage "$output/$architecture/boot-kernel"
    cd "$here"
  done
  tools "gcc-$(gcc -dumpversion)" binutils lz4
}

: >"$work/inputs"
case ${1:-} in
  kernel) kernel ${2:-i386 amd64} ;;
  initrd) initrd ;;
  all) kernel i386 amd64 && initrd ;;
  verify) manifest verify "$output" && exit ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
manifest write "$output" "$work/inputs"
