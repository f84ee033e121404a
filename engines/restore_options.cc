#include "engines/restore_options.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "engines/engine.h"

namespace spawnd::engines {
namespace {

Result<void> Refuse(std::string_view key, std::string_view product, std::string_view hint) {
  return Fail(ErrorCode::kUnsupported, "'" + std::string(key) + "' means nothing to " + std::string(product),
              hint.empty() ? "Leave it out." : std::string(hint));
}

bool IsDigit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

bool IsLetter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalpha(byte) != 0 || byte >= 0x80;
}

/// "42P01", in any case: what SQL's standard has.
bool IsSqlState(const std::string& entry) {
  return entry.size() == 5 && std::all_of(entry.begin(), entry.end(), [](unsigned char c) {
           return std::isdigit(c) != 0 || std::isalpha(c) != 0;
         });
}

/// A number that servers of the MySQL family, or SQL Server, give their errors. What is less they do not
/// have; from 2000 to 2999 MySQL's are of the connection, after which nothing goes on.
bool IsNumber(const std::string& entry, bool mysqls) {
  constexpr size_t kLongest = 6;
  if (entry.size() > kLongest || !std::all_of(entry.begin(), entry.end(), IsDigit)) return false;
  const int number = std::stoi(entry);
  return mysqls ? number >= 1000 && (number < 2000 || number >= 3000) : number > 0;
}

bool IsCode(const std::string& entry, ErrorCodes codes) {
  switch (codes) {
    case ErrorCodes::kSqlState:
      return IsSqlState(entry);
    case ErrorCodes::kMysqlNumber:
      return IsNumber(entry, true) || IsSqlState(entry);
    case ErrorCodes::kNumber:
      return IsNumber(entry, false);
    case ErrorCodes::kWord:
      break;
  }
  return false;
}

/// Where a statement of the entry would begin.
std::string::const_iterator BeginningOf(const std::string& entry, ErrorCodes codes) {
  // redis-cli takes no brackets, and says its errors without a sign in front.
  if (codes == ErrorCodes::kWord) return entry.begin();
  const bool in_comment =
      codes == ErrorCodes::kMysqlNumber && (entry.starts_with("/*!") || entry.starts_with("/*M!"));
  return std::find_if(entry.begin() + (in_comment && entry[2] == 'M' ? 3 : 0), entry.end(),
                      [in_comment](char c) { return IsLetter(c) || (!in_comment && IsDigit(c)); });
}

std::string WhatCodesAre(ErrorCodes codes) {
  switch (codes) {
    case ErrorCodes::kSqlState:
      return "An error code of it has five characters, as 42P01 or 42704";
    case ErrorCodes::kMysqlNumber:
      return "An error code of it is a number from 1000 on, as 1064, but for 2000 to 2999, after which "
             "nothing "
             "goes on; or it has five characters, as 42S02";
    case ErrorCodes::kNumber:
      return "An error code of it is a number, as 208";
    case ErrorCodes::kWord:
      break;
  }
  return "An error of it begins with a word, as WRONGTYPE";
}

}  // namespace

Result<void> RefuseOptions(const RestoreOptions& options, std::string_view product, const KnownOptions& known,
                           std::string_view why_no_skipping) {
  if (!options.locale.empty() && !known.locale) return Refuse("locale", product, "");
  if (!options.encoding.empty() && !known.encoding) return Refuse("encoding", product, "");
  if (!options.skip_extensions.empty() && !known.skip_extensions) {
    return Refuse("skipExtensions", product, why_no_skipping);
  }
  if (known.parts) return {};
  constexpr std::string_view kNoParts = "A backup of it is restored as a whole: leave it out.";
  if (options.schema_only) return Refuse("schemaOnly", product, kNoParts);
  if (!options.tables.empty()) return Refuse("tables", product, kNoParts);
  if (!options.exclude_tables.empty()) return Refuse("excludeTables", product, kNoParts);
  if (!options.exclude_data.empty()) return Refuse("excludeData", product, kNoParts);
  return {};
}

Result<void> CheckErrorEntries(const Engine& engine, const std::vector<std::string>& entries) {
  const ErrorCodes codes = engine.CodesOfErrors();
  for (const std::string& entry : entries) {
    // Statements, and the servers' words, begin with a letter; one may stand in brackets, or, of the MySQL
    // family, in /*!50001.
    const auto first = BeginningOf(entry, codes);
    if (IsCode(entry, codes) || (first != entry.end() && IsLetter(*first))) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "'" + entry + "' under `onError` is neither an error code of " +
                    std::string(engine.DisplayName()) + " nor the beginning of a statement",
                WhatCodesAre(codes) + "; a statement begins as 'CREATE ...' does.");
  }
  return {};
}

bool HasInAnyCase(const Engine& engine, std::string_view database) {
  return engine.CodesOfErrors() == ErrorCodes::kMysqlNumber && database == "mysql";
}

}  // namespace spawnd::engines
