#include "engines/redis/script_session.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/random.h"
#include "base/text.h"
#include "engines/redis/launch.h"
#include "engines/redis/script_rules.h"

namespace spawnd::engines::redis {
namespace {

constexpr size_t kMarkerLetters = 8;
/// How much of a command is kept, for what is said of it.
constexpr size_t kBeginning = 80;
/// What redis-cli says of quotes that do not fit, and what is said instead.
constexpr std::string_view kBadArguments = "Invalid argument(s)";
constexpr std::string_view kOpenQuote =
    "Invalid argument(s): a quotation mark is not closed, or something follows right behind one";

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\v\f";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// The error in a line of redis-cli's answer, which may stand within a list: `2) (error) ERR ...`.
std::string_view ErrorIn(std::string_view line) {
  if (line == kBadArguments) return line;
  constexpr std::string_view kError = "(error) ";
  const size_t at = line.find(kError);
  // In a string of the data's it would stand behind a quotation mark.
  if (at == std::string_view::npos || line.substr(0, at).find('"') != std::string_view::npos) return {};
  return line.substr(at + kError.size());
}

/// The server may know the command well, and not have it here.
std::string NotInBuildsHint() {
  std::string names;
  for (const std::string_view command : NotInBuilds())
    names.append(names.empty() ? "" : ", ").append(command);
  return "While an image is made, the server has no " + names + ".";
}

}  // namespace

ScriptSession::ScriptSession(std::string name, RestoreOptions options)
    : name_(std::move(name)),
      marker_("spawnd-" + RandomText(kMarkerLetters, kLowerLetters) + "-"),
      options_(std::move(options)),
      warnings_(name_) {}

Result<std::string> ScriptSession::FilterInput(std::string_view bytes, bool last) {
  std::string out;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    partial_.append(rest.substr(0, end));
    if (partial_.size() > kMaxScriptLine) {
      return Fail(ErrorCode::kInvalidArgument,
                  "line " + std::to_string(line_ + 1) + " of " + name_ + " is longer than 64 MiB");
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
    TRY(AddLine(std::exchange(partial_, {}), out));
  }
  if (last && !partial_.empty()) TRY(AddLine(std::exchange(partial_, {}), out));
  if (last && transaction_ != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                name_ + " ends within the transaction that begins in line " + std::to_string(transaction_),
                "Its EXEC is missing, and without it nothing of the transaction is done.");
  }
  return out;
}

Result<void> ScriptSession::AddLine(std::string_view line, std::string& out) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (++line_ == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  line = Trimmed(line);
  if (line.empty() || line.front() == '#') return {};
  const std::string place = "line " + std::to_string(line_) + " of " + name_;
  if (line.find('\0') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, place + " holds a zero byte",
                "Write binary values as \"\\x00\" within quotes.");
  }
  Sent sent{line_, true, std::string(line.substr(0, kBeginning))};
  const auto command = SplitCommand(line);
  if (!command) return PassOverOrFail(std::string(kOpenQuote), sent);
  CommandVerdict verdict = JudgeCommand(*command, transaction_ != 0);
  if (verdict.what == CommandVerdict::What::kRefuse) {
    return Fail(ErrorCode::kInvalidArgument, place + ": " + verdict.why, std::move(verdict.hint));
  }
  if (verdict.what == CommandVerdict::What::kLeaveOut) {
    if (!verdict.why.empty()) warnings_.Add(std::move(verdict.why), line_);
    return {};
  }
  const std::string word = command->Upper(0);
  if (word == "MULTI") transaction_ = line_;
  if (word == "MULTI" || word == "DISCARD") transaction_selects_ = false;
  sent.changes_database = ChangesDatabase(*command);
  if (transaction_ != 0 && sent.changes_database) transaction_selects_ = true;
  if (word == "EXEC") sent.changes_database = std::exchange(transaction_selects_, false);
  if (word == "EXEC" || word == "DISCARD") transaction_ = 0;
  out.append(line).append("\n");
  sent.has_echo = transaction_ == 0;
  sent_.push_back(std::move(sent));
  if (transaction_ != 0) return {};
  out += "ECHO " + marker_ + std::to_string(line_) + "\n";
  return {};
}

Result<void> ScriptSession::OnToolMessage(std::string_view line) {
  const size_t at = line.find(marker_);
  if (at == 1) {
    uint64_t number = 0;
    const char* digits = line.data() + at + marker_.size();
    std::from_chars(digits, line.data() + line.size(), number);
    while (!sent_.empty() && sent_.front().line <= number) sent_.pop_front();
    answers_ = 0;
    return {};
  }
  const std::string_view error = ErrorIn(line);
  if (!error.empty()) {
    TRY(PassOverOrFail(std::string(error == kBadArguments ? kOpenQuote : error), InQuestion()));
  }
  ++answers_;
  return {};
}

Result<void> ScriptSession::PassOverOrFail(const std::string& error, const Sent& command) {
  const std::string what = "line " + std::to_string(command.line) + " of " + name_ + ": " + error;
  if (command.changes_database) {
    // What follows would go to the database that was open before, over keys of the same names there.
    std::string hint = MayPassOver(error, command)
                           ? "This one is not passed over: what follows belongs to that database. "
                           : "";
    if (error.find("out of range") != std::string::npos) {
      hint += "More databases: `settings: {databases: 64}` in the image's YAML.";
    }
    return Fail(ErrorCode::kInvalidArgument, what, std::move(hint));
  }
  if (!MayPassOver(error, command)) {
    return Fail(ErrorCode::kInvalidArgument, what,
                error.find("called from script") < error.size() ? NotInBuildsHint() : "");
  }
  ++passed_over_;
  warnings_.Add("passed over: " + error, command.line);
  return {};
}

/// The first word of an error, WRONGTYPE, or more of it; or the beginning of a command. In any case.
bool ScriptSession::MayPassOver(std::string_view error, const Sent& command) const {
  if (options_.continue_on_error) return true;
  return std::any_of(options_.ignored_errors.begin(), options_.ignored_errors.end(),
                     [&](const std::string& one) {
                       const bool whole_words = error.size() <= one.size() || error[one.size()] == ' ';
                       if (whole_words && StartsInAnyCase(error, one)) return true;
                       return StartsInAnyCase(command.beginning, one);
                     });
}

const ScriptSession::Sent& ScriptSession::InQuestion() const {
  static const Sent nothing;
  if (sent_.empty()) return nothing;
  size_t at = 0;
  while (at < answers_ && at + 1 < sent_.size() && !sent_[at].has_echo) ++at;
  return sent_[at];
}

Result<void> ScriptSession::OnToolExit(int exit_code) {
  if (exit_code == 0 && sent_.empty()) return {};
  return Fail(ErrorCode::kUnavailable, "redis-cli ended with exit code " + std::to_string(exit_code) +
                                           " at line " + std::to_string(InQuestion().line) + " of " + name_);
}

}  // namespace spawnd::engines::redis
