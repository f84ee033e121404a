#include "engines/postgresql/parts/plain_filter.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace spawnd::engines::postgresql {
namespace {

/// Names, and enough of what stands around them, are at the beginning.
constexpr size_t kMaxHeld = 16 * 1024;
constexpr size_t kMaxWords = 4000;
constexpr size_t kMaxTables = 100'000;
constexpr size_t kMaxWanted = 1000;

bool IsOneOf(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// A statement's words and signs: unquoted ones in lower case, names and texts without their quotes. Comments
/// are left out.
std::vector<std::string> WordsOf(std::string_view sql) {
  std::vector<std::string> words;
  for (size_t at = 0; at < sql.size() && words.size() < kMaxWords;) {
    const char c = sql[at];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at;
    } else if (sql.substr(at, 2) == "--") {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql.substr(at, 2) == "/*") {
      const size_t end = sql.find("*/", at);
      at = end == std::string_view::npos ? sql.size() : end + 2;
    } else if (c == '"' || c == '\'') {
      std::string text;
      for (++at; at < sql.size(); ++at) {
        if (sql[at] == c && (at + 1 == sql.size() || sql[at + 1] != c)) break;
        if (sql[at] == c) ++at;
        text += sql[at];
      }
      ++at;
      words.push_back(std::move(text));
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
               static_cast<unsigned char>(c) >= 0x80) {
      std::string word;
      for (; at < sql.size(); ++at) {
        const auto next = static_cast<unsigned char>(sql[at]);
        if (std::isalnum(next) == 0 && next != '_' && next != '$' && next < 0x80) break;
        word += static_cast<char>(std::tolower(next));
      }
      words.push_back(std::move(word));
    } else {
      words.emplace_back(1, c);
      ++at;
    }
  }
  return words;
}

size_t Skip(const std::vector<std::string>& words, size_t at,
            std::initializer_list<std::string_view> skipped) {
  while (at < words.size() && IsOneOf(words[at], skipped)) ++at;
  return at;
}

}  // namespace

PlainFilter::PlainFilter(const std::string& name, const RestoreOptions& options)
    : SqlScanner(name),
      options_(options),
      without_rows_("excludeData", options.exclude_data),
      warnings_(name) {}

Result<std::string> PlainFilter::Filter(std::string_view bytes, bool last) {
  TRY(Scan(bytes, last));
  if (last) {
    Release();
    const std::string unmatched = without_rows_.Unmatched();
    if (!unmatched.empty()) {
      return Fail(ErrorCode::kInvalidArgument, unmatched + ", and '" + Name() + "' has no such table",
                  tables_.empty() ? "It makes no tables."
                                  : "It has " + SomeOf({tables_.begin(), tables_.end()}) + ".");
    }
  }
  return std::exchange(out_, {});
}

void PlainFilter::Pass(std::string_view run) {
  switch (mode_) {
    case Mode::kPass:
      out_ += run;
      return;
    case Mode::kHold:
      held_ += run;
      if (held_.size() > kMaxHeld) Judge();
      return;
    case Mode::kDrop:
      LeaveOut(run);
      return;
    case Mode::kDropRows:
      LeaveOutRows(run);
      return;
  }
}

void PlainFilter::LeaveOut(std::string_view run) {
  out_.append(static_cast<size_t>(std::count(run.begin(), run.end(), '\n')), '\n');
}

void PlainFilter::LeaveOutRows(std::string_view run) {
  for (size_t at = 0; at < run.size(); ++at) {
    if (run[at] != '\n') {
      if (line_.size() < 4) line_ += run[at];
      continue;
    }
    out_ += '\n';
    const bool ends = line_ == "\\." || line_ == "\\.\r";
    line_.clear();
    if (!ends) continue;
    mode_ = Mode::kPass;
    out_ += run.substr(at + 1);
    return;
  }
}

void PlainFilter::OnStatementBegins(char first) {
  constexpr std::string_view kFirstLetters = "aAcCdDiIsS";
  mode_ = kFirstLetters.find(first) != std::string_view::npos ? Mode::kHold : Mode::kPass;
}

void PlainFilter::OnStatementEnds() {
  if (mode_ == Mode::kHold) Judge();
  // Judge has said so of the whole statement, which ends here.
  if (mode_ == Mode::kDrop) mode_ = Mode::kPass;
}

