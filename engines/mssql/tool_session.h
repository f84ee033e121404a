/// What becomes of the words of spawnd-tsql (tsql_tool.cc), and of a script on its way in. Used by one thread
/// at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

inline constexpr const char* kPasswordVariable = "SPAWND_TSQL_PASSWORD";
/// spawnd-tsql keeps a script in memory.
inline constexpr size_t kMaxScriptBytes = size_t{256} << 20U;

class ToolSession final : public RestoreSession {
 public:
  explicit ToolSession(std::string name) : name_(std::move(name)) {}

  Result<std::string> FilterInput(std::string_view bytes, bool /*last*/) override {
    return std::string(bytes);
  }
  /// The error waits for the tool's end: its hint comes after it.
  Result<void> OnToolMessage(std::string_view line) override;
  Result<void> OnToolExit(int exit_code) override;
  std::vector<std::string> Warnings() const override { return {}; }

 private:
  const std::string name_;
  std::optional<Error> error_;
};

/// spawnd-tsql of the program `running`: in its folder, in the build tree beside it, or where it is
/// installed. kInternal when it is nowhere.
Result<std::string> FindTool(const std::string& running);

}  // namespace spawnd::engines::mssql
