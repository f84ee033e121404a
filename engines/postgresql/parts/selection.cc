#include "engines/postgresql/parts/selection.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "base/text.h"
#include "engines/postgresql/parts/patterns.h"
#include "engines/postgresql/parts/skipped.h"

namespace spawnd::engines::postgresql {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsTable(const ContentsEntry& entry) {
  return IsOneOf(entry.kind, {"TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW"});
}

bool IsView(const ContentsEntry& entry) {
  return entry.kind.ends_with("VIEW");
}

bool IsRows(const ContentsEntry& entry) {
  return IsOneOf(entry.kind, {"TABLE DATA", "MATERIALIZED VIEW DATA"});
}

class Selector {
 public:
  Selector(const Contents& contents, const RestoreOptions& options) : contents_(contents), options_(options) {
    for (const ContentsEntry& entry : contents.entries) by_id_[entry.id] = &entry;
    for (const ContentsEntry& entry : contents.entries) {
      for (const int need : entry.needs) AddRelation(entry, need);
      if (entry.kind == "SEQUENCE OWNED BY") serials_.insert(entry.needs.begin(), entry.needs.end());
    }
  }

  Result<Selection> Select(const std::string& name) {
    TRY(ChooseTables(name));
    ChooseSequences();
    TRY(LeaveOutRows(name));
    LeaveOutExtensions();
    TRY(LeaveOutWhatNeedsThem(name));
    for (const ContentsEntry& entry : contents_.entries) {
      if (!out_.contains(entry.id)) selection_.ids.push_back(entry.id);
    }
    return std::move(selection_);
  }

 private:
  Result<void> CheckMatched(const TablePatterns& patterns, const std::string& name) const {
    const std::string unmatched = patterns.Unmatched();
    if (unmatched.empty()) return {};
    std::vector<std::string> names;
    for (const ContentsEntry& entry : contents_.entries) {
      if (IsTable(entry)) names.push_back(entry.schema + "." + entry.name);
    }
    return Fail(ErrorCode::kInvalidArgument, unmatched + ", and '" + name + "' has no such table",
                names.empty() ? "It has no tables." : "It has " + SomeOf(names) + ".");
  }

  /// A partition or a table that inherits: both need their parent, in an entry of its own or in theirs.
  void AddRelation(const ContentsEntry& entry, int need) {
    const auto parent = by_id_.find(need);
    if (parent == by_id_.end() || !IsTable(*parent->second)) return;
    const std::string name = NameOf(*parent->second);
    if (std::find(entry.inherits.begin(), entry.inherits.end(), name) != entry.inherits.end()) {
      children_.emplace(need, entry.id);
      if (entry.is_partition) partitions_.emplace(need, entry.id);
    } else if (entry.kind == "TABLE ATTACH" && name != NameOf(entry) && entry.needs.size() < 16) {
      for (const int other : entry.needs) {
        const auto child = by_id_.find(other);
        if (child == by_id_.end() || !IsTable(*child->second) || NameOf(*child->second) != NameOf(entry))
          continue;
        children_.emplace(need, other);
        partitions_.emplace(need, other);
      }
    }
  }

  /// A sequence that is made without the table that owns it, as one of an identity is not.
  bool IsSerial(const ContentsEntry& entry) const {
    return entry.kind == "SEQUENCE" && serials_.contains(entry.id);
  }

  static std::string NameOf(const ContentsEntry& entry) { return entry.schema + "." + entry.name; }

  /// With their partitions, and what inherits from them.
  std::set<int> WithChildren(std::vector<int> ids) const {
    std::set<int> all(ids.begin(), ids.end());
    while (!ids.empty()) {
      const int id = ids.back();
      ids.pop_back();
      for (auto [at, end] = children_.equal_range(id); at != end; ++at) {
        if (all.insert(at->second).second) ids.push_back(at->second);
      }
    }
    return all;
  }

  Result<void> ChooseTables(const std::string& name) {
    TablePatterns wanted("tables", options_.tables);
    TablePatterns unwanted("excludeTables", options_.exclude_tables);
    std::set<int> kept;
    std::vector<int> named;
    for (const ContentsEntry& entry : contents_.entries) {
      if (IsTable(entry) && unwanted.Match(entry.schema, entry.name)) named.push_back(entry.id);
    }
    unwanted_ = WithChildren(named);
    const std::set<int> by_name(named.begin(), named.end());
    for (const int id : unwanted_) {
      if (!by_name.contains(id) && wanted.Empty())
        selection_.warnings.push_back("'" + by_id_.at(id)->name + "' is left out with what it is a part of");
    }
    for (const ContentsEntry& entry : contents_.entries) {
      if (!IsTable(entry)) continue;
      const bool keep = wanted.Match(entry.schema, entry.name) || wanted.Empty();
      if (unwanted_.contains(entry.id) || !keep) {
        out_.insert(entry.id);
      } else {
        kept.insert(entry.id);
        if (wanted.Names(entry.schema, entry.name)) named_.insert(entry.id);
      }
    }
    TRY(CheckMatched(wanted, name));
    TRY(CheckMatched(unwanted, name));
    if (!wanted.Empty() || !unwanted.Empty()) TakeRelativesOf(kept);
    return {};
  }

