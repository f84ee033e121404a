/// What a description of an image says of a source that has to be fetched: where it is, how, and where its
/// password is kept. Values.
#pragma once

#include <string>

#include "api/source/fetch.h"

namespace spawnd::client {

/// Where a password is; at most one of the three. None: the product's own file (~/.pgpass, ~/.my.cnf), or
/// there is no password.
struct SecretPlace {
  std::string text;      ///< it itself: it stood in the YAML
  std::string file;      ///< absolute path
  std::string variable;  ///< name in spawnctl's environment

  bool IsNone() const { return text.empty() && file.empty() && variable.empty(); }
};

/// `request` without `folder`, `answers` and `has_password`, which Fetch fills in.
struct FetchSource {
  api::FetchPlanRequest request;
  SecretPlace secret;
};

}  // namespace spawnd::client
