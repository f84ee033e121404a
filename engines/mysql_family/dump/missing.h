/// What a dump wants of a server that this one does not have: storage engines, plugins, functions in
/// libraries. All of it is found before anybody is told. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/mysql_family/dump/statement.h"

namespace spawnd::engines::mysql_family {

class MissingThings {
 public:
  enum class Answer { kUndecided, kPass, kDrop };

  struct Options {
    /// Files in the folder that the server loads plugins from, and whether that folder is known.
    std::vector<std::string> libraries{};
    bool knows_libraries = false;
    /// Storage engines of the server, in upper case; none: unknown.
    std::vector<std::string> engines{};
    std::vector<std::string> skipped{};  ///< skipExtensions
  };
  explicit MissingThings(Options options) : options_(std::move(options)) {}

  /// INSTALL and CREATE FUNCTION ... SONAME.
  Answer Judge(const Statement& statement, bool ended);
  /// What the last kDrop was of.
  const std::string& LeftOut() const { return left_out_; }

  /// True: ENGINE=`engine` in that line of a CREATE TABLE becomes the server's own. What is missing and not
  /// skipped is kept for CheckEnd.
  bool ReplacesEngine(const std::string& engine, uint64_t line);

  /// Something is missing: nothing more needs to be passed on.
  bool Any() const { return !found_.empty(); }
  Result<void> CheckEnd(const std::string& name) const;

 private:
  bool IsSkipped(std::string_view what) const;
  bool HasLibrary(std::string_view file) const;
  Answer Found(const std::string& what, const std::string& key, const std::string& library, uint64_t line);

  const Options options_;
  std::string left_out_;
  std::map<std::string, uint64_t> found_;  ///< with the line where it came first
  std::vector<std::string> keys_;          ///< as skipExtensions names them
};

}  // namespace spawnd::engines::mysql_family
