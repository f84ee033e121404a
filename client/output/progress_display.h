/// What a long command shows on stderr while it runs. Single thread; writes through a function, so that tests
/// see what a terminal would.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "api/types.h"

namespace spawnd::client {

class ProgressDisplay {
 public:
  enum class Mode {
    kSilent,    ///< nothing at all (-q)
    kWarnings,  ///< warnings and notes only: stderr is no terminal
    kLines,     ///< --progress without a terminal: a line for each stage, and now and then within one
    kTerminal,  ///< one line, rewritten
  };
  struct Screen {
    std::function<void(std::string_view)> write;
    std::function<int64_t()> now_milliseconds;  ///< monotonic
    size_t columns = 80;                        ///< longer lines are cut, or they could not be rewritten
  };

  ProgressDisplay(Mode mode, Screen screen);

  void Show(const api::Progress& progress);
  /// Time has passed: the elapsed time on the terminal goes on.
  void Tick();
  /// Takes the rewritten line away. Call before anything else is written to the terminal.
  void Clear();

 private:
  std::string Line() const;
  void Rewrite();

  Mode mode_;
  Screen screen_;
  int64_t start_;
  int64_t stage_start_;
  int64_t last_write_;
  int64_t stage_first_bytes_ = 0;
  api::Progress progress_;
  bool on_screen_ = false;
};

}  // namespace spawnd::client
