#include "engines/mssql/batches.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/text.h"

namespace spawnd::engines::mssql {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\f\v";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Where a line's end finds the reader: T-SQL's comments nest.
class Reader {
 public:
  bool InStatement() const { return quote_ == 0 && comments_ == 0; }

  void Read(std::string_view line) {
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string_view two = line.substr(i, 2);
      if (comments_ > 0) {
        if (two == "*/")
          --comments_, ++i;
        else if (two == "/*")
          ++comments_, ++i;
      } else if (quote_ != 0) {
        // A doubled one ends and begins again, which comes to the same.
        if (line[i] == quote_) quote_ = 0;
      } else if (two == "/*") {
        ++comments_, ++i;
      } else if (two == "--") {
        return;
      } else if (line[i] == '\'' || line[i] == '"') {
        quote_ = line[i];
      } else if (line[i] == '[') {
        quote_ = ']';
      }
    }
  }

 private:
  char quote_ = 0;
  int comments_ = 0;
};

bool IsGo(std::string_view line) {
  return StartsInAnyCase(line, "GO") &&
         (line.size() == 2 || line[2] == ' ' || line[2] == '\t' || line[2] == '-' || line[2] == ';');
}

Result<uint64_t> TimesOf(std::string_view line, uint64_t number) {
  std::string_view rest = line.substr(2);
  rest = Trimmed(rest.substr(0, rest.find("--")));
  if (!rest.empty() && rest.back() == ';') rest = Trimmed(rest.substr(0, rest.size() - 1));
  if (rest.empty()) return uint64_t{1};
  uint64_t times = 0;
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), times);
  if (code != std::errc() || end != rest.data() + rest.size() || times == 0 || times > kMaxBatchTimes) {
    return Fail(ErrorCode::kInvalidArgument, "line " + std::to_string(number) + ": '" + std::string(line) +
                                                 "' is no GO with a number from 1 to 10000");
  }
  return times;
}

bool IsClientCommand(std::string_view line) {
  return line.substr(0, 2) == "!!" || (line.size() > 1 && line[0] == ':' && line[1] != ':');
}

}  // namespace

Result<std::vector<Batch>> SplitBatches(std::string_view script) {
  std::vector<Batch> batches;
  Batch batch;
  Reader reader;
  uint64_t number = 0;
  const auto finish = [&](uint64_t times) {
    batch.times = times;
    if (!Trimmed(batch.sql).empty() && batch.sql.find_first_not_of(" \t\r\n\f\v") != std::string::npos)
      batches.push_back(batch);
    batch = Batch{"", number + 1, 1};
  };
  // A byte order mark is none of the statement's.
  if (script.substr(0, 3) == "\xEF\xBB\xBF") script.remove_prefix(3);
  while (!script.empty()) {
    const size_t end = script.find('\n');
    const std::string_view line = script.substr(0, end);
    script.remove_prefix(end == std::string_view::npos ? script.size() : end + 1);
    ++number;
    const std::string_view words = Trimmed(line);
    if (reader.InStatement() && IsGo(words)) {
      TRY_ASSIGN(const uint64_t times, TimesOf(words, number));
      finish(times);
      continue;
    }
    if (reader.InStatement() && IsClientCommand(words)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "line " + std::to_string(number) + ": '" + std::string(words.substr(0, 40)) +
                      "' is a command of sqlcmd",
                  "A script holds T-SQL and GO; sqlcmd's own commands are not supported.");
    }
    batch.sql.append(line).append("\n");
    reader.Read(line);
  }
  finish(1);
  return batches;
}

}  // namespace spawnd::engines::mssql
