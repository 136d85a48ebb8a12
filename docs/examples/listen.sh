#!/usr/bin/env bash
# Holds the records of a table and prints each change: listen.sh http://127.0.0.1:3000 orders fields=customer
# Needs curl and jq.
set -u

# The server says something every 30 s: a longer silence means that nobody is there.
silence=75

url=$1 table=$2 scope=${3-}
cookies=$(mktemp)
trap 'rm -f "$cookies"' EXIT
declare -A records
position='' failures=0 again=''

get() { curl --silent --show-error --fail-with-body --globoff --no-buffer --cookie "$cookies" "$@"; }

# All records by id, and the position up to which they are known.
read_all() {
  local page id fields
  # Any public page gives a guest's session, kept as a cookie.
  get --cookie-jar "$cookies" --output /dev/null "$url/" || return
  page=$(get "$url/api/tables/$table/records?limit=500&$scope") || refused "$page" || return
  records=()
  while read -r id fields; do
    records[$id]=$fields
  done < <(jq -r '.records[] | "\(.id) \(.fields)"' <<<"$page")
  position=$(jq -r .position <<<"$page")
  echo "read: ${#records[@]} in all"
}

# Says why; there is no use in asking again for what is not there, or cannot be understood.
refused() {
  jq -r .message <<<"$1" >&2
  case $(jq -r .code <<<"$1") in BAD_REQUEST | FORBIDDEN | NOT_FOUND) exit 1 ;; esac
  return 1
}

# Applies one message and prints it.
hear() {
  local type event id fields
  read -r type event id fields < <(
    jq -r '"\(.type) \(.event) \(.record.id // .id // .recordId) \(.record.fields // "")"' <<<"$1"
  )
  case $type-$event in
    change-delete) unset "records[$id]" ;;
    change-*) records[$id]=$fields ;;
    resync-*)
      jq -r '"resync: \(.reason)"' <<<"$1"
      position='' again=yes
      return
      ;;
    *) return ;;
  esac
  echo "$event $id${fields:+ $fields}: ${#records[@]} in all"
}

# What came after the position, then what follows, until the stream ends or means nothing any more.
listen() {
  local stream curl name value
  exec {stream}< <(get "$url/api/tables/$table/subscribe/sse?since=$position&$scope")
  curl=$!
  while read -r -t "$silence" -u "$stream" name value; do
    case $name in
      id:) position=$value ;;
      data:) failures=0 && hear "$value" ;;
    esac
    [ -n "$position" ] || break
  done
  kill "$curl" 2>/dev/null
  exec {stream}<&-
  # 22: the server has refused, perhaps because the session has ended.
  wait "$curl"
  [ $? -ne 22 ] || position=''
}

while true; do
  again=''
  [ -n "$position" ] || read_all
  [ -z "$position" ] || listen
  [ -z "$again" ] || continue
  # Some chance in it, so that not everybody comes back at once.
  wait=$((failures < 5 ? 1000 << failures : 30000))
  wait=$((wait / 2 + RANDOM * wait / 65536))
  sleep "$((wait / 1000)).$(printf %03d $((wait % 1000)))"
  failures=$((failures + 1))
done
