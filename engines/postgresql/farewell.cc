/// What a client reads whose server is not there, in the words of a server that is: the beginning of the
/// protocol as "Message Flow, Start-up" of PostgreSQL's manual has it. TLS is declined, for there is no key
/// here: who insists on it reads that, and the connection ends all the same.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "engines/postgresql/postgresql_engine.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kHead = 8;  ///< of each first packet: its length and what it wants
constexpr uint32_t kLongestPacket = 10'000;
constexpr uint32_t kCancel = 80877102;
constexpr uint32_t kTls = 80877103;
constexpr uint32_t kGssEncryption = 80877104;

uint32_t NumberAt(std::string_view text, size_t at) {
  uint32_t number = 0;
  for (const char c : text.substr(at, 4)) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

std::string ErrorResponse(std::string_view words) {
  std::string fields;
  // cannot_connect_now.
  for (const std::string_view field : {"SFATAL", "VFATAL", "C57P03"}) fields.append(field).append(1, '\0');
  fields.append("M").append(words).append(2, '\0');
  const auto length = static_cast<uint32_t>(fields.size() + 4);
  std::string packet = "E";
  for (const unsigned shift : {24U, 16U, 8U, 0U}) packet += static_cast<char>(length >> shift & 0xffU);
  return packet + fields;
}

}  // namespace

Farewell PostgresqlEngine::TurnAway(std::string_view received, std::string_view words) const {
  if (received.size() < kHead) return {};
  const uint32_t length = NumberAt(received, 0);
  const uint32_t wants = NumberAt(received, 4);
  if (length < kHead || length > kLongestPacket || wants == kCancel) return {.is_over = true};
  if (wants == kTls || wants == kGssEncryption) {
    Farewell next = TurnAway(received.substr(kHead), words);
    next.bytes.insert(0, "N");
    next.taken += kHead;
    return next;
  }
  return {ErrorResponse(words), received.size(), true};
}

}  // namespace spawnd::engines::postgresql
