/// What SQL Server says of its version. Pure.
#pragma once

#include <string>
#include <string_view>

namespace spawnd::engines::mssql {

/// "16.0.4135.4" in "Microsoft (R) SQL Server (R) version 16.0.4135.4" or whatever else stands around the
/// first number of three or four parts; empty when there is none, or the text does not speak of SQL Server.
std::string ParseVersionOutput(std::string_view output);

}  // namespace spawnd::engines::mssql
