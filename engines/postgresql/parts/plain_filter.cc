#include "engines/postgresql/parts/plain_filter.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace spawnd::engines::postgresql {
namespace {

/// Names, and enough of what stands around them, are at the beginning.
constexpr size_t kMaxHeld = 16 * 1024;
/// The end of what makes a table says what it inherits from.
constexpr size_t kMaxHeldTable = 1024 * 1024;
constexpr size_t kMaxTables = 100'000;
constexpr size_t kMaxWanted = 1000;
constexpr size_t kMaxDatabases = 64 * 1024;

bool IsOneOf(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

size_t Skip(const std::vector<std::string>& words, size_t at,
            std::initializer_list<std::string_view> skipped) {
  while (at < words.size() && IsOneOf(words[at], skipped)) ++at;
  return at;
}

/// Whether the words write rows. GRANT has the same words for rights: those stand in front of one another, or
/// of ON.
bool WritesRows(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (!IsOneOf(words[i], {"insert", "update", "delete", "merge"})) continue;
    const bool is_right =
        i + 1 < words.size() && IsOneOf(words[i + 1], {",", "on", "select", "insert", "update", "delete",
                                                       "truncate", "references", "trigger"});
    if (!is_right) return true;
  }
  return false;
}

}  // namespace

PlainFilter::PlainFilter(const std::string& name, const RestoreOptions& options)
    : SqlScanner(name),
      options_(options),
      family_(name, options.exclude_data),
      warnings_(name),
      skipped_(options.skip_extensions) {}

