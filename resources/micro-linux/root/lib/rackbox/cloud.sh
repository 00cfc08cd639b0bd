# What cloud-init does with a MAAS datasource. Sourced by boot.

# read_config FILE: the settings we know, as shell variables.
read_config() {
  awk -f /lib/rackbox/yaml.awk "$1" >/run/rackbox/settings
  while IFS='	' read -r key value; do
    case $value in *\\*) value=$(printf '%b' "$value") ;; esac
    case $key in
      datasource.MAAS.metadata_url) metadata_url=$value ;;
      datasource.MAAS.consumer_key) consumer_key=$value ;;
      datasource.MAAS.token_key) token_key=$value ;;
      datasource.MAAS.token_secret) token_secret=$value ;;
      reporting.*.endpoint) report_endpoint=$value ;;
      reporting.*.consumer_key) report_consumer_key=$value ;;
      reporting.*.token_key) report_token_key=$value ;;
      reporting.*.token_secret) report_token_secret=$value ;;
      power_state.mode) power_mode=$value ;;
      power_state.delay) power_delay=$value ;;
      power_state.condition) power_condition=$value ;;
      power_state.message) power_message=$value ;;
    esac
  done </run/rackbox/settings
}

# run_cloud_config URL: everything from the preseed to the power state.
run_cloud_config() {
  say "cloud-config from $1"
  persist 'cloud-config' fetch_config "$1" /run/rackbox/cloud-config
  set_clock
  read_config /run/rackbox/cloud-config
  if [ -z "$metadata_url" ]; then
    say 'the cloud-config names no datasource.MAAS.metadata_url'
    return
  fi

  say "metadata from $metadata_url"
  persist 'instance-id' fetch_metadata meta-data/instance-id /run/rackbox/instance-id
  persist 'local-hostname' fetch_metadata meta-data/local-hostname /run/rackbox/local-hostname
  read -r hostname </run/rackbox/local-hostname
  [ -z "$hostname" ] || echo "$hostname" >/proc/sys/kernel/hostname
  persist 'public-keys' optional fetch_metadata meta-data/public-keys /run/rackbox/public-keys
  persist 'vendor-data' optional fetch_metadata vendor-data /run/rackbox/vendor-data
  persist 'user-data' optional fetch_metadata user-data /run/rackbox/user-data
  read -r instance </run/rackbox/instance-id
  event finish init-network 'searching for network datasources' SUCCESS
  say "$instance is ${hostname:-nameless}"

  event start modules-final 'running modules for final'
  send_events
  # Scripts look for disks.
  wait "$drivers"
  result=SUCCESS
  run_user_data /run/rackbox/user-data || result=FAIL
  event finish modules-final 'running modules for final' $result
  send_events
  change_power_state
}

# run_user_data FILE: as cloud-init would: a script, or cloud-config of which we know runcmd.
run_user_data() {
  first=
  read -r first <"$1"
  case $first in
    '#!'*)
      interpreter=${first#\#!}
      interpreter=${interpreter# }
      if [ ! -x "${interpreter%% *}" ]; then
        say "user-data wants ${interpreter%% *}, which micro-linux does not have"
        return 1
      fi
      chmod 700 "$1"
      set -- "$1"
      ;;
    '#cloud-config'*)
      awk -f /lib/rackbox/yaml.awk "$1" | awk -f /lib/rackbox/runcmd.awk >/run/rackbox/runcmd
      set -- sh /run/rackbox/runcmd
      ;;
    '')
      say 'no user-data'
      return
      ;;
    *)
      say "user-data is neither a script nor cloud-config: '$first'"
      return 1
      ;;
  esac
  say 'user-data starts'
  run_logged "$@"
  status=$?
  say "user-data ended with status $status"
  return $status
}

# run_logged COMMAND…: its output goes to the log and to both consoles. A process that it leaves behind
# may keep the pipe open: then we wait half a second for the last words, not for ever.
run_logged() {
  mkfifo /run/rackbox/output
  tee /var/log/user-data.log /dev/fd/3 </run/rackbox/output >&4 2>/dev/null &
  tee=$!
  "$@" >/run/rackbox/output 2>&1 </dev/null 3>&- 4>&- 5>&-
  status=$?
  { usleep 500000 && kill $tee; } 2>/dev/null &
  wait $tee
  rm /run/rackbox/output
  return $status
}

# change_power_state: power_state of the cloud-config, when its condition holds. Its timeout is how long
# cloud-init may still run after it; here nothing does.
change_power_state() {
  case $power_mode in poweroff | reboot | halt) ;; *) return 0 ;; esac
  case ${power_condition:-true} in
    true | True) ;;
    false | False) return 0 ;;
    *) sh -c "$power_condition" >/dev/null 2>&1 || { say "staying up: $power_condition"; return 0; } ;;
  esac
  [ -z "$sender" ] || wait "$sender"
  say 'ready'
  case $power_delay in
    +[0-9]*) say "$power_mode in ${power_delay#+} min"; sleep $((${power_delay#+} * 60)) ;;
  esac
  [ -z "$power_message" ] || say "$power_message"
  exec /lib/rackbox/power "$power_mode"
}