  /// What a table cannot be made without: what it inherits from, sequences of its defaults, and what its
  /// types and functions are made of. And its partitions, which have its rows.
  void TakeRelativesOf(const std::set<int>& kept) {
    std::set<int> seen = kept;
    std::vector<int> open(kept.begin(), kept.end());
    const auto take = [&](int id) {
      const auto entry = by_id_.find(id);
      if (entry == by_id_.end() || seen.contains(id)) return;
      if (IsTable(*entry->second)) {
        if (IsView(*entry->second) || unwanted_.contains(id)) return;
        out_.erase(id);
      }
      if (entry->second->kind == "SEQUENCE") needed_sequences_.insert(id);
      seen.insert(id);
      open.push_back(id);
    };
    while (!open.empty()) {
      const int id = open.back();
      open.pop_back();
      // What a view is over is for the user to name.
      if (IsView(*by_id_.at(id)) || IsSerial(*by_id_.at(id))) continue;
      for (const int need : by_id_.at(id)->needs) take(need);
      for (auto [at, end] = partitions_.equal_range(id); at != end; ++at) take(at->second);
    }
  }

  /// Those of tables that are left out, by ownership or identity; with `tables`, those that nobody needs,
  /// too.
  void ChooseSequences() {
    std::map<int, bool> needed;  // of those that tables speak of: by one that is kept
    for (const ContentsEntry& entry : contents_.entries) {
      // They come whether a table needs them or not.
      if (IsOneOf(entry.kind, {"DOMAIN", "TYPE", "FUNCTION", "PROCEDURE"}))
        needed_sequences_.insert(entry.needs.begin(), entry.needs.end());
      const auto table = std::find_if(entry.needs.begin(), entry.needs.end(), [&](int need) {
        const auto found = by_id_.find(need);
        return found != by_id_.end() && IsTable(*found->second);
      });
      if (table == entry.needs.end()) continue;
      const bool kept = !out_.contains(*table);
      if (entry.kind == "SEQUENCE") needed[entry.id] = needed[entry.id] || kept;
      if (!IsOneOf(entry.kind, {"SEQUENCE OWNED BY", "DEFAULT"})) continue;
      for (const int need : entry.needs) {
        if (KindOf(need) == "SEQUENCE") needed[need] = needed[need] || kept;
      }
    }
    TablePatterns wanted("tables", options_.tables);
    for (const ContentsEntry& entry : contents_.entries) {
      if (entry.kind != "SEQUENCE" || wanted.Match(entry.schema, entry.name) ||
          needed_sequences_.contains(entry.id))
        continue;
      const auto known = needed.find(entry.id);
      const bool keep = known != needed.end() ? known->second : wanted.Empty();
      if (!keep) out_.insert(entry.id);
    }
  }

  Result<void> LeaveOutRows(const std::string& name) {
    TablePatterns without_rows("excludeData", options_.exclude_data);
    std::vector<int> named;
    for (const ContentsEntry& entry : contents_.entries) {
      if (IsTable(entry) && without_rows.Match(entry.schema, entry.name)) named.push_back(entry.id);
    }
    std::set<std::string> empty;
    for (const int id : WithChildren(std::move(named))) empty.insert(NameOf(*by_id_.at(id)));
    for (const ContentsEntry& entry : contents_.entries) {
      const bool of_schema =
          options_.schema_only &&
          (IsRows(entry) || entry.name.starts_with("LARGE OBJECT") ||
           IsOneOf(entry.kind, {"SEQUENCE SET", "BLOB", "BLOBS", "BLOB METADATA", "STATISTICS DATA"}));
      const bool without =
          IsRows(entry) && (empty.contains(NameOf(entry)) || without_rows.Match(entry.schema, entry.name));
      if (of_schema || without) out_.insert(entry.id);
    }
    return CheckMatched(without_rows, name);
  }

