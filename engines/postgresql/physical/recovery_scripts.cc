#include "engines/postgresql/physical/recovery_scripts.h"

namespace spawnd::engines::postgresql {

const char* const kTidyScript = R"sh(
set -eu
cd "$1"
at=$2
# A tar archive of the folder, and not of what is in it.
inner=$(find . -maxdepth 8 -path '*/global/pg_control' | head -n 1); inner=${inner#./}; inner=${inner%/global/pg_control}
if [ ! -e PG_VERSION ] && [ -n "$inner" ] && [ -d "$inner/global" ]; then
  find "$inner" -mindepth 1 -maxdepth 1 -exec mv -t . -- {} +
  rmdir -p --ignore-fail-on-non-empty -- "$inner"
fi
for file in PG_VERSION global/pg_control; do
  [ -f "$file" ] || { echo "it has no $file"; exit 1; }
done
if [ -s tablespace_map ]; then
  while read -r oid path; do
    [ -d "pg_tblspc/$oid" ] || { echo "tablespace $oid ($path) is missing: name the folder that has $oid.tar"; exit 1; }
  done <tablespace_map
fi
for link in pg_tblspc/*; do
  if [ -L "$link" ]; then echo "tablespace ${link#pg_tblspc/} is a link to another folder"; exit 1; fi
  [ -d "$link" ] || continue
  mkdir -p tablespaces
  mv "$link" tablespaces/
  ln -s "$1/tablespaces/${link#pg_tblspc/}" "$link"
done
# The keys of segments: their names without the timeline.
keys() { ls "$1" | sed -n 's/^[0-9A-F]\{8\}\([0-9A-F]\{16\}\)$/\1/p' | sort -u; }
mkdir -p pg_wal
newest=
for logs in spawnd_wal barman_wal; do
  [ -d "$logs" ] || continue
  newest=$(printf '%s\n%s\n' "$newest" "$(keys "$logs" | tail -n 1)" | sort | tail -n 1)
  find "$logs" -type f -exec mv -f -t pg_wal -- {} +
  rm -rf "$logs"
done
# Up to where: by the caller's word, else by what a tool has left for the server's first start. A setting's Z is not
# known to a server that has read no names of time zones yet.
target=
case $at in
  '')
    if [ -e recovery.signal ] || [ -e recovery.conf ]; then
      target=$(cat postgresql.conf postgresql.auto.conf recovery.conf 2>/dev/null |
        sed -nE "s/^[[:space:]]*(recovery_target(_(time|xid|lsn|name|inclusive|timeline))?)[[:space:]]*=?[[:space:]]*('[^']*'|[A-Za-z0-9_/.:+-]+)[[:space:]]*(#.*)?$/\1 = \4/p" |
        sed -E "s/^(recovery_target_time = '[0-9-]+)T([0-9:.]+)Z'/\1 \2+00'/") || true
      point=$(printf '%s\n' "$target" | grep -E "^recovery_target(_time|_xid|_lsn|_name)? = '.+'$" | tail -n 1 | tr -d '"') || true
      [ -z "$point" ] || echo "spawnd_warning = \"it is recovered up to where its own settings say, $point\"	(typeid"
      [ -n "$point" ] || target=
    fi ;;
  immediate) target="recovery_target = 'immediate'" ;;
  *) time=${at%Z}; target="recovery_target_time = '${time%T*} ${time#*T}+00'" ;;
esac
rm -rf postmaster.pid postmaster.opts recovery.signal standby.signal recovery.conf tablespace_map pg_replslot
for folder in pg_wal/archive_status pg_commit_ts pg_dynshmem pg_logical/mappings pg_logical/snapshots pg_notify \
  pg_replslot pg_serial pg_snapshots pg_stat pg_stat_tmp pg_subtrans pg_tblspc pg_twophase; do
  mkdir -p "$folder"
done
for file in postgresql.conf postgresql.auto.conf; do
  if [ -e "$file" ] || [ -L "$file" ]; then mv "$file" "$file.source"; fi
done
: >postgresql.auto.conf
echo '# Made by spawnd. What the source had is in postgresql.conf.source and postgresql.auto.conf.source.' >postgresql.conf
# Minimum and maximum of the log are counted in segments, whose size the source chose. It stands in pg_control behind
# the number by which a server knows its own kind of floats (1234567.0), as the fourth word; before that number stand
# the most transactions that may be prepared, of which some are, perhaps.
control=$(od -An -v -tx1 global/pg_control | tr -d ' \n')
segment=$(echo "$control" |
  sed -n 's/^.*0000000087d63241.\{24\}\(..\)\(..\)\(..\)\(..\).*$/0x\4\3\2\1/p')
prepared=$(echo "$control" |
  sed -n 's/^.*\(..\)\(..\)\(..\)\(..\).\{8\}0[01]00000008000000\(00000000\)\{0,1\}0000000087d63241.*$/0x\4\3\2\1/p')
if [ "$((${prepared:-0}))" -gt 0 ]; then echo "max_prepared_transactions = $((prepared))" >>postgresql.conf; fi
segment=$((${segment:-0x1000000}))
megabytes=$((segment / 1048576))
if [ "$megabytes" -gt 16 ]; then
  echo "min_wal_size = $((2 * megabytes))MB" >>postgresql.conf
  echo "max_wal_size = $((megabytes > 256 ? 4 * megabytes : 1024))MB" >>postgresql.conf
fi
# 1 and 2: a server, or a standby, that was stopped. Anything else without a label was copied on the way.
state=$(od -An -tu4 -j16 -N4 global/pg_control | tr -d ' ')
if [ ! -f backup_label ] && [ "$state" != 1 ] && [ "$state" != 2 ]; then
  echo 'spawnd_warning = "the files are those of a server that ran or crashed, and no base backup: unless they are a snapshot of one moment, some of the data may be damaged. Make it with `pg_basebackup`, or stop the server first."	(typeid'
fi
for file in postgresql.conf.source postgresql.auto.conf.source; do
  [ -f "$file" ] || continue
  grep -iE "^[[:space:]]*(timezone|datestyle|intervalstyle|default_text_search_config|bytea_output|search_path)[[:space:]]*=[[:space:]]*('[^']*'|[a-z0-9_/.+-]+)[[:space:]]*(#.*)?$" "$file" >>postgresql.conf || true
done
# Between the first segment that is needed and the last that was brought, none may be missing: a server takes such a
# gap for the end of its log.
first=$(sed -n '1s/^.*(file \([0-9A-F]*\)).*$/\1/p' backup_label 2>/dev/null) || true
if [ -n "$newest" ] && [ -n "$first" ]; then
  next=$((0x$(printf %.8s "${first#????????}") * (4294967296 / segment) + 0x${first#????????????????}))
  for key in $(keys pg_wal); do
    if [ "$key" \< "${first#????????}" ] || [ "$key" \> "$newest" ]; then continue; fi
    if [ $((0x${key%????????} * (4294967296 / segment) + 0x${key#????????})) -ne "$next" ]; then
      missing=$(printf '%.8s%08X%08X' "$first" $((next / (4294967296 / segment))) $((next % (4294967296 / segment))))
      [ -n "$target" ] || { echo "segment $missing of its log is missing, and there are later ones"; exit 1; }
      echo "$missing" >spawnd_gap
      break
    fi
    next=$((next + 1))
  done
fi
# When the backup ended: what the source's archive says of it. It cannot have been before its pg_control was written.
ended=$(od -An -td8 -j24 -N8 global/pg_control | tr -d ' ')
for file in pg_wal/*.backup; do
  [ -f "$file" ] && [ -f backup_label ] || continue
  [ "$(head -n 1 "$file")" = "$(head -n 1 backup_label)" ] || continue
  stop=$(date -d "$(sed -n 's/^STOP TIME: //p' "$file")" +%s 2>/dev/null) && [ "$stop" -ge "$ended" ] && ended=$stop
done
rm -f pg_wal/*.backup
date -u -d "@$ended" '+%Y-%m-%dT%H:%M:%SZ' >spawnd_from
case $at in
  '' | immediate) ;;
  *)
    if [ "$(date -d "$at" +%s)" -lt "$ended" ]; then
      echo "spawnd_from $(cat spawnd_from)"
      echo "spawnd_refused that is before the end of the backup"
      exit 1
    fi ;;
esac
case $(cat PG_VERSION) in
  10 | 11) settings=recovery.conf ;;
  *) settings=postgresql.auto.conf ;;
esac
if [ -n "$target" ]; then
  printf '%s\n' "$target" "recovery_target_action = 'promote'" >>$settings
  : >spawnd_target
fi
if [ -f backup_label ] || [ -n "$target" ] || [ -n "$newest" ]; then
  if [ $settings = recovery.conf ]; then
    echo "restore_command = 'false'" >>recovery.conf
    # As newer ones do by themselves.
    case $target in *recovery_target_timeline*) ;; *) [ -z "$newest" ] || echo "recovery_target_timeline = 'latest'" >>recovery.conf ;; esac
  else
    : >recovery.signal
  fi
fi
)sh";

const char* const kRecoverScript = R"sh(
set -u
data=$1 waldump=$2
shift 2
"$@"
code=$?
cd "$data" || exit 1
if [ $code -eq 0 ] && [ -e spawnd_target ]; then
  # Before version 13 a server that does not find the point goes on as if it had.
  history=$(ls pg_wal/*.history 2>/dev/null | sort | tail -n 1)
  if [ -n "$history" ] && tail -n 1 "$history" | grep -q 'no recovery target specified'; then
    echo 'FATAL:  recovery ended before configured recovery target was reached'
    code=1
  fi
fi
if [ $code -ne 0 ] && [ -e spawnd_target ]; then
  if [ -s spawnd_gap ]; then echo "spawnd_gap $(cat spawnd_gap)"; fi
  echo "spawnd_from $(cat spawnd_from)"
  # The last segments need not have any transaction.
  if [ -x "$waldump" ]; then
    for segment in $(ls pg_wal | grep -E '^[0-9A-F]{24}$' | sort -r | head -n 8); do
      last=$(TZ=UTC "$waldump" -r Transaction "pg_wal/$segment" 2>/dev/null |
        sed -n 's/^.*desc: COMMIT[A-Z_ ]* \([0-9-]* [0-9:.]*\) UTC.*$/\1/p' | tail -n 1)
      if [ -n "$last" ]; then echo "spawnd_to ${last% *}T${last#* }Z"; break; fi
    done
  fi
fi
if [ -e spawnd_target ]; then : >postgresql.auto.conf; fi
rm -f spawnd_target spawnd_gap spawnd_from
exit $code
)sh";

}  // namespace spawnd::engines::postgresql
