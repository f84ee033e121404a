/// URLs of database servers, of any product: scheme://user:password@host:port/database?sslmode=require. Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/source/fetch.h"
#include "base/result.h"

namespace spawnd::client {

struct SourceUrl {
  api::SourceConnection connection;
  std::string password;  ///< empty: it has none
};

/// Of JDBC URLs what is behind "jdbc:". Parameters: user, password, host, port, dbname, sslmode, ssl-mode,
/// sslrootcert, ssl-ca; anything else is refused by name. kInvalidArgument, without a word of what is in it:
/// that may be a password.
Result<SourceUrl> ParseSourceUrl(std::string_view url);

/// disable, prefer, require, verify-ca or verify-full, for these and the words that products have for them,
/// in any case; kInvalidArgument, listing them.
Result<std::string> ParseSslMode(std::string_view text);

/// 1 to 65535. kInvalidArgument.
Result<uint16_t> ParseSourcePort(std::string_view text);

}  // namespace spawnd::client
