/// Collations that one product of the family has and the other has not, or has under another name: the
/// nearest that is there. Pure.
#pragma once

#include <string>
#include <string_view>

namespace spawnd::engines::mysql_family {

/// What stands on MariaDB of this version for a collation of MySQL's or of a newer MariaDB; empty: it is
/// known here, or has nothing near.
std::string CollationForMariadb(std::string_view name, std::string_view version);
/// The same on MySQL, for one of MariaDB's or of a newer MySQL.
std::string CollationForMysql(std::string_view name, std::string_view version);

}  // namespace spawnd::engines::mysql_family
