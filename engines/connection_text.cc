#include "engines/connection_text.h"

#include "base/random.h"

namespace spawnd::engines {
namespace {

constexpr size_t kPasswordLength = 16;

}  // namespace

std::string DotnetValue(const std::string& value) {
  const bool plain = !value.empty() && value.find_first_of(";'\"=") == std::string::npos &&
                     value.front() != ' ' && value.back() != ' ';
  return plain ? value : Quoted(value, '"');
}

std::string JoinAddresses(const Endpoint& endpoint, std::string_view between) {
  std::string all = endpoint.host;
  for (const std::string& address : endpoint.also) all.append(between).append(address);
  return all;
}

std::string HostInUrl(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::string NewPassword() {
  return RandomText(kPasswordLength, kLettersAndDigits);
}

std::string Quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) quoted.append(c == quote ? 2 : 1, c);
  return quoted + quote;
}

}  // namespace spawnd::engines
