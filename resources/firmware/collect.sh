#!/bin/sh
# Takes boot loaders, option ROMs and BIOSes out of Debian packages into this folder, with their licence
# texts, and records in MANIFEST.json where each file came from and its SHA-256.
#
#   ./collect.sh              from the packages that apt would install (nothing is installed)
#   ./collect.sh --installed  from the packages installed on this machine
#
# Needs apt-get, dpkg-deb, dpkg-query and sha256sum: Debian 12 or a container of it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# package, path inside it; the file keeps its name
files='
ipxe usr/lib/ipxe/undionly.kpxe
ipxe usr/lib/ipxe/ipxe.efi
ipxe-qemu usr/lib/ipxe/qemu/pxe-ne2k_pci.rom
ipxe-qemu usr/lib/ipxe/qemu/pxe-e1000.rom
ipxe-qemu usr/lib/ipxe/qemu/pxe-virtio.rom
ipxe-qemu usr/lib/ipxe/qemu/efi-e1000.rom
ipxe-qemu usr/lib/ipxe/qemu/efi-virtio.rom
seabios usr/share/seabios/bios-256k.bin
seabios usr/share/seabios/vgabios-stdvga.bin
pxelinux usr/lib/PXELINUX/lpxelinux.0
pxelinux usr/lib/PXELINUX/pxelinux.0
syslinux-common usr/lib/syslinux/modules/bios/ldlinux.c32
syslinux-common usr/lib/syslinux/modules/bios/libcom32.c32
syslinux-common usr/lib/syslinux/modules/bios/libutil.c32
syslinux-common usr/lib/syslinux/modules/bios/chain.c32
syslinux-common usr/lib/syslinux/modules/bios/ifcpu64.c32
syslinux-common usr/lib/syslinux/modules/bios/reboot.c32
syslinux-common usr/lib/syslinux/modules/bios/poweroff.c32
shim-signed usr/lib/shim/shimx64.efi.signed
shim-helpers-amd64-signed usr/lib/shim/mmx64.efi.signed
grub-efi-amd64-signed usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed
'
# The licences that Debian's copyright files name without repeating their text.
common='GPL-2 GPL-3 LGPL-2 LGPL-2.1 LGPL-3'

packages=$(printf '%s' "$files" | awk 'NF { print $1 }' | sort -u)
if [ "${1:-}" = --installed ]; then
  tree_of() { echo /; }
  field() { dpkg-query -W -f="\${$2}" "$1"; }
else
  # shellcheck disable=SC2086
  (cd "$work" && apt-get download -qq $packages base-files)
  for deb in "$work"/*.deb; do
    dpkg-deb -x "$deb" "$work/$(dpkg-deb -f "$deb" Package)"
  done
  tree_of() { echo "$work/$1"; }
  field() { dpkg-deb --show --showformat="\${$2}" "$work/$1"_*.deb; }
fi

mkdir -p "$here/licences"
for package in $packages; do
  cp "$(tree_of "$package")/usr/share/doc/$package/copyright" "$here/licences/$package.txt"
done
for name in $common; do
  cp -L "$(tree_of base-files)/usr/share/common-licenses/$name" "$here/licences/$name.txt"
done
chmod 644 "$here"/licences/*

manifest=$work/manifest
printf '%s' "$files" | while read -r package path; do
  [ -n "$package" ] || continue
  name=$(basename "$path")
  cp -L "$(tree_of "$package")/$path" "$here/$name"
  chmod 644 "$here/$name"
  sum=$(sha256sum "$here/$name" | cut -d' ' -f1)
  printf '%s  {\n    "file": "%s",\n    "sizeBytes": %s,\n    "sha256": "%s",\n' \
    "${separator:-}" "$name" "$(wc -c <"$here/$name")" "$sum"
  printf '    "package": "%s",\n    "version": "%s",\n' "$package" "$(field "$package" Version)"
  printf '    "source": "%s",\n    "sourceVersion": "%s",\n' \
    "$(field "$package" source:Package)" "$(field "$package" source:Version)"
  printf '    "path": "/%s",\n    "licence": "licences/%s.txt"\n  }' "$path" "$package"
  separator=',
'
done >"$manifest"
printf '[\n%s\n]\n' "$(cat "$manifest")" >"$here/MANIFEST.json"
