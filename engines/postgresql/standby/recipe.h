/// PostgreSQL's streaming replication as a recipe (engines/standby/recipe.h): pg_basebackup with a physical
/// slot of its own, a hot standby, and for an image what a physical backup gets. Versions 12 and later.
/// Immutable.
#pragma once

#include "engines/standby/recipe.h"

namespace spawnd::engines::postgresql {

class Recipe final : public StandbyRecipe {
 public:
  Result<void> CanFollow(const Installation& installation) const override;
  Result<Primary> Complete(Primary primary, const std::string& user_name) const override;
  std::vector<std::string_view> FileOptions() const override;
  std::string PasswordFile() const override { return ".pgpass"; }
  std::string PasswordIn(std::string_view text, const Primary& primary) const override;
  std::string SlotName(int64_t source_id, std::string_view random) const override;
  Command AskPrimary(const Launch& launch) const override;
  Result<PrimaryState> ReadPrimary(std::string_view output) const override;
  Result<void> CanFollow(const Installation& installation, const PrimaryState& primary) const override;
  Command CopyCommand(const Launch& launch) const override;
  std::optional<CopyProgress> ReadProgress(std::string_view line) const override;
  Command DropSlot(const Launch& launch) const override;
  std::string HowToDropSlot(const Primary& primary) const override;
  Error Explain(const Primary& primary, std::string_view output) const override;
  Command PrepareStart(const Launch& launch) const override;
  Command AskStandby(const Launch& launch) const override;
  Result<StandbyState> ReadStandby(std::string_view output) const override;
  std::optional<Error> Broken(const Primary& primary, std::string_view log_tail) const override;
  std::vector<ContainerCommand> Promote(const std::string& name, const Paths& paths,
                                        const std::string& version) const override;
  std::string PositionText(uint64_t position) const override;
};

/// A session with a standby, which takes no changes: there is nothing to prepare.
Result<std::unique_ptr<Engine::Session>> OpenStandby(const Launch& launch);

}  // namespace spawnd::engines::postgresql
