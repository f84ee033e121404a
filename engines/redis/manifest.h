/// The manifest of a folder of append-only files, as Redis 7.0 and later keep their data (and as its BACKUP
/// writes them), and how an append-only file begins. Pure.
///
/// A line for each file: `file NAME seq NUMBER type b|h|i`; b: the base, i: what was written after it, in
/// this order, h: what is no longer needed. aof.c of Redis.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::engines::redis {

inline constexpr size_t kMaxManifestBytes = size_t{256} << 10U;

struct ManifestFile {
  std::string name;  ///< in the same folder
  bool is_base = false;
};

/// The files that make the data set, in their order. kInvalidArgument, with the line of `name`.
Result<std::vector<ManifestFile>> ReadManifest(std::string_view text, const std::string& name);

/// Whether the bytes begin a manifest.
bool BeginsManifest(std::string_view first_bytes);

/// Whether the bytes begin an append-only file without a snapshot at its head: commands as they travel,
/// "*2\r\n$6\r\nSELECT ...", perhaps with notes of when they came.
bool BeginsCommands(std::string_view first_bytes);

/// Whether bytes from a file's end are commands as they travel.
bool EndsCommands(std::string_view last_bytes);

}  // namespace spawnd::engines::redis