  /// An extension makes its own objects, of which a dump has rows, grants and comments only.
  void LeaveOutExtensions() {
    if (options_.skip_extensions.empty()) return;
    SkippedExtensions skipped(options_.skip_extensions);
    std::set<int> gone;
    for (const ContentsEntry& entry : contents_.entries) {
      if (entry.kind == "SCHEMA") skipped.MakesSchema(entry.name);
      if (IsTable(entry) ||
          IsOneOf(entry.kind, {"SEQUENCE", "FUNCTION", "PROCEDURE", "AGGREGATE", "TYPE", "DOMAIN"}))
        skipped.Makes({entry.schema, entry.name.substr(0, entry.name.find('('))});
      if (entry.kind != "EXTENSION" || !skipped.IsSkipped(entry.name, entry.into_schema)) continue;
      gone.insert(entry.id);
      out_.insert(entry.id);
      selection_.warnings.push_back("extension '" + entry.name + "' is left out, as skipExtensions says");
    }
    for (const std::string& name : skipped.Unseen()) {
      selection_.warnings.push_back("skipExtensions names '" + name +
                                    "', an extension that the archive does not have");
    }
    for (const ContentsEntry& entry : contents_.entries) LeaveOutIfOf(skipped, gone, entry);
  }

  /// Of what stands on a table: its name has that of the table before a blank, but for an index. The archive
  /// has no table for it.
  bool BringTableOf(const SkippedExtensions& skipped, const ContentsEntry& entry) const {
    const bool has_table = std::any_of(entry.needs.begin(), entry.needs.end(), [&](int id) {
      return by_id_.contains(id) && IsTable(*by_id_.at(id));
    });
    return !has_table && skipped.Bring({entry.schema, entry.name.substr(0, entry.name.find(' '))});
  }

  void LeaveOutIfOf(const SkippedExtensions& skipped, const std::set<int>& gone, const ContentsEntry& entry) {
    const bool about = IsOneOf(entry.kind, {"COMMENT", "ACL", "SECURITY LABEL"});
    const bool needs =
        std::any_of(entry.needs.begin(), entry.needs.end(), [&](int id) { return gone.contains(id); });
    if (about && needs && entry.name.starts_with("EXTENSION ")) out_.insert(entry.id);
    const bool of_object =
        about || IsOneOf(entry.kind, {"TABLE DATA", "SEQUENCE SET", "POLICY", "ROW SECURITY", "TRIGGER",
                                      "INDEX", "RULE", "DEFAULT ACL"});
    if (!of_object) return;
    std::string name = entry.name;
    std::string schema = entry.schema;
    if (about) {
      const size_t blank = name.find(' ');
      if (blank == std::string::npos) return;
      if (name.starts_with("SCHEMA ")) schema = name.substr(blank + 1);
      name = name.starts_with("SCHEMA ") ? std::string() : name.substr(blank + 1);
      name = name.substr(0, name.find('('));
    }
    const bool whole = name.empty() || entry.kind == "DEFAULT ACL";
    const bool rows = IsOneOf(entry.kind, {"TABLE DATA", "SEQUENCE SET"});
    const bool by_name = about || rows;
    const bool brought = whole     ? skipped.BringSchema(schema)
                         : by_name ? skipped.Bring({schema, name})
                                   : BringTableOf(skipped, entry);
    if (!brought) return;
    if (!out_.insert(entry.id).second) return;
    const std::string warning =
        rows ? "rows of the extension's own table '" + schema + "." + name + "' are left out"
             : "what is said of '" + schema +
                   "', which the archive does not make, is left out with the extension that does";
    if (said_.insert(warning).second) selection_.warnings.push_back(warning);
  }

  /// Of tables and sequences; what needs an extension that is left out would be gone with all its rows.
  Result<void> LeaveOutWhatNeedsThem(const std::string& name) {
    if (options_.tables.empty() && options_.exclude_tables.empty()) return {};
    std::multimap<int, const ContentsEntry*> needed_by;
    std::vector<int> gone;
    for (const ContentsEntry& entry : contents_.entries) {
      for (const int need : entry.needs) needed_by.emplace(need, &entry);
      if (out_.contains(entry.id) && (IsTable(entry) || entry.kind == "SEQUENCE")) gone.push_back(entry.id);
    }
    std::set<int> seen(gone.begin(), gone.end());
    while (!gone.empty()) {
      const int lost = gone.back();
      gone.pop_back();
      for (auto [at, end] = needed_by.equal_range(lost); at != end; ++at) {
        const ContentsEntry& entry = *at->second;
        if (IsSerial(entry) && needed_sequences_.contains(entry.id)) {
          for (auto [own, last] = needed_by.equal_range(entry.id); own != last; ++own) {
            if (own->second->kind == "SEQUENCE OWNED BY") out_.insert(own->second->id);
          }
          continue;
        }
        if (!seen.insert(entry.id).second) continue;
        gone.push_back(entry.id);
        if (!out_.insert(entry.id).second) continue;
        if (named_.contains(entry.id)) return CannotCome(entry, lost, name);
        Warn(entry, lost);
      }
    }
    return CheckAnyLeft(name);
  }

