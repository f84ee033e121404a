# Redis for conformance_test.sh, and most of valkey.sh: keys and values.
# shellcheck shell=bash disable=SC2034,SC2154  # conformance_test.sh reads and sets these
server_process='^(redis|valkey)-server$'
# With everysec a Redis may answer before it writes, while an fsync takes long: redis_test.sh is about that.
image_lines=('durability: always')
script_suffix=redis
stranger_words='WRONGPASS|NOAUTH'

redis() {  # redis CONTAINER ARGUMENT...; an error is a failure, which redis-cli's exit code does not say
  local answer; login "$1"
  answer=$(REDISCLI_AUTH=$password redis-cli -h "$host" -p "$port" "${@:2}" </dev/null 2>&1) || { echo "$answer" >&2; return 1; }
  [[ ! $answer =~ ^(ERR|NOPERM|NOAUTH|WRONGPASS|LOADING|MISCONF|AUTH\ failed) ]] || { echo "$answer" >&2; return 1; }
  [[ -z $answer ]] || printf '%s\n' "$answer"
}
put() { redis "$1" set "$2" "$3" >/dev/null; }
get() { redis "$1" get "$2"; }
count() { redis "$1" dbsize; }
keys() { redis "$1" keys '*'; }
begin() { :; }
fill() {
  login "$1"
  { echo flushall; for ((i = 1; i <= items; ++i)); do echo "set key$i \"value $i\""; done; } |
    REDISCLI_AUTH=$password redis-cli -h "$host" -p "$port" >/dev/null
}
dump() { login "$1"; REDISCLI_AUTH=$password redis-cli -h "$host" -p "$port" --rdb "$2" >/dev/null 2>&1; }
script() { for ((i = 1; i <= items; ++i)); do echo "set key$i \"value $i\""; done >"$1"; }
broken() { head -c $(($(stat -c %s "$1") / 2)) "$1" >"$2"; }
say() { read -ra words <<<"$2"; redis "$1" "${words[@]}"; }
more() { redis "$1" -n 3 set a b >/dev/null; }
escapes=('config get dir' 'config set dir /tmp' 'config rewrite' 'acl list' 'acl setuser default +@all' 'module list' 'debug sleep 0'
  'replicaof 127.0.0.1 1' save 'shutdown nosave' 'migrate 127.0.0.1 1 a 0 1' "eval return(redis.call('config','get','dir')) 0")
