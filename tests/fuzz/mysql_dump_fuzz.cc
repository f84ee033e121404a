/// Arbitrary text as a dump for MariaDB: whole or in pieces, what the filter makes of it is the same, has as
/// many lines, and without anything to replace is the text itself.
#include <algorithm>
#include <string>
#include <vector>

#include "engines/mysql_family/backup_format.h"
#include "engines/mysql_family/dump/dump_filter.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using spawnd::engines::mysql_family::DumpFilter;

struct Filtered {
  std::string text;
  std::string error;
  std::vector<std::string> warnings;
};

Filtered InPieces(const std::string& dump, size_t piece, bool drop) {
  DumpFilter::Options options;
  options.name = "x.sql";
  options.drop_system_tables = drop;
  spawnd::engines::RestoreWarnings warnings(options.name);
  DumpFilter filter(options, warnings);
  Filtered result;
  size_t at = 0;
  do {
    const std::string_view bytes = std::string_view(dump).substr(at, piece);
    at += bytes.size();
    auto part = filter.Filter(bytes, at == dump.size());
    if (!part) {
      result.error = part.error().message;
      break;
    }
    result.text += *part;
  } while (at < dump.size());
  result.warnings = warnings.InOrder();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using spawnd::fuzz::Require;
  spawnd::fuzz::Input input(data, size);
  const size_t piece = input.Take<uint8_t>() % 64 + 1;
  const bool drop = input.Take<uint8_t>() % 2 != 0;
  const auto rest = input.Rest();
  const std::string dump(reinterpret_cast<const char*>(rest.data()), rest.size());
  const Filtered whole = InPieces(dump, dump.size() + 1, drop);
  const Filtered pieces = InPieces(dump, piece, drop);
  Require(whole.error == pieces.error, "pieces end otherwise: " + whole.error + " / " + pieces.error);
  if (whole.error.empty()) {
    Require(whole.text == pieces.text, "pieces give another text");
    Require(whole.warnings == pieces.warnings, "pieces give other warnings");
    Require(
        std::count(whole.text.begin(), whole.text.end(), '\n') == std::count(dump.begin(), dump.end(), '\n'),
        "lines are lost");
    const size_t mark = dump.starts_with("\xef\xbb\xbf") ? 3 : 0;
    if (whole.warnings.empty()) Require(whole.text == dump.substr(mark), "a text is changed without a word");
  }
  const auto format = spawnd::engines::mysql_family::RecogniseBackup(dump, "x", "MariaDB");
  if (!format) spawnd::fuzz::RequireHonest(format.error());
  spawnd::engines::mysql_family::ReadDumpHeader(dump);
  return 0;
}
