/// The words of a statement of SQL, and the tables that they name. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spawnd::engines::postgresql {

/// A statement's words and signs: unquoted ones in lower case, names and texts without their quotes. Comments
/// are left out. At most 200,000.
std::vector<std::string> WordsOf(std::string_view sql);

struct Table {
  std::string schema{};  ///< may be empty
  std::string name{};

  std::string Qualified() const;
};

/// `schema`: of a name that has none.
Table TableAt(const std::vector<std::string>& words, size_t at, const std::string& schema);

/// Of a CREATE TABLE: what it is a partition of, or inherits from.
std::vector<Table> InheritedBy(const std::vector<std::string>& words, const std::string& schema);

}  // namespace spawnd::engines::postgresql
