/// The table of contents of a pg_dump archive: what is in it, and what needs what.
///
/// Format: WriteToc() of PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c, versions 1.10 to 1.16.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engines/restore.h"

namespace spawnd::engines::postgresql {

struct ContentsEntry {
  int id = 0;
  std::string kind;    ///< "TABLE DATA"
  std::string schema;  ///< may be empty
  std::string name;    ///< as pg_restore -l shows it: "orders", "orders orders_pkey" of a constraint
  std::vector<int> needs{};
  std::vector<std::string> inherits{};  ///< of a table: "schema.name" of what it inherits from
  bool is_partition = false;            ///< of that, said where it is made
  std::string into_schema{};            ///< of an extension: where it is put; empty: it says so itself
};

/// Where the data of a custom archive is.
struct CustomData {
  uint64_t first_block = 0;  ///< where the contents end
  size_t integer_size = 0;   ///< of its numbers (CustomWalk)
  std::optional<uint64_t>
      last_block{};  ///< where the last one begins; not known of one that was written to a pipe
};

struct Contents {
  std::optional<CustomData> custom{};
  std::vector<ContentsEntry> entries;  ///< in the order in which they are restored

  /// Names of the extensions.
  std::vector<std::string> Extensions() const;
};

/// Of an archive of any format, packed or not. Empty when it cannot be read, which pg_restore will say in its
/// own words, or is larger than anybody's (300,000 entries). Reads no further than the contents go.
std::optional<Contents> ReadContents(const RestoreRequest& request, const Packing& packing);

}  // namespace spawnd::engines::postgresql
