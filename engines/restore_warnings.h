/// What a restore tells its user although it goes on: each thing once, with the line of the backup where it
/// was first and how often it came. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace spawnd::engines {

/// "line 4 of 'x.sql'"; "'x.sql'" for line 0.
std::string PlaceIn(const std::string& backup, uint64_t line);

class RestoreWarnings {
 public:
  /// `backup`: its name.
  explicit RestoreWarnings(std::string backup) : backup_(std::move(backup)) {}

  /// `line` of the backup; 0: of none of its own. The same `text` again is counted. Different ones are
  /// bounded: a backup of a million objects must not fill memory with what is said about it.
  void Add(std::string text, uint64_t line = 0);

  /// A line of text each, in the order of the backup's lines; those of none come first.
  std::vector<std::string> InOrder() const;

 private:
  struct Seen {
    uint64_t line = 0;
    size_t order = 0;
    uint64_t times = 0;
  };

  const std::string backup_;
  std::map<std::string, Seen> by_text_;
  uint64_t left_out_ = 0;
};

}  // namespace spawnd::engines
