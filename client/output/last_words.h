/// What a command that a signal ends says before it ends: how things stand, where nothing says so by itself.
/// For spawnctl's first thread.
#pragma once

#include <csignal>
#include <string>

namespace spawnd::client {

/// While the one object of this kind lives, SIGINT, SIGTERM and SIGHUP print its text to standard error, and
/// then do what they would have done.
class LastWords {
 public:
  /// `text`: ends in a newline.
  explicit LastWords(std::string text);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

 private:
  const std::string text_;
};

}  // namespace spawnd::client
