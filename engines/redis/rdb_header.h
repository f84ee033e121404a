/// The beginning and the end of a Redis snapshot (.rdb). Pure.
///
/// Format: "REDIS" (Valkey from 9.0 on: "VALKEY") and the format's version in four (three) digits, then
/// fields that describe the file: 0xFA, name, value, both as strings with a length in front. The file ends
/// with 0xFF and, from version 5 on, eight bytes of checksum. https://rdb.fnordig.de/file_format.html and
/// rdb.c of Redis.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace spawnd::engines::redis {

/// Bytes from the end of a file that IsWhole looks at.
inline constexpr size_t kRdbTrailerBytes = 9;

struct RdbHeader {
  bool is_valkeys = false;      ///< begins with VALKEY: that product's own format, which no Redis reads
  int version = 0;              ///< of the format
  std::string server_version;   ///< that wrote it, "Redis 7.0.15"; empty when it does not say
  bool heads_commands = false;  ///< says of itself that it begins an append-only file
};

/// Empty when the bytes begin no snapshot.
std::optional<RdbHeader> ReadRdbHeader(std::string_view first_bytes);

/// False for a file that was cut: `last_bytes` are its last kRdbTrailerBytes. True for formats without a
/// checksum.
bool EndsWhole(const RdbHeader& header, std::string_view last_bytes);

}  // namespace spawnd::engines::redis
