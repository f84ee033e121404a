#include "engines/postgresql/parts/skipped.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kMaxNames = 200'000;

/// Schemas of extensions that are not called as they are.
struct Brings {
  std::string_view extension;
  std::string_view schema;
};
constexpr std::array kBrings{Brings{"pg_cron", "cron"},
                             Brings{"postgis_topology", "topology"},
                             Brings{"postgis_tiger_geocoder", "tiger"},
                             Brings{"postgis_tiger_geocoder", "tiger_data"},
                             Brings{"pg_partman", "partman"},
                             Brings{"pg_repack", "repack"},
                             Brings{"pg_squeeze", "squeeze"},
                             Brings{"pg_net", "net"},
                             Brings{"pg_graphql", "graphql"},
                             Brings{"supabase_vault", "vault"}};

bool IsOfEverybody(const std::string& schema) {
  return schema.empty() || schema == "pg_catalog" || schema == "information_schema" || schema == "public";
}

size_t Find(const std::vector<std::string>& words, size_t at, std::string_view word) {
  while (at < words.size() && words[at] != word) ++at;
  return at;
}

/// The first name with a schema from `at` on, within `most` words.
Table FirstQualified(const std::vector<std::string>& words, size_t at, size_t most) {
  for (size_t i = at; i + 2 < words.size() && i < at + most; ++i) {
    if (words[i] == "schema") return {words[i + 1], {}};
    if (words[i] == "(" || words[i] == ";") break;
    if (words[i + 1] == ".") return {words[i], words[i + 2]};
  }
  if (at + 1 < words.size() && words[at] == "schema") return {words[at + 1], {}};
  return {};
}

}  // namespace

bool SkippedExtensions::IsSkipped(const std::string& name, const std::string& schema) {
  const bool skipped = names_.contains(name);
  if (skipped) {
    seen_.insert(name);
    if (!schema.empty()) into_.insert(schema);
  } else if (kept_.size() < kMaxNames && name != "plpgsql") {
    kept_.insert(name);
    kept_schemas_.insert(schema.empty() ? "public" : schema);
  }
  return skipped;
}

void SkippedExtensions::MakesSchema(const std::string& name) {
  full_ = full_ || schemas_.size() >= kMaxNames;
  if (!full_) schemas_.insert(name);
}

void SkippedExtensions::Makes(const Table& object) {
  full_ = full_ || made_.size() >= kMaxNames;
  if (!full_) made_.insert(object.Qualified());
}

bool SkippedExtensions::BringSchema(const std::string& name) const {
  if (seen_.empty() || full_ || IsOfEverybody(name) || schemas_.contains(name)) return false;
  if (kept_schemas_.contains(name) || kept_.contains(name)) return false;
  return std::none_of(kBrings.begin(), kBrings.end(), [&](const Brings& brings) {
    return brings.schema == name && kept_.contains(std::string(brings.extension));
  });
}

bool SkippedExtensions::Bring(const Table& object) const {
  if (seen_.empty() || full_ || made_.contains(object.Qualified())) return false;
  if (BringSchema(object.schema)) return true;
  // In a schema that the dump makes: of those that are put there, if they are left out all.
  return object.schema != "pg_catalog" && into_.contains(object.schema) &&
         !kept_schemas_.contains(object.schema);
}

std::vector<std::string> SkippedExtensions::Unseen() const {
  std::vector<std::string> unseen;
  std::set_difference(names_.begin(), names_.end(), seen_.begin(), seen_.end(), std::back_inserter(unseen));
  return unseen;
}

Table SubjectOf(const std::vector<std::string>& words) {
  if (words.size() < 3) return {};
  constexpr size_t kNear = 8;
  const std::string& verb = words.front();
  if (verb == "select") {
    const size_t from = Find(words, 1, "from");
    const Table subject = FirstQualified(words, words[1] == "*" ? from + 1 : 1, 2);
    const bool sets = subject.name == "setval" || (subject.name.empty() && words[1] == "setval");
    if (!sets) return subject;
    // Its sequence is a text: 'cron.jobid_seq'.
    const size_t text = Find(words, 1, "(") + 1;
    if (text >= words.size()) return {};
    std::string name = words[text];
    name.erase(std::remove(name.begin(), name.end(), '"'), name.end());
    const size_t dot = name.find('.');
    return dot == std::string::npos ? Table{} : Table{name.substr(0, dot), name.substr(dot + 1)};
  }
  if (verb == "alter" && words[1] == "default") {
    const size_t in = Find(words, 1, "in");
    return in + 2 < words.size() && words[in + 1] == "schema" ? Table{words[in + 2], {}} : Table{};
  }
  if (verb == "alter" || verb == "update" || verb == "delete") return FirstQualified(words, 1, kNear);
  const bool of_table =
      verb == "create" && (words[1] == "policy" || words[1] == "trigger" || words[1] == "index" ||
                           words[1] == "unique" || words[1] == "constraint");
  const bool on = of_table || verb == "grant" || verb == "revoke" || verb == "comment" || verb == "security";
  return on ? FirstQualified(words, Find(words, 1, "on") + 1, kNear) : Table{};
}

}  // namespace spawnd::engines::postgresql
