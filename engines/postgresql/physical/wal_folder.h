/// A folder of write-ahead log that a physical backup is recovered by, as archive commands and backup tools
/// keep it. Pure.
///
///   000000010000000000000003               a segment, in the folder or below it
///   000000010000000000000003.gz            packed by an archive command, WAL-G (.lz4, .zst) or pgBackRest
///   000000010000000000000003-<sha1>.zst    pgBackRest; Barman packs without an ending
///   000000010000000000000003.partial       the last one, not full
///   000000010000000000000003.00000028.backup   when the backup that begins there ended
///   00000002.history                       of a timeline
///
/// Packing is told by content: gzip, zstd, lz4, bzip2, xz, each by the program of the host that has its name.
#pragma once

#include <string>

#include "engines/restore.h"

namespace spawnd::engines::postgresql {

inline constexpr size_t kSegmentNameLength = 24;

/// In the data directory: where segments are placed. What recovers them takes them to pg_wal, which may be
/// inside another folder yet.
inline constexpr const char* kPlacedLogs = "spawnd_wal";

/// Unpacks what the folder has of log, from `first_segment` on (empty: all), into the folder `into`. `name`:
/// of the folder, for messages. A folder that has none, or what cannot be unpacked, is an error of the
/// source.
Placement PlaceSegments(const std::string& name, const std::string& first_segment, const std::string& into);

}  // namespace spawnd::engines::postgresql
