#include "client/output/last_words.h"

#include <unistd.h>

#include <array>
#include <utility>

namespace spawnd::client {
namespace {

constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

// For a handler, which may use nothing else.
const char* volatile words = nullptr;
volatile size_t words_bytes = 0;

void SayAndEnd(int signal) {
  // The line above may be a progress bar's.
  constexpr std::array<char, 1> kNewLine{'\n'};
  static_cast<void>(!::write(STDERR_FILENO, kNewLine.data(), ::isatty(STDERR_FILENO) == 1 ? 1 : 0));
  static_cast<void>(!::write(STDERR_FILENO, words, words_bytes));
  // SA_RESETHAND has put the default back.
  ::raise(signal);
}

}  // namespace

LastWords::LastWords(std::string text) : text_(std::move(text)) {
  words = text_.c_str();
  words_bytes = text_.size();
  struct sigaction action {};
  action.sa_handler = SayAndEnd;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : kSignals) {
    struct sigaction before {};
    // Ignored, as nohup(1) has it: it stays so.
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL) {
      ::sigaction(signal, &action, nullptr);
    }
  }
}

LastWords::~LastWords() {
  for (const int signal : kSignals) {
    struct sigaction now {};
    if (::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SayAndEnd) ::signal(signal, SIG_DFL);
  }
}

}  // namespace spawnd::client
