# Drivers and addresses. Sourced by boot.

# load_drivers CLASS: the kernel modules of all PCI devices whose class begins so (0x02: network), and
# of what they bring along on the virtio bus. Nothing to do for a kernel with everything built in.
load_drivers() {
  [ -d /lib/modules ] || return 0
  set --  "$1" ''
  for device in /sys/bus/pci/devices/*; do
    read -r class <"$device/class"
    case $class in
      "$1"*) read -r alias <"$device/modalias" && set -- "$@" "$alias" ;;
    esac
  done
  shift 2
  [ $# = 0 ] || modprobe -a -q "$@" 2>/dev/null
  set --
  for device in /sys/bus/virtio/devices/*; do
    [ -e "$device/driver" ] || { read -r alias <"$device/modalias" && set -- "$@" "$alias"; }
  done 2>/dev/null
  [ $# = 0 ] || modprobe -a -q "$@" 2>/dev/null
}

# load_other_drivers: disks and the power button: all that is not needed to get an address.
load_other_drivers() {
  load_drivers 0x
  modprobe -a -q sd_mod sr_mod button evdev 2>/dev/null
}

# boot_interfaces MAC: the interface with this address, or all of them when there is none such.
boot_interfaces() {
  interfaces=
  for interface in /sys/class/net/*; do
    read -r type <"$interface/type"
    [ "$type" = 1 ] || continue
    read -r mac <"$interface/address"
    if [ "$mac" = "$1" ]; then
      interfaces=${interface##*/}
      return
    fi
    interfaces="$interfaces ${interface##*/}"
  done
  [ -z "$1" ] || say "no network interface has the boot address $1"
}

# ask_for_lease INTERFACE: becomes udhcpc, as soon as the link is up, or after three seconds: what is
# sent earlier is lost, and the next try is a second later.
ask_for_lease() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    read -r carrier <"/sys/class/net/$1/carrier" && [ "$carrier" = 1 ] && break
    usleep 100000
  done 2>/dev/null
  exec udhcpc -f -i "$1" -s /lib/rackbox/lease -t 10 -T 1 -A 1 >>/var/log/udhcpc.log 2>&1
}

# start_network MAC: DHCP on the boot interface, or on all; returns with the first lease. Each udhcpc
# stays to renew its lease.
start_network() {
  # IPv4 only. Each group that IPv6 joins would also deafen QEMU's e1000 for a second.
  for ipv6 in /proc/sys/net/ipv6/conf/*/disable_ipv6; do
    [ ! -e "$ipv6" ] || echo 1 >"$ipv6"
  done
  load_drivers 0x02
  boot_interfaces "$1"
  while [ -z "$interfaces" ]; do
    say "no network interface found: does micro-linux have a driver for it?"
    open_shells
    sleep 10
    load_drivers 0x
    boot_interfaces "$1"
  done
  ip link set lo up
  mkfifo /run/rackbox/leases
  exec 5<>/run/rackbox/leases
  for interface in $interfaces; do
    ip link set "$interface" up
    ask_for_lease "$interface" &
  done
  say "DHCP on ${interfaces# }"
  # Links need time to come up: time for the other drivers.
  if [ -d /lib/modules ]; then
    load_other_drivers &
    drivers=$!
  fi
  while ! read -r -t 5 interface address server <&5; do
    say "no DHCP answer on ${interfaces# } yet"
    [ "${uptime%.*}" -lt 60 ] || open_shells
  done
  say "$interface has $address from $server"
}
