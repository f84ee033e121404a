/// Backups of one small but varied database, made once per test process by the real pg_dump.
#pragma once

#include <map>
#include <string>

#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {

/// By kind: plain, create, clean, inserts, custom, tar, all (pg_dumpall). Made with the newest pg_dump here
/// from the newest server that it can read. The database is "shop" and its owner "shop_owner", a role that is
/// dropped from the server afterwards, database included.
const std::map<std::string, std::string>& SampleDumps();

/// What a restored shop answers to kShopQuestion.
inline constexpr const char* kShopAnswer = "1000|249750.00|10|t|odd;\\.name|3";
inline constexpr const char* kShopQuestion =
    "SELECT (SELECT count(*) FROM item), (SELECT sum(price) FROM item), (SELECT count(*) FROM log), "
    "(SELECT bool_and(price >= 0) FROM item), (SELECT label FROM item WHERE id = 7), stock.in_stock(3) FROM "
    "(SELECT 1) one";

}  // namespace spawnd::engines::testing
