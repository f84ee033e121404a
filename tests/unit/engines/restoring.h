/// Restores a backup into a test server exactly as the engine plans it: the backup through the session's
/// filter to a real psql or pg_restore, line by line back what that says.
#pragma once

#include <string>
#include <vector>

#include "engines/engine.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {

struct Restored {
  Result<void> result;
  std::vector<std::string> warnings;
  std::vector<std::string> titles;

  bool Ok() const { return result.has_value(); }
  /// The error's message and hint in one text; empty when there is no error.
  std::string Why() const { return Ok() ? "" : result.error().message + " / " + result.error().hint; }
};

Restored Restore(const TestServer& server, const std::string& path, const std::string& database);

/// Makes an empty database of a new name and returns the name.
std::string FreshDatabase(const TestServer& server);

std::string Gzip(std::string_view bytes);

}  // namespace spawnd::engines::testing
