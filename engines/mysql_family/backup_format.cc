#include "engines/mysql_family/backup_format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/text.h"

namespace spawnd::engines::mysql_family {
namespace {

/// Opening comments are within the first lines.
constexpr size_t kHeaderBytes = 4096;
/// Where a tar file says that it is one (POSIX.1-1988, ustar).
constexpr size_t kTarMagicOffset = 257;

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// No SQL begins with an angle bracket.
std::string_view MarkupIn(std::string_view head) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (StartsWith(head, kByteOrderMark)) head.remove_prefix(kByteOrderMark.size());
  head.remove_prefix(std::min(head.size(), head.find_first_not_of(" \t\r\n")));
  if (!StartsWith(head, "<")) return {};
  const std::string first = LowerCase(head.substr(0, kHeaderBytes));
  if (Contains(first, "<mysqldump") || Contains(first, "<resultset")) {
    return "XML of `mysqldump --xml`, which no server restores (make it without --xml)";
  }
  if (Contains(first, "<html")) return "a web page (was the dump downloaded without being logged in?)";
  return "XML (phpMyAdmin and others: export it as SQL)";
}

/// What the file is instead; empty when it may be SQL of this family.
std::string_view OtherThan(std::string_view head) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kStarts{
      {{"\xff\xfe", "text in UTF-16, as PowerShell's `>` writes it (have the tool write: --result-file)"},
       {"\xfe\xff", "text in UTF-16 (save it as UTF-8)"},
       {"PGDMP", "a PostgreSQL archive (pg_dump -Fc)"},
       {"REDIS", "a Redis snapshot"},
       {"TAPE", "a SQL Server backup"},
       {"SQLite format 3", "a SQLite database"},
       {"PK\x03\x04", "a zip archive"}}};
  for (const auto& [start, what] : kStarts) {
    if (StartsWith(head, start)) return what;
  }
  if (Contains(head.substr(0, kHeaderBytes), "-- PostgreSQL database dump") ||
      Contains(head.substr(0, kHeaderBytes), "-- PostgreSQL database cluster dump")) {
    return "a PostgreSQL dump";
  }
  if (StartsWith(head.substr(std::min(head.size(), kTarMagicOffset)), "ustar")) return "a tar archive";
  if (const std::string_view markup = MarkupIn(head); !markup.empty()) return markup;
  // Dumps may hold any bytes in their texts, but not before the first statement.
  const std::string_view first = head.substr(0, 64);
  const bool binary = std::any_of(first.begin(), first.end(), [](unsigned char c) {
    return c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  });
  return binary ? "no SQL text" : "";
}

std::string ValueAfter(std::string_view text, std::string_view label) {
  const size_t at = text.find(label);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + label.size());
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return std::string(text);
}

std::string Unquoted(std::string name) {
  if (name.size() >= 2 && name.front() == '`' && name.back() == '`') return name.substr(1, name.size() - 2);
  return name;
}

/// "-- Adminer 4.8.1 MySQL 8.0.33 dump"
std::string VersionOfAdminer(std::string_view head) {
  std::string line = ValueAfter(head, "-- Adminer ");
  const size_t product = line.find(" My") != std::string::npos ? line.find(" My") : line.find(" Maria");
  if (product == std::string::npos) return {};
  const bool mariadb = line.find("Maria") != std::string::npos;
  line = ValueAfter(line.substr(product + 1), " ");
  return line.substr(0, line.find(' ')) +
         (mariadb && line.find("MariaDB") == std::string::npos ? "-MariaDB" : "");
}

}  // namespace

Result<BackupFormat> RecogniseBackup(std::string_view head, const std::string& name,
                                     std::string_view product) {
  if (head.empty()) return Fail(ErrorCode::kInvalidArgument, "backup '" + name + "' is empty");
  if (StartsWith(head, "XBSTCK01")) return BackupFormat::kStream;
  const std::string_view other = OtherThan(head);
  if (other.empty()) return BackupFormat::kSql;
  return Fail(ErrorCode::kInvalidArgument,
              "'" + name + "' is no " + std::string(product) + " backup: it is " + std::string(other),
              "Backups are SQL dumps and what mariabackup writes.");
}

DumpHeader ReadDumpHeader(std::string_view head) {
  head = head.substr(0, kHeaderBytes);
  DumpHeader header;
  header.present = Contains(head, "-- MariaDB dump ") || Contains(head, "-- MySQL dump ");
  // phpMyAdmin and HeidiSQL have a colon there.
  header.server = ValueAfter(head, "-- Server version");
  if (header.server.starts_with(':')) header.server = ValueAfter(header.server, ":");
  if (!header.present) {
    if (header.server.empty()) header.server = VersionOfAdminer(head);
    // No line says when it is whole, nor USE where it belongs.
    if (Contains(head, "phpMyAdmin")) header.database = Unquoted(ValueAfter(head, "-- Database: "));
    return header;
  }
  if (header.server.empty()) header.server = ValueAfter(head, "Distrib ");
  header.server = header.server.substr(0, header.server.find(','));
  header.database = ValueAfter(ValueAfter(head, "-- Host:"), "Database:");
  return header;
}

}  // namespace spawnd::engines::mysql_family
