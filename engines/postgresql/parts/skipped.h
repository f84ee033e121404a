/// Whose an object of a dump is that the dump does not make: that of an extension which is to be left out, or
/// of one that is there. What a dump makes is told first. Memory is bounded. Used by one thread at a time.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engines/postgresql/parts/words.h"

namespace spawnd::engines::postgresql {

class SkippedExtensions {
 public:
  explicit SkippedExtensions(const std::vector<std::string>& names) : names_(names.begin(), names.end()) {}

  /// An extension of the dump, `schema`: where it is put, may be empty. True: it is to be left out.
  bool IsSkipped(const std::string& name, const std::string& schema);
  void MakesSchema(const std::string& name);
  void Makes(const Table& object);

  /// An extension that is left out brings the schema.
  bool BringSchema(const std::string& name) const;
  /// And this in it.
  bool Bring(const Table& object) const;
  /// Those that are to be left out and that the dump has not.
  std::vector<std::string> Unseen() const;

 private:
  const std::set<std::string> names_;
  std::set<std::string> seen_;
  std::set<std::string> kept_;          ///< names of the others
  std::set<std::string> kept_schemas_;  ///< and where they are put
  std::set<std::string> into_;          ///< where those are put that are left out
  std::set<std::string> schemas_;
  std::set<std::string> made_;
  bool full_ = false;  ///< more than is remembered
};

/// What a statement is about that is not one of those that make something: GRANT, ALTER, COMMENT, SELECT of a
/// function and others. `name` is empty for a schema as a whole; both are: not known.
Table SubjectOf(const std::vector<std::string>& words);

}  // namespace spawnd::engines::postgresql
