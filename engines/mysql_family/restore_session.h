/// A restore by the client program: the dump goes through the filter to its standard input, and its error
/// comes back with the line. Used by one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"
#include "engines/mysql_family/dump/dump_filter.h"
#include "engines/mysql_family/dump/error_policy.h"

namespace spawnd::engines::mysql_family {

class DumpSession final : public RestoreSession {
 public:
  struct Options {
    DumpFilter::Options filter;
    /// Statements on the backup's own first line, before it.
    std::string before;
    /// The login for whoever comes after, should the backup have replaced the accounts.
    Credentials credentials;
    /// What an error is told with that may come of it: the dump is another product's, or a newer version's.
    std::string difference{};
    std::string difference_hint{};
  };
  explicit DumpSession(Options options);

  Result<std::string> FilterInput(std::string_view bytes, bool last) override;
  Result<void> OnToolMessage(std::string_view line) override;
  Result<void> OnToolExit(int exit_code) override;
  std::vector<std::string> Warnings() const override { return warnings_.InOrder(); }
  uint64_t PassedOver() const override { return passed_over_; }

 private:
  const std::string name_;
  std::string before_;
  uint64_t lines_before_ = 0;  ///< of `before_`
  const Credentials credentials_;
  const std::string difference_;
  const std::string difference_hint_;
  RestoreWarnings warnings_;
  ErrorPolicy policy_;
  DumpFilter filter_;
  uint64_t passed_over_ = 0;
  uint64_t closing_line_ = 0;  ///< of the question for an open transaction; 0: not asked yet
};

}  // namespace spawnd::engines::mysql_family
