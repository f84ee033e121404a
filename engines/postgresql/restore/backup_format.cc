#include "engines/postgresql/restore/backup_format.h"

#include <algorithm>
#include <array>

#include "engines/postgresql/dump/plain_text.h"
#include "engines/postgresql/restore/archive_header.h"
#include "engines/postgresql/restore/tar_walk.h"
#include "engines/unpack/backup_head.h"

namespace spawnd::engines::postgresql {
namespace {

using namespace std::string_view_literals;

/// How a file that is something else begins.
struct Signature {
  std::string_view bytes;
  std::string_view what;
  std::string_view hint;
};

constexpr std::string_view kWrongEngine = "Set `engine` to the product that made this backup.";

constexpr std::array kSignatures{
    Signature{"TAPE"sv, "a SQL Server backup", kWrongEngine},
    Signature{"MSSQLBAK"sv, "a compressed SQL Server backup", kWrongEngine},
    Signature{"REDIS"sv, "a Redis snapshot", kWrongEngine},
    Signature{"SQLite format 3"sv, "a SQLite database", "Make a backup with pg_dump."},
    Signature{"-- MySQL dump"sv, "a MySQL dump", kWrongEngine},
    Signature{"-- MariaDB dump"sv, "a MariaDB dump", kWrongEngine},
    Signature{"/*M!999999"sv, "a MariaDB dump", kWrongEngine},
    Signature{"/*!40"sv, "a MySQL dump", kWrongEngine},
    Signature{"\x7f"
              "ELF"sv,
              "a program", "Name the backup file."},
    Signature{"<!DOCTYPE"sv, "a web page", "Download the backup itself."},
    Signature{"<html"sv, "a web page", "Download the backup itself."},
    Signature{"%PDF"sv, "a PDF", "Name the backup file."},
};

std::string_view SkipBlank(std::string_view text) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  return text.substr(std::min(text.size(), text.find_first_not_of(" \t\r\n")));
}

/// True for text of any ASCII-based encoding. PostgreSQL's dumps never hold a zero byte.
bool LooksLikeText(std::string_view head) {
  size_t odd = 0;
  for (const char c : head) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return false;
    if (byte < 32 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v') ++odd;
  }
  return odd * 20 <= head.size();
}

/// "3012.dat.gz", "blobs.toc" and their like: what a dump in directory format has beside toc.dat.
bool IsOfDirectoryDump(std::string_view file) {
  if (file == "toc.dat" || file.substr(0, 5) == "blob_") return true;
  const size_t digits = std::min(file.find_first_not_of("0123456789"), file.size());
  if (digits == 0 || file.substr(digits, 4) != ".dat") return false;
  return file.size() == digits + 4 || file[digits + 4] == '.';
}

/// As pg_dump's own tar format does.
bool BeginsWithContents(std::string_view head) {
  return head.substr(0, std::min<size_t>(100, head.find('\0'))) == "toc.dat";
}

}  // namespace

bool IsTarOfBackup(std::string_view head) {
  if (!IsTar(head)) return false;
  if (BeginsWithContents(head)) return true;
  bool found = false;
  TarWalk walk;
  walk.on_member = [&found](std::string_view path) {
    found = found || IsOfDirectoryDump(path.substr(path.rfind('/') + 1));
  };
  return walk.Take(head, false, "").has_value() && found;
}

namespace {

Result<BackupFormat> RecogniseTar(std::string_view head, const std::string& name) {
  if (BeginsWithContents(head)) return BackupFormat::kTar;
  if (IsTarOfBackup(head)) {
    return Fail(ErrorCode::kUnsupported, "'" + name + "' is a tar file of a backup in directory format",
                "Unpack it and name the folder.");
  }
  const std::string_view member = head.substr(0, std::min<size_t>(100, head.find('\0')));
  return Fail(ErrorCode::kInvalidArgument,
              "'" + name + "' is not a PostgreSQL backup: it is a tar file that begins with '" +
                  std::string(member) + "'",
              "Unpack it and name the backup inside.");
}

}  // namespace

Result<BackupFormat> RecogniseBackup(std::string_view head, const std::string& name) {
  if (head.empty()) return Fail(ErrorCode::kInvalidArgument, "backup '" + name + "' is empty");
  if (IsArchive(head)) {
    const auto header = ReadArchiveHeader(head);
    if (!header) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name + "' is truncated: it stops in the header of a pg_dump archive",
                  "Copy or make the backup again.");
    }
    return header->kind == ArchiveKind::kCustom ? BackupFormat::kCustom : BackupFormat::kDirectory;
  }
  if (IsTar(head)) return RecogniseTar(head, name);
  if (BeginsUtf16(head)) return BackupFormat::kPlainSql;
  const std::string_view text = SkipBlank(head);
  for (const Signature& signature : kSignatures) {
    if (text.substr(0, signature.bytes.size()) != signature.bytes) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name + "' is not a PostgreSQL backup: it is " + std::string(signature.what),
                std::string(signature.hint));
  }
  if (!LooksLikeText(head)) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name + "' is not a PostgreSQL backup: it is neither SQL text nor a pg_dump archive",
                "Make the backup with pg_dump, as plain SQL or with --format=custom.");
  }
  return BackupFormat::kPlainSql;
}

}  // namespace spawnd::engines::postgresql
