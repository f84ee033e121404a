#include "daemon/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "base/escape_controls.h"

namespace spawnd::daemon {
namespace {

/// "<N>", the priority that the journal takes off the front of a line (sd-daemon(3), syslog(3)).
class JournalPriority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const char digit = Digit(message.level);
    out.push_back('<');
    out.push_back(digit);
    out.push_back('>');
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<JournalPriority>();
  }

 private:
  static char Digit(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::critical:
        return '2';
      case spdlog::level::err:
        return '3';
      case spdlog::level::warn:
        return '4';
      case spdlog::level::info:
        return '6';
      default:
        return '7';
    }
  }
};

/// "%&", the message, without anything that a reader could take for more than text: a line's end begins no
/// line, so that whoever puts one into a path or a name writes nothing into the log in the daemon's name; an
/// escape sequence does nothing to the terminal that shows it.
class Harmless final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = EscapeControls({message.payload.data(), message.payload.size()}, "");
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<Harmless>();
  }
};

}  // namespace

void StartLogging() {
  auto logger = std::make_shared<spdlog::logger>("spawnd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<Harmless>('&');
  if (std::getenv("JOURNAL_STREAM") != nullptr) {
    formatter->add_flag<JournalPriority>('*').set_pattern("%*%&");
  } else {
    formatter->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %&");
  }
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace spawnd::daemon