Result<std::string> PlainFilter::Filter(std::string_view bytes, bool last) {
  TRY(Scan(bytes, last));
  if (fault_) return tl::unexpected(*fault_);
  if (last) {
    Release();
    for (const std::string& name : skipped_.Unseen())
      warnings_.Add("skipExtensions names '" + name + "', an extension that the dump does not have");
    const std::string unmatched = family_.Unmatched();
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
      if (held_.size() > (FirstWord() == "CREATE" ? kMaxHeldTable : kMaxHeld)) Judge();
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
  constexpr std::string_view kFirstLetters = "aAcCdDgGiImMrRsSuUwW";
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

void PlainFilter::Fault(Result<void> result) {
  if (result || fault_) return;
  fault_ = std::move(result.error());
  fault_->message = PlaceIn(Name(), Line()) + ": " + fault_->message;
}

/// `kind`: where TABLE stands.
void PlainFilter::SeesTable(const std::vector<std::string>& words, size_t kind) {
  if (tables_.size() >= kMaxTables) return;
  const Table table = TableAt(words, Skip(words, kind + 1, {"if", "not", "exists"}), schema_);
  tables_.insert(table.Qualified());
  family_.Add(table);
  const bool partition = std::find(words.begin(), words.end(), "inherits") == words.end();
  for (const Table& parent : InheritedBy(words, schema_)) Fault(family_.AddChild(table, parent, partition));
}

/// ALTER TABLE parent ATTACH PARTITION child, ALTER TABLE child INHERIT parent.
void PlainFilter::SeesAlteredTable(const std::vector<std::string>& words) {
  size_t at = Skip(words, 1, {"foreign", "table", "if", "exists", "only"});
  const Table table = TableAt(words, at, schema_);
  at += at + 1 < words.size() && words[at + 1] == "." ? 3 : 1;
  at = Skip(words, at, {"*"});
  if (at + 1 >= words.size()) return;
  if (words[at] == "inherit") Fault(family_.AddChild(table, TableAt(words, at + 1, schema_), false));
  if (words[at] == "attach" && words[at + 1] == "partition")
    Fault(family_.AddChild(TableAt(words, at + 2, schema_), table, true));
}

/// SET search_path = sales, pg_catalog; as pg_dump before 10.3 writes it.
void PlainFilter::SeesSearchPath(const std::vector<std::string>& words) {
  const size_t at = Skip(words, 1, {"session", "local"});
  if (at + 2 >= words.size() || words[at] != "search_path") return;
  const size_t first = Skip(words, at + 2, {"$user", "pg_catalog", ","});
  if (first < words.size() && words[first] != ";") schema_ = words[first];
}

bool PlainFilter::LeavesOut(const std::vector<std::string>& words) {
  if (words.size() < 2) return false;
  const size_t object = words.front() == "comment" ? Skip(words, 1, {"on"}) : 1;
  if (object < words.size() && words[object] == "extension" &&
      IsOneOf(words.front(), {"create", "alter", "drop", "comment"})) {
    return LeavesOutExtension({words.begin() + static_cast<ptrdiff_t>(object) + 1, words.end()});
  }
  if (words.front() == "create") {
    if (words[1] == "database" && databases_.size() + held_.size() < kMaxDatabases)
      databases_ += held_.substr(held_.find_first_of("cC")) + "\n";
    const size_t kind = Skip(words, 1, {"unlogged", "foreign"});
    if (kind < words.size() && words[kind] == "table") SeesTable(words, kind);
    SeesMade(words);
    return LeavesOutWhatIsOf(words);
  }
  if (words.front() == "alter" && IsOneOf(words[1], {"table", "foreign"})) SeesAlteredTable(words);
  if (words.front() == "set") SeesSearchPath(words);
  if (words.front() == "copy") return LeavesOutRowsOf(TableAt(words, 1, schema_));
  if (words.front() == "insert") return LeavesOutRowsOf(TableAt(words, Skip(words, 1, {"into"}), schema_));
  return LeavesOutWhatIsOf(words) || (options_.schema_only && LeavesOutData(words));
}

/// With schema_only: what writes rows, sets sequences or makes large objects. Of a DO only the one that makes
/// nothing else, as far as its words say: many a dump makes its types in one.
bool PlainFilter::LeavesOutData(const std::vector<std::string>& words) {
  const std::string& verb = words.front();
  const auto has = [&](std::initializer_list<std::string_view> some) {
    return std::any_of(words.begin(), words.end(),
                       [&](const std::string& word) { return IsOneOf(word, some); });
  };
  if (IsOneOf(verb, {"merge", "update", "delete", "refresh"})) return true;
  const auto near = words.begin() + static_cast<ptrdiff_t>(std::min<size_t>(words.size(), 4));
  if (verb == "select") {
    return std::any_of(words.begin(), near, [](const std::string& word) {
      return word == "setval" || word == "lowrite" || word.starts_with("lo_");
    });
  }
  if (IsOneOf(verb, {"alter", "comment", "grant", "revoke", "security"})) {
    const auto large = std::find(words.begin(), words.end(), "large");
    return large != words.end() && large + 1 != words.end() && *(large + 1) == "object";
  }
  const bool writes = WritesRows(words);
  if (verb == "with") return writes;
  if (verb != "do" || !(writes || has({"setval", "lo_create", "lo_from_bytea", "lowrite"}))) return false;
  if (has({"create", "alter"})) return false;
  warnings_.Add("a DO that writes rows is left out, as schemaOnly says", Line());
  return true;
}

/// Of a CREATE: what it makes, whatever that is.
void PlainFilter::SeesMade(const std::vector<std::string>& words) {
  if (options_.skip_extensions.empty()) return;
  size_t kind = Skip(words, 1, {"or", "replace", "unlogged", "foreign", "materialized", "recursive", "temp"});
  if (kind >= words.size()) return;
  const size_t at = Skip(words, kind + 1, {"if", "not", "exists"});
  if (at >= words.size()) return;
  if (words[kind] == "schema") return skipped_.MakesSchema(words[at]);
  if (IsOneOf(words[kind],
              {"table", "view", "sequence", "function", "procedure", "aggregate", "type", "domain"}))
    skipped_.Makes(TableAt(words, at, schema_));
}

bool PlainFilter::LeavesOutWhatIsOf(const std::vector<std::string>& words) {
  if (options_.skip_extensions.empty()) return false;
  const Table subject = SubjectOf(words);
  if (subject.schema.empty()) return false;
  if (subject.name.empty() ? !skipped_.BringSchema(subject.schema) : !skipped_.Bring(subject)) return false;
  warnings_.Add("what is said of '" + subject.schema +
                    "', which the dump does not make, is left out with the extension that does",
                Line());
  return true;
}

/// `words`: what follows EXTENSION.
bool PlainFilter::LeavesOutExtension(const std::vector<std::string>& words) {
  const bool creates = FirstWord() == "CREATE";
  const size_t at = Skip(words, 0, {"if", "not", "exists"});
  if (at >= words.size()) return false;
  const std::string& name = words[at];
  const auto version = std::find(words.begin(), words.end(), "version");
  WantedExtension wanted{name, version != words.end() && version + 1 != words.end() ? *(version + 1) : ""};
  const auto schema = std::find(words.begin(), words.end(), "schema");
  const bool put = schema != words.end() && schema + 1 != words.end();
  if (skipped_.IsSkipped(name, put ? *(schema + 1) : std::string())) {
    if (creates) warnings_.Add("extension '" + name + "' is left out, as skipExtensions says", Line());
    return true;
  }
  const bool known = std::find(wanted_.begin(), wanted_.end(), wanted) != wanted_.end();
  if (creates && !known && wanted_.size() < kMaxWanted) wanted_.push_back(std::move(wanted));
  return false;
}

bool PlainFilter::LeavesOutRowsOf(const Table& table) {
  const auto without = family_.IsWithoutRows(table);
  if (!without) Fault(tl::unexpected(without.error()));
  if (!without || *without || options_.schema_only) return true;
  const std::string name = table.Qualified();
  // An extension makes its own tables, of which a dump has rows only.
  if (tables_.size() == kMaxTables || !skipped_.Bring(table)) return false;
  warnings_.Add(
      "rows of '" + name + "', which the dump does not make, are left out with the extension that does",
      Line());
  return true;
}

}  // namespace spawnd::engines::postgresql
