/// Arbitrary bytes on a connection: however they are cut, the requests and the refusal are the same, and
/// every limit holds.
#include "daemon/http/request_parser.h"
#include "tests/fuzz/fuzz_input.h"

namespace spawnd::fuzz {
namespace {

using daemon::http::Limits;
using daemon::http::Request;
using daemon::http::RequestParser;
using State = RequestParser::State;

Limits SmallLimits() {
  Limits limits;
  limits.header_bytes = 512;
  limits.target_bytes = 64;
  limits.body_bytes = 256;
  return limits;
}

/// Everything that came out, as text: two ways to cut the same bytes must give the same.
std::string Parse(std::string_view bytes, size_t step) {
  const Limits limits = SmallLimits();
  RequestParser parser(limits);
  std::string result;
  while (!bytes.empty()) {
    const size_t used = parser.Feed(bytes.substr(0, step));
    Require(used <= std::min(step, bytes.size()), "more bytes consumed than given");
    bytes.remove_prefix(used);
    if (parser.GetState() == State::kBroken) {
      Require(parser.Error().status >= 400 && parser.Error().status < 600, "a refusal without a status");
      return result + "refused";  // of two things that are wrong, the cut may decide which is seen first
    }
    if (parser.GetState() != State::kComplete) {
      Require(used > 0, "a parser that wants more does not take what there is");
      continue;
    }
    const bool keep_alive = parser.KeepAlive();
    const Request request = parser.Take();
    Require(request.body.size() <= limits.body_bytes, "a body beyond the limit");
    result += request.method + " " + std::to_string(keep_alive);
    for (const auto& segment : request.path) result += "/" + segment;
    for (const auto& [name, value] : request.query) result += "?" + name + "=" + value;
    for (const auto& [name, value] : request.headers) result += "\n" + name + ": " + value;
    result += "\n" + request.body + "\n";
    parser.Reset();
    if (!keep_alive) return result;
  }
  return result;
}

}  // namespace
}  // namespace spawnd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string whole = spawnd::fuzz::Parse(bytes, bytes.size() + 1);
  const std::string cut = spawnd::fuzz::Parse(bytes, 1U + data[0] % 32U);
  spawnd::fuzz::Require(whole == cut,
                        "cut otherwise, the bytes mean something else:\n" + whole + "\n---\n" + cut);
  return 0;
}
