/// Repositories of backup tools: what the plans of all tools have in common (engines/fetch/plan.h). The tool
/// is run by the client, as its caller, in two rounds: what backups there are, then, of the one that is
/// chosen, its files and the log that belongs to it, each into a folder of the client's own. What the build
/// does with these is what it does with any physical backup and its `walFolder`. Pure.
#pragma once

#include <string>
#include <vector>

#include "engines/fetch/plan.h"

namespace spawnd::engines::postgresql {

/// One backup of the list.
struct ListedBackup {
  std::string label{};
  std::string version{};  ///< of its server, "15"; empty: the tool does not say
  std::string ended{};    ///< "2026-11-28T09:47:01", UTC
  std::string first{};    ///< segment of the log that it begins with
  std::string last{};     ///< that it ends with; may be empty
  std::string newest{};   ///< the last one in the archive; may be empty
};

/// Where the client's folder has what: set up by the plans, taken by FinishPlan.
inline constexpr const char* kRestoredFolder = "/restored";
inline constexpr const char* kLogFolder = "/wal";

/// The one that is asked for by its label; else the newest that had ended by `at`; else the newest. kNotFound
/// with what there is. `where`: "stanza 'main' of '/srv/repository'".
Result<ListedBackup> ChooseBackup(const RepositoryPlace& place, const std::string& where,
                                  std::vector<ListedBackup> backups);

/// kUnsupported where this machine has no server that can read it, kInvalidArgument where another is asked
/// for.
Result<void> CheckServerFor(const FetchRequest& request, const ListedBackup& backup,
                            const std::vector<Installation>& usable);

/// Functions for scripts. `refuse WORDS [CODE]` ends with the words as the reason; not every tool says that
/// the disk is full. `take_in_tablespaces`: what is in the folder `tablespaces` goes to the place of its link
/// in `restored`; a link that leads anywhere else is another server's, and ends it.
extern const char* const kCommonFunctions;

/// A shell script that runs the tool. The places of the tool's own files are below the client's folder.
FetchCommand ToolScript(const FetchRequest& request, std::string script, std::vector<std::string> arguments);

/// A complete plan's names and folders.
FetchPlan FinishPlan(const FetchRequest& request, const std::string& name, const ListedBackup& backup,
                     std::vector<FetchCommand> commands);

/// Where a point in time is one, "2026-11-28 09:47:04.674549", for comparison with what pg_waldump writes;
/// else empty.
std::string ComparablePoint(const std::string& at);
/// Where pg_waldump of this version is, here; may be nowhere.
std::string WaldumpFor(const ListedBackup& backup, const std::vector<Installation>& usable);

/// A script of `get`, a function that gets one segment, or a history, of the name $1 into wal/$1: it ends
/// with 0, with 1 when there is none, or with 2 and the reason on standard error. In front of it stand the
/// arguments of LogArguments; what comes behind those, get finds from $2 on.
std::string LogScript(const std::string& get);
std::vector<std::string> LogArguments(const FetchRequest& request, const ListedBackup& backup,
                                      const std::vector<Installation>& usable);

Result<FetchPlan> PlanPgbackrest(const FetchRequest& request, const std::vector<Installation>& usable);
Result<FetchPlan> PlanBarman(const FetchRequest& request, const std::vector<Installation>& usable);
Result<FetchPlan> PlanWalg(const FetchRequest& request, const std::vector<Installation>& usable);

}  // namespace spawnd::engines::postgresql
