/// What PostgreSQL servers say of their version. Pure.
#pragma once

#include <string>
#include <string_view>

namespace spawnd::engines::postgresql {

/// "15.20" of "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"; empty when the text is something else.
std::string ParseVersionOutput(std::string_view output);

/// The major version as a number; 0 when there is none, and 9 for all of 9.x.
int MajorNumberOf(std::string_view version);

}  // namespace spawnd::engines::postgresql
