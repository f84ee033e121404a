/// Pieces of connection strings and SQL texts that more than one product writes. Pure.
#pragma once

#include <string>
#include <string_view>

#include "engines/parts.h"

namespace spawnd::engines {

/// A value of an ADO.NET connection string: in quotes only where it would not be read back as it is.
std::string DotnetValue(const std::string& value);

/// All addresses of the endpoint, the first first.
std::string JoinAddresses(const Endpoint& endpoint, std::string_view between);

/// An IPv6 address in brackets, all else as it is.
std::string HostInUrl(const std::string& host);

/// 16 letters and digits, which no shell, URL or connection string has to quote.
std::string NewPassword();

/// `text` between `quote` and `quote`, with those inside doubled.
std::string Quoted(std::string_view text, char quote);

}  // namespace spawnd::engines