  /// A table that the user has named.
  tl::unexpected<Error> CannotCome(const ContentsEntry& entry, int lost, const std::string& name) const {
    std::vector<std::string> missing;
    bool unwanted = false;
    std::set<int> seen{entry.id};
    std::vector<int> open{entry.id};
    while (!open.empty()) {
      const ContentsEntry& one = *by_id_.at(open.back());
      open.pop_back();
      if (one.id != entry.id && IsTable(one) && out_.contains(one.id)) {
        missing.push_back(NameOf(one));
        unwanted = unwanted || unwanted_.contains(one.id);
      }
      for (const int need : one.needs) {
        if (by_id_.contains(need) && seen.insert(need).second) open.push_back(need);
      }
    }
    if (missing.empty()) missing.push_back(NameOf(*by_id_.at(lost)));
    return Fail(ErrorCode::kInvalidArgument,
                "`tables:` names '" + NameOf(entry) + "' of '" + name +
                    "', which needs what is left out: " + SomeOf(missing),
                unwanted ? "Take that off `excludeTables`."
                         : "Name it, too: `tables: [" + NameOf(entry) + ", " + SomeOf(missing) + "]`.");
  }

  Result<void> CheckAnyLeft(const std::string& name) const {
    const auto is_left = [&](const ContentsEntry& entry) {
      return IsTable(entry) && !out_.contains(entry.id);
    };
    if (options_.tables.empty() || std::any_of(contents_.entries.begin(), contents_.entries.end(), is_left))
      return {};
    return Fail(ErrorCode::kInvalidArgument, "of '" + name + "' no table is left, as `tables:` names them",
                selection_.warnings.empty()
                    ? std::string("Look at `excludeTables`.")
                    : "The first: " + selection_.warnings.front() + ". Name that, too.");
  }

  /// Of what somebody may miss: a table's own index goes without a word.
  void Warn(const ContentsEntry& entry, int lost) {
    // Its name is that of its table, a blank, and its own.
    const bool foreign_key = entry.kind == "FK CONSTRAINT";
    const bool of_table =
        foreign_key || IsOneOf(entry.kind, {"POLICY", "TRIGGER", "RULE", "DEFAULT", "CHECK CONSTRAINT"});
    if (!of_table && !IsOneOf(entry.kind, {"VIEW", "MATERIALIZED VIEW", "FUNCTION", "PROCEDURE", "AGGREGATE",
                                           "TYPE", "DOMAIN", "TABLE", "FOREIGN TABLE"}))
      return;
    const bool of_lost_table = std::any_of(entry.needs.begin(), entry.needs.end(), [&](int need) {
      return by_id_.contains(need) && IsTable(*by_id_.at(need)) && out_.contains(need) &&
             entry.name.starts_with(by_id_.at(need)->name + " ");
    });
    if (of_table && of_lost_table) return;
    const ContentsEntry& needed = *by_id_.at(lost);
    const std::string name =
        needed.kind == "CONSTRAINT" ? needed.name.substr(0, needed.name.find(' ')) : needed.name;
    const std::string kind = foreign_key ? "foreign key " : of_table ? LowerCase(entry.kind) + " " : "";
    selection_.warnings.push_back(kind + "'" + entry.name + "' is left out: it needs '" + name +
                                  "', which is");
  }

  std::string KindOf(int id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::string() : found->second->kind;
  }

  const Contents& contents_;
  const RestoreOptions& options_;
  std::map<int, const ContentsEntry*> by_id_;
  std::multimap<int, int> children_;    ///< by what they are partitions of, or inherit from
  std::multimap<int, int> partitions_;  ///< of the children
  std::set<int> unwanted_;              ///< tables of excludeTables
  std::set<int> named_;                 ///< of `tables`, by their very names
  std::set<int> needed_sequences_;
  std::set<std::string> said_;
  std::set<int> serials_;  ///< among others
  std::set<int> out_;
  Selection selection_;
};

}  // namespace

Result<Selection> SelectParts(const Contents& contents, const RestoreOptions& options,
                              const std::string& name) {
  return Selector(contents, options).Select(name);
}

}  // namespace spawnd::engines::postgresql
