#include "engines/postgresql/parts/family.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kMaxTables = 100'000;

/// Nobody's tables are so many; a dump made to keep us busy is another matter.
constexpr size_t kMaxSteps = 5'000'000;

}  // namespace

std::vector<std::string> TableFamily::Along(const Edges& edges, const std::string& from) {
  std::vector<std::string> all{from};
  std::set<std::string> seen{from};
  for (size_t at = 0; at < all.size() && steps_ < kMaxSteps; ++at, ++steps_) {
    const std::string name = all[at];
    for (auto [next, end] = edges.equal_range(name); next != end; ++next) {
      if (seen.insert(next->second).second) all.push_back(next->second);
    }
  }
  return all;
}

bool TableFamily::IsNamed(const std::string& qualified) {
  const size_t dot = qualified.find('.');
  return dot == std::string::npos ? without_rows_.Match({}, qualified)
                                  : without_rows_.Match(qualified.substr(0, dot), qualified.substr(dot + 1));
}

std::string TableFamily::NamedAbove(const std::string& qualified) {
  for (const std::string& name : Along(parents_, qualified)) {
    if (IsNamed(name)) return name;
  }
  return {};
}

std::string TableFamily::NamedBelow(const std::string& qualified) {
  for (const std::string& name : Along(partitions_, qualified)) {
    if (IsNamed(name)) return name;
  }
  return {};
}

Result<void> TableFamily::AddChild(const Table& child, const Table& parent, bool partition) {
  if (without_rows_.Empty()) return {};
  const std::string below = child.Qualified();
  const std::string above = parent.Qualified();
  if (parents_.size() >= kMaxTables || steps_ >= kMaxSteps) {
    return Fail(ErrorCode::kUnsupported, "'" + backup_ + "' has too many partitions to leave out rows",
                "Leave out `excludeData`.");
  }
  asked_.clear();
  parents_.emplace(below, above);
  children_.emplace(above, below);
  if (partition) partitions_.emplace(above, below);
  const std::string named = NamedAbove(above);
  if (named.empty()) return {};
  for (const std::string& with_rows : Along(children_, below)) {
    if (!have_rows_.contains(with_rows)) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "`excludeData:` names '" + named + "', of which '" + with_rows +
                    "' is a part, and the rows of that come in '" + backup_ + "' before it says so",
                "Name it, too: `excludeData: [" + named + ", " + with_rows + "]`.");
  }
  return {};
}

Result<bool> TableFamily::IsWithoutRows(const Table& table) {
  if (without_rows_.Empty()) return false;
  const std::string name = table.Qualified();
  if (name == asked_) return answered_;
  answered_ = !NamedAbove(name).empty();
  if (answered_) {
    asked_ = name;
    return true;
  }
  const std::string named = NamedBelow(name);
  if (!named.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "`excludeData:` names '" + named + "', whose rows '" + backup_ + "' has among those of '" +
                    name + "', of which it is a partition",
                "Leave out those of the whole with `excludeData: [" + name +
                    "]`, or make the dump without --load-via-partition-root.");
  }
  if (have_rows_.size() >= kMaxTables || steps_ >= kMaxSteps) {
    return Fail(ErrorCode::kUnsupported, "'" + backup_ + "' has too many tables to leave out rows",
                "Leave out `excludeData`.");
  }
  have_rows_.insert(name);
  asked_ = name;
  return false;
}

}  // namespace spawnd::engines::postgresql
