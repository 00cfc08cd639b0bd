# Progress lines, on the screen and on the serial port, whatever console= says. Sourced.
# Opened once: each open and close of a serial port starts it up and waits until it is drained.
command exec 3>/dev/tty1 || exec 3>/dev/null
command exec 4>/dev/ttyS0 || exec 4>/dev/null

# say WORDS: one progress line with the seconds since power-on of the kernel.
say() {
  read -r uptime _ </proc/uptime
  echo "[$uptime] rackbox: $*" >&3
  # A PC without a serial port answers every write with an error.
  echo "[$uptime] rackbox: $*" >&4
} 2>/dev/null
