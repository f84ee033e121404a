/// SCRAM-SHA-256 verifiers, as PostgreSQL keeps them instead of passwords. Safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

/// "SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>" for `ALTER ROLE ... PASSWORD`, with a fresh random
/// salt. The password must be plain ASCII without control characters, which SASLprep (RFC 4013) leaves as it
/// is.
///
/// Formula: RFC 5802 section 3; text form: https://www.postgresql.org/docs/current/catalog-pg-authid.html.
/// Here rather than with PQencryptPasswordConn, which does the 4096 rounds without keeping the key's state
/// and takes six times as long, on the path of every create.
Result<std::string> ScramVerifier(std::string_view password);

}  // namespace spawnd::engines::postgresql
