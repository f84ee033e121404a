#include "engines/mysql_family/dump/statement_rules.h"

#include <algorithm>
#include <optional>

#include "engines/mysql_family/dump/account_rules.h"

namespace spawnd::engines::mysql_family {
namespace {

using What = Verdict::What;

constexpr const char* kReplication =
    "statements of replication were left out: a container replicates nothing";

/// Nothing: it is none of that. A dump that has them would have its container connect to the source.
std::optional<Verdict> JudgeReplication(const Statement& statement, bool ended) {
  const bool set = statement.Is(0, "SET");
  if (!set && !statement.IsOneOf(0, {"START", "STOP", "CHANGE", "RESET"})) return std::nullopt;
  if (statement.words.size() < 2) {
    if (ended) return std::nullopt;
    return Verdict{};
  }
  if (!set) {
    if (!statement.IsOneOf(1, {"SLAVE", "SLAVES", "REPLICA", "REPLICAS", "ALL", "GROUP_REPLICATION", "MASTER",
                               "REPLICATION", "BINARY"})) {
      return std::nullopt;
    }
    return Verdict{What::kDrop, kReplication};
  }
  if (statement.Is(1, "GLOBAL") && statement.words.size() < 3 && !ended) return Verdict{};
  std::string_view name = statement.words[1];
  if (statement.Is(1, "GLOBAL") && statement.words.size() > 2) name = statement.words[2];
  for (const char* purged : {"@@GLOBAL.GTID_PURGED", "GTID_PURGED"}) {
    if (SameWord(name, purged)) {
      return Verdict{What::kDrop, "GTID_PURGED was left out: a container replicates nothing"};
    }
  }
  for (const char* other : {"GTID_SLAVE_POS", "@@GLOBAL.GTID_SLAVE_POS", "RPL_SEMI_SYNC_MASTER_ENABLED"}) {
    if (SameWord(name, other)) return Verdict{What::kDrop, kReplication};
  }
  return std::nullopt;
}

/// PREPARE s FROM 'SHUTDOWN', EXECUTE IMMEDIATE 'SHUTDOWN': what comes from a variable nobody sees here
/// (FamilySession::PrepareImage).
std::optional<Verdict> JudgeEndOfServer(const Statement& statement, bool ended) {
  std::string word = statement.words.empty() ? "" : statement.words.front();
  if (statement.IsOneOf(0, {"PREPARE", "EXECUTE"})) {
    const size_t at = statement.Is(0, "PREPARE") ? 3 : 2;
    if (at == 2 && statement.words.size() > 1 && !statement.Is(1, "IMMEDIATE")) return std::nullopt;
    if (at >= statement.words.size()) return ended ? std::nullopt : std::optional(Verdict{});
    const std::string& text = statement.words[at];
    if (!text.starts_with('\'') && !text.starts_with('"')) return std::nullopt;
    const size_t from = std::min(text.find_first_not_of(" \t\r\n", 1), text.size());
    word = text.substr(from, text.find_first_of(" \t\r\n;", from) - from);
  }
  if (!SameWord(word, "SHUTDOWN") && !SameWord(word, "RESTART")) return std::nullopt;
  return Verdict{What::kRefuse, "'" + word + "' ends the server"};
}

/// The sort of thing that a CREATE makes, however much stands between.
bool CreatesEvent(const Statement& statement) {
  if (!statement.Is(0, "CREATE")) return false;
  return statement.Is(1, "EVENT") || statement.Is(2, "EVENT") || statement.Is(4, "EVENT");
}

/// Servers here read no file of settings, nor the one that this writes.
std::optional<Verdict> JudgeKeptSetting(const Statement& statement) {
  if (!statement.Is(0, "SET") || !statement.IsOneOf(1, {"PERSIST", "PERSIST_ONLY"})) return std::nullopt;
  Verdict pass{What::kPass};
  pass.warning = "SET PERSIST has no effect in containers: say `settings:` of the image in its place";
  return pass;
}

}  // namespace

/// `mysql` cannot be made anew where the dump's is left out, nor on a product that does not let go of it.
std::optional<Verdict> StatementRules::JudgeSystemDatabase(const Statement& statement, bool ended) const {
  if (!options_.keeps_system_database || !statement.IsOneOf(0, {"CREATE", "DROP"})) return std::nullopt;
  if (statement.words.size() < 2 && !ended) return Verdict{};
  if (!statement.IsOneOf(1, {"DATABASE", "SCHEMA"})) return std::nullopt;
  if (!ended && statement.words.size() < 7) return Verdict{};
  if (NameOfDatabase(statement).name != kSystemDatabase) return std::nullopt;
  Verdict verdict{What::kDrop};
  if (statement.Is(0, "DROP")) verdict.warning = "the system database 'mysql' was not dropped: it stays";
  return verdict;
}

Verdict StatementRules::Judge(const Statement& statement, const std::string& database, bool ended) {
  if (auto verdict = JudgeEndOfServer(statement, ended)) return *verdict;
  if (auto verdict = JudgeKeptSetting(statement)) return *verdict;
  if (options_.is_script) return {What::kPass};
  std::optional<Verdict> waiting;
  const auto final_word = [&waiting](std::optional<Verdict> verdict) {
    if (verdict && verdict->what == What::kUndecided)
      waiting = std::move(verdict);
    else if (verdict)
      return verdict;
    return std::optional<Verdict>();
  };
  if (auto verdict = final_word(JudgeReplication(statement, ended))) return *verdict;
  if (auto verdict = final_word(JudgeSystemDatabase(statement, ended))) return *verdict;
  if (auto verdict = final_word(JudgeOwnAccount(statement, ended))) return *verdict;
  if (options_.lacks_sha2_accounts) {
    if (auto verdict = final_word(JudgeSha2Account(statement, ended))) return *verdict;
  }
  switch (missing_.Judge(statement, ended)) {
    case MissingThings::Answer::kDrop:
      return {What::kDrop, "'" + missing_.LeftOut() + "' was left out, as skipExtensions says"};
    case MissingThings::Answer::kUndecided:
      waiting = Verdict{};
      break;
    case MissingThings::Answer::kPass:
      break;
  }
  switch (parts_.Judge(statement, database, ended)) {
    case Parts::Answer::kDrop:
      return {What::kDrop};
    case Parts::Answer::kUndecided:
      waiting = Verdict{};
      break;
    case Parts::Answer::kPass:
      break;
  }
  if (waiting && !ended) return *waiting;
  Verdict pass{What::kPass};
  if (options_.warns_of_events && CreatesEvent(statement)) {
    pass.warning =
        "events do not run by themselves in a container: `settings: {event_scheduler: \"ON\"}` has them run";
  }
  return pass;
}

}  // namespace spawnd::engines::mysql_family