Result<std::string> PlainFilter::OnPsqlCommand(std::string_view command, bool /*cut*/) {
  Release();
  mode_ = Mode::kPass;
  return std::string(command);
}

void PlainFilter::Release() {
  out_ += std::exchange(held_, {});
}

void PlainFilter::Judge() {
  const std::vector<std::string> words = WordsOf(held_);
  if (!LeavesOut(words)) {
    mode_ = Mode::kPass;
    return Release();
  }
  LeaveOut(std::exchange(held_, {}));
  const bool rows_follow =
      words.front() == "copy" && std::find(words.begin(), words.end(), "stdin") != words.end();
  mode_ = rows_follow ? Mode::kDropRows : Mode::kDrop;
}

PlainFilter::Table PlainFilter::TableAt(const std::vector<std::string>& words, size_t at) {
  Table table;
  if (at < words.size()) table.name = words[at];
  if (at + 2 < words.size() && words[at + 1] == ".") table = {words[at], words[at + 2]};
  return table;
}

bool PlainFilter::LeavesOut(const std::vector<std::string>& words) {
  if (words.size() < 2) return false;
  const size_t object = words.front() == "comment" ? Skip(words, 1, {"on"}) : 1;
  if (object < words.size() && words[object] == "extension" &&
      IsOneOf(words.front(), {"create", "alter", "drop", "comment"})) {
    return LeavesOutExtension({words.begin() + static_cast<ptrdiff_t>(object) + 1, words.end()});
  }
  if (words.front() == "create") {
    const size_t kind = Skip(words, 1, {"unlogged", "foreign"});
    if (kind < words.size() && words[kind] == "table" && tables_.size() < kMaxTables) {
      const Table table = TableAt(words, Skip(words, kind + 1, {"if", "not", "exists"}));
      tables_.insert(table.schema.empty() ? table.name : table.schema + "." + table.name);
      without_rows_.Match(table.schema, table.name);
    }
    return false;
  }
  if (words.front() == "copy") return LeavesOutRowsOf(TableAt(words, 1));
  if (words.front() == "insert") return LeavesOutRowsOf(TableAt(words, Skip(words, 1, {"into"})));
  return options_.schema_only && words.front() == "select" &&
         std::find(words.begin(), words.begin() + static_cast<ptrdiff_t>(std::min<size_t>(words.size(), 4)),
                   "setval") != words.begin() + static_cast<ptrdiff_t>(std::min<size_t>(words.size(), 4));
}

/// `words`: what follows EXTENSION.
bool PlainFilter::LeavesOutExtension(const std::vector<std::string>& words) {
  const bool creates = FirstWord() == "CREATE";
  const size_t at = Skip(words, 0, {"if", "not", "exists"});
  if (at >= words.size()) return false;
  const std::string& name = words[at];
  const auto version = std::find(words.begin(), words.end(), "version");
  WantedExtension wanted{name, version != words.end() && version + 1 != words.end() ? *(version + 1) : ""};
  const auto& skipped = options_.skip_extensions;
  if (std::find(skipped.begin(), skipped.end(), name) != skipped.end()) {
    skipped_any_ = true;
    if (creates) warnings_.Add("extension '" + name + "' is left out, as skipExtensions says", Line());
    return true;
  }
  const bool known = std::find(wanted_.begin(), wanted_.end(), wanted) != wanted_.end();
  if (creates && !known && wanted_.size() < kMaxWanted) wanted_.push_back(std::move(wanted));
  return false;
}

bool PlainFilter::LeavesOutRowsOf(const Table& table) {
  if (without_rows_.Match(table.schema, table.name) || options_.schema_only) return true;
  const std::string name = table.schema.empty() ? table.name : table.schema + "." + table.name;
  // An extension makes its own tables, of which a dump has rows only.
  if (!skipped_any_ || tables_.contains(name) || tables_.size() == kMaxTables) return false;
  if (table.schema.empty() || table.schema == "public") return false;
  warnings_.Add(
      "rows of '" + name + "', which the dump does not make, are left out with the extension that does",
      Line());
  return true;
}

}  // namespace spawnd::engines::postgresql
