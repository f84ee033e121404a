/// The beginning of a pg_dump archive (custom format, or the toc.dat of the tar and directory formats). Pure.
///
/// Format: WriteHead() of PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c, versions 1.10 (PostgreSQL 8.0)
/// to 1.16 (17 and 18).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace spawnd::engines::postgresql {

enum class ArchiveKind { kCustom, kTarOrDirectory, kOther };

struct ArchiveHeader {
  int major = 0;
  int minor = 0;  ///< 1.14 is {1, 14}
  ArchiveKind kind = ArchiveKind::kOther;
  std::string database;        ///< that was dumped
  std::string server_version;  ///< "15.20 (Debian ...)"
  std::string dump_version;    ///< of pg_dump
};

bool IsArchive(std::string_view first_bytes);

/// Empty when the bytes are no archive, or stop before the header does. Strings are empty when the version is
/// newer than 1.16.
std::optional<ArchiveHeader> ReadArchiveHeader(std::string_view bytes);

/// The `CREATE DATABASE ...;` that the archive's table of contents, which follows the header, holds; empty
/// when there is none in `bytes`. It is among the first entries.
std::string FindCreateDatabase(std::string_view bytes);

/// The newest archive minor version that pg_restore of this major version reads.
int NewestArchiveMinor(int pg_restore_major);

}  // namespace spawnd::engines::postgresql
