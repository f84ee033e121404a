/// Statements of a dump about accounts: which of them are about those that every server here has, and which
/// become others. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "engines/mysql_family/dump/statement.h"
#include "engines/mysql_family/dump/verdict.h"

namespace spawnd::engines::mysql_family {

/// It may change who can log in.
bool ChangesAccounts(const Statement& statement);

/// What stands behind CREATE USER or DROP USER, ROLE as well, so that an account that is there already, or
/// that is not there, is no error; empty: it says so itself, or is another statement.
std::string_view AccountCondition(const Statement& statement);

/// Of the accounts that a container has in any case: `root`, and the product's own. Nothing: none of these.
std::optional<Verdict> JudgeOwnAccount(const Statement& statement, bool ended);

/// Accounts that log in by caching_sha2_password cannot exist here. Nothing: it is no such.
std::optional<Verdict> JudgeSha2Account(const Statement& statement, bool ended);

}  // namespace spawnd::engines::mysql_family
