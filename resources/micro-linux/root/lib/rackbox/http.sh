# HTTP with OAuth 1.0 PLAINTEXT, as MAAS wants it of nodes. Sourced by boot.

nonce=0

# authorize CONSUMER_KEY TOKEN_KEY TOKEN_SECRET: sets $authorization; empty without keys.
authorize() {
  authorization=
  [ -n "$1" ] || return 0
  nonce=$((nonce + 1))
  authorization="Authorization: OAuth oauth_version=\"1.0\", oauth_signature_method=\"PLAINTEXT\", oauth_consumer_key=\"$1\", oauth_token=\"$2\", oauth_signature=\"%26$3\", oauth_nonce=\"$EPOCHREALTIME$nonce\", oauth_timestamp=\"$EPOCHSECONDS\""
}

# fetch URL FILE [wget options]: false with the reason in $error.
fetch() {
  url=$1 file=$2 headers=$2.headers
  shift 2
  timeout 30 wget -q -S -O "$file" "$@" "$url" 2>"$headers" && return
  error='no answer'
  while read -r line; do
    case $line in
      'wget: server returned error: '*) error=${line#*error: } ;;
      'wget: '*) error=${line#wget: } ;;
    esac
  done <"$headers"
  return 1
}

# fetch_config URL FILE: fetches and proves that it is cloud-config.
fetch_config() {
  fetch "$1" "$2" || return
  read -r first <"$2"
  case $first in '#cloud-config'*) return ;; esac
  error="the answer does not start with #cloud-config but with '$first'"
  return 1
}

# fetch_metadata PATH FILE: below metadata_url with this node's keys. A clock that is wrong makes the
# server refuse the signature, so the first refusal sets it.
fetch_metadata() {
  authorize "$consumer_key" "$token_key" "$token_secret"
  fetch "${metadata_url%/}/2012-03-01/$1" "$2" ${authorization:+--header "$authorization"} && return
  case $error in
    *' 401 '*) [ -n "$authorization" ] && fetch "$config_url" /run/rackbox/cloud-config && set_clock || return ;;
    *) return 1 ;;
  esac
  authorize "$consumer_key" "$token_key" "$token_secret"
  fetch "${metadata_url%/}/2012-03-01/$1" "$2" --header "$authorization"
}

# optional COMMAND…: the same, but a page that is not there is an empty file, as for cloud-init.
optional() {
  "$@" && return
  case $error in *' 404 '*) : >"$3" ;; *) return 1 ;; esac
}

# persist WHAT COMMAND…: until it works, saying what fails; pauses of 1, 2, 4, 8, 15, 15… seconds.
persist() {
  what=$1 pause=1
  shift
  until "$@"; do
    say "$what: $error; again in $pause s"
    say "  $url"
    sleep $pause
    pause=$((pause * 2))
    [ $pause -le 15 ] || { pause=15; open_shells; }
  done
}

# set_clock: to the Date of the last answer, when it is more than 30 seconds away.
set_clock() {
  while read -r name value; do
    case $name in
      [Dd]ate:)
        now=$(date -u -D '%a, %d %b %Y %H:%M:%S' -d "$value" +%s 2>/dev/null) || return
        off=$((now - EPOCHSECONDS))
        [ $off -gt 30 ] || [ $off -lt -30 ] || return 0
        date -u -s "@$now" >/dev/null && say "clock was off by $off s, set to $value"
        return
        ;;
    esac
  done <"$headers"
}
