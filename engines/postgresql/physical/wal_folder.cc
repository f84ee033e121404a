#include "engines/postgresql/physical/wal_folder.h"

#include <memory>

#include "engines/source_session.h"

namespace spawnd::engines::postgresql {
namespace {

/// Writes a line "NAME BYTES" and the bytes for each file. Everything is unpacked twice: first to know its
/// length, because there is no place for it in between.
constexpr const char* kSource = R"sh(
set -euf
cd "$1"
first=$2
unpacked() {
  case $(od -An -N4 -tx1 "$1" | tr -d ' \n') in
    1f8b*) with=gzip ;;
    28b52ffd) with=zstd ;;
    04224d18) with=lz4 ;;
    425a68*) with=bzip2 ;;
    fd377a58) with=xz ;;
    *) with= ;;
  esac
  if [ -z "$with" ]; then cat "$1"; return; fi
  command -v "$with" >/dev/null || { echo "${1#./} is packed with $with, and this machine has no \`$with\` to unpack it" >&2; exit 1; }
  "$with" -dc <"$1" 2>/dev/null || { echo "${1#./} cannot be unpacked: it is damaged" >&2; exit 1; }
}
list=$(find . -type f | grep -E '/([0-9A-F]{24}(-[0-9a-f]{40})?(\.partial)?|[0-9A-F]{24}\.[0-9A-F]{8}\.backup|[0-9A-F]{8}\.history)(\.[a-z0-9]+)?$' | sort) || true
printed=
for path in $list; do
  base=${path##*/}
  case $base in
    ????????????????????????.????????.backup)
      # When the backup ended; of an encrypted archive nobody can read it.
      name=$base
      if [ -n "$first" ] && [ "${name%%.*}" \< "$first" ]; then continue; fi
      [ "$(head -c 18 "$path")" = 'START WAL LOCATION' ] || continue
      echo "$name $(cat "$path" | wc -c)"
      cat "$path"
      continue ;;
    *.backup | *.backup.*) continue ;;
    *.br | *.lzma | *.lzo) echo "${path#./} is packed in a way that is not known here: unpack it first" >&2; exit 1 ;;
    ????????.history*) name=$(printf %.16s "$base") ;;
    *)
      name=$(printf %.24s "$base")
      # The same place in the log on another timeline comes with another first third.
      if [ -n "$first" ] && [ "${name#????????}" \< "${first#????????}" ]; then continue; fi
      case $base in
        *.partial*) if printf '%s\n' "$list" | grep -F "/$name" | grep -qvE '[.](partial|backup)'; then continue; fi ;;
      esac
      ;;
  esac
  bytes=$(unpacked "$path" | wc -c)
  case $base in
    ????????.history*) ;;
    *)
      # The first page of any version says d0xx or d1xx. Who unpacks complains when nobody reads on.
      case $(unpacked "$path" | { od -An -j1 -N1 -tx1; cat >/dev/null; } | tr -d ' \n') in
        d0 | d1) ;;
        *) echo "${path#./} is no log of PostgreSQL, or is encrypted" >&2; exit 1 ;;
      esac
      case $base in
        *.partial*) ;;
        # As large as any other: a power of two, of a megabyte at least.
        *) [ "$bytes" -ge 1048576 ] && [ $((bytes & (bytes - 1))) -eq 0 ] || { echo "${path#./} is cut off: it has $bytes bytes" >&2; exit 1; } ;;
      esac
      ;;
  esac
  [ "$bytes" -gt 0 ] || { echo "${path#./} is empty" >&2; exit 1; }
  echo "$name $bytes"
  unpacked "$path"
  printed=yes
done
[ -n "$printed" ] || { echo "it has no log that the backup needs: names of 24 digits and letters, such as ${first:-000000010000000000000003}" >&2; exit 1; }
)sh";

/// A number of a folder's file names would do as a name. `head` takes no byte more than it is told.
constexpr const char* kSink = R"sh(
set -eu
mkdir -p "$1"
cd "$1"
while read -r name bytes; do
  case $name in '' | *[!0-9A-Fa-z.]* | .*) echo "'$name' is no name of a segment"; exit 1 ;; esac
  head -c "$bytes" >"$name"
done
)sh";

Command Shell(const char* script, std::vector<std::string> arguments) {
  Command command{{"/bin/sh", "-c", script, "sh"}, {"LC_ALL=C", "PATH=/usr/bin:/bin"}, "/"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return command;
}

}  // namespace

Placement PlaceSegments(const std::string& name, const std::string& first_segment, const std::string& into) {
  Placement placement;
  placement.source = PassOnBackup(name, {});
  placement.source.command = Shell(kSource, {kBackupFolder, first_segment});
  placement.source.reads = ToolReads::kLogs;
  placement.sink.title = placement.source.title;
  placement.sink.command = Shell(kSink, {into});
  return placement;
}

}  // namespace spawnd::engines::postgresql
