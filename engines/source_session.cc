#include "engines/source_session.h"

#include <signal.h>

namespace spawnd::engines {
namespace {

/// The exit code that base/process.h gives for an end by SIGPIPE.
constexpr int kEndedBySigpipe = 128 + SIGPIPE;

/// Names as the user knows them: below the folder.
std::string WithoutOurPlaces(std::string words) {
  const std::string place = std::string(kBackupFolder) + "/";
  for (size_t at = 0; (at = words.find(place, at)) != std::string::npos;) words.erase(at, place.size());
  return words;
}

}  // namespace

Result<void> SourceSession::OnToolExit(int exit_code) {
  if (exit_code == 0 || exit_code == kEndedBySigpipe) return {};
  const std::string words =
      first_message_.empty() ? "exit code " + std::to_string(exit_code) : WithoutOurPlaces(first_message_);
  // What tar says of a link to nowhere.
  const bool link = words.find("File removed before we read it") != std::string::npos ||
                    words.find("Cannot stat") != std::string::npos;
  const bool changes = words.find("file changed as we read it") != std::string::npos;
  return Fail(ErrorCode::kInvalidArgument, "'" + name_ + "' cannot be read: " + words,
              link ? "A link that leads out of the folder is not followed. Put what it leads to in its place."
              : changes ? "A backup must not change while it is read. Stop what writes to it, or have the "
                          "product's own tool "
                          "make one (`pg_basebackup`, `mariadb-backup`)."
                        : "");
}

Result<std::string> SourceSession::FilterInput(std::string_view bytes, bool /*last*/) {
  return std::string(bytes);
}

Result<void> SourceSession::OnToolMessage(std::string_view line) {
  if (first_message_.empty()) first_message_ = line;
  return {};
}

RestoreStep PassOnBackup(const std::string& backup_name, const Packing& packing) {
  RestoreStep step;
  step.title = "placing " + backup_name;
  step.command.argv = {"/bin/cat"};
  step.command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  step.command.working_directory = "/";
  step.session = std::make_unique<SourceSession>(backup_name);
  step.packing = packing;
  return step;
}

}  // namespace spawnd::engines
