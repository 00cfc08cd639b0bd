# What cloud-init does with a MAAS datasource. Sourced by boot.

. /lib/rackbox/yaml.sh

# setting PATH VALUE: keeps what we know of a cloud-config.
setting() {
  case $1 in
    datasource.MAAS.metadata_url) metadata_url=$2 ;;
    datasource.MAAS.consumer_key) consumer_key=$2 ;;
    datasource.MAAS.token_key) token_key=$2 ;;
    datasource.MAAS.token_secret) token_secret=$2 ;;
    reporting.*.endpoint) report_endpoint=$2 ;;
    reporting.*.consumer_key) report_consumer_key=$2 ;;
    reporting.*.token_key) report_token_key=$2 ;;
    reporting.*.token_secret) report_token_secret=$2 ;;
    power_state.mode) power_mode=$2 ;;
    power_state.delay) power_delay=$2 ;;
    power_state.condition) power_condition=$2 ;;
    power_state.message) power_message=$2 ;;
  esac
}

# run_cloud_config URL: everything from the preseed to the power state.
run_cloud_config() {
  say "cloud-config from $1"
  persist 'cloud-config' fetch_config "$1" /run/rackbox/cloud-config
  set_clock
  yaml /run/rackbox/cloud-config setting 'datasource reporting power_state'
  if [ -z "$metadata_url" ]; then
    say 'the cloud-config names no datasource.MAAS.metadata_url'
    return
  fi

  say "metadata from $metadata_url"
  persist 'instance-id' fetch_metadata meta-data/instance-id /run/rackbox/instance-id
  persist 'local-hostname' fetch_metadata meta-data/local-hostname /run/rackbox/local-hostname
  read -r hostname </run/rackbox/local-hostname
  [ -z "$hostname" ] || echo "$hostname" >/proc/sys/kernel/hostname
  persist 'user-data' optional fetch_metadata user-data /run/rackbox/user-data
  read -r instance </run/rackbox/instance-id
  event finish init-network 'searching for network datasources' SUCCESS
  say "$instance is ${hostname:-nameless}"

  event start modules-final 'running modules for final'
  send_events
  # Scripts look for disks.
  [ -z "$drivers" ] || wait "$drivers"
  start_services
  fetch_the_rest &
  rest=$!
  result=SUCCESS
  run_user_data /run/rackbox/user-data || result=FAIL
  event finish modules-final 'running modules for final' $result
  send_events
  change_power_state
}

# fetch_the_rest: what cloud-init asks for as well and nothing here waits for.
fetch_the_rest() {
  for name in meta-data/public-keys vendor-data; do
    fetch_metadata "$name" "/run/rackbox/${name#meta-data/}" || rm -f "/run/rackbox/${name#meta-data/}"
  done
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
      script='' script_line=''
      yaml "$1" runcmd runcmd
      echo "$script" >/run/rackbox/runcmd
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

# runcmd PATH VALUE: makes $script of runcmd: a string is a line, a list the words of a command.
runcmd() {
  case $1 in
    runcmd.*.*)
      local at=${1#runcmd.} word="'${2//\'/\'\\\'\'}'"
      if [ "${at%%.*}" = "$script_line" ]; then script="$script $word"; else script=$script$newline$word; fi
      script_line=${at%%.*}
      ;;
    runcmd.*) script=$script$newline$2 ;;
  esac
}

# run_logged COMMAND…: its output goes to the log and to both consoles.
run_logged() {
  mkfifo /run/rackbox/output
  tee /var/log/user-data.log /dev/fd/3 </run/rackbox/output >&4 2>/dev/null &
  tee=$!
  "$@" >/run/rackbox/output 2>&1 </dev/null 3>&- 4>&- 5>&-
  status=$?
  # Its last words may still be in the pipe. What it left running may keep the pipe open for ever, so
  # silence is the end as well.
  logged=
  while [ -e /proc/$tee/exe ] && [ "$logged" != "$(stat -c %s /var/log/user-data.log)" ]; do
    logged=$(stat -c %s /var/log/user-data.log)
    usleep 200000
  done
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
  wait $rest $sender
  say 'ready'
  case $power_delay in
    +[0-9]*) say "$power_mode in ${power_delay#+} min"; sleep $((${power_delay#+} * 60)) ;;
  esac
  [ -z "$power_message" ] || say "$power_message"
  exec /lib/rackbox/power "$power_mode"
}
