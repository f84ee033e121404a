/// What a client reads whose server is not there: an error in the place of the server's greeting (ERR_Packet
/// of the protocol's manual; before the greeting it has no SQL state).
#include <mysqld_error.h>

#include <string>

#include "engines/mysql_family/family_engine.h"

namespace spawnd::engines::mysql_family {

Farewell FamilyEngine::TurnAway(std::string_view received, std::string_view words) const {
  constexpr unsigned kNumber = ER_SERVER_SHUTDOWN;
  std::string packet = "\xff";
  packet += static_cast<char>(kNumber & 0xffU);
  packet += static_cast<char>(kNumber >> 8U);
  packet += words.substr(0, 512);
  std::string head;
  for (const unsigned shift : {0U, 8U, 16U}) head += static_cast<char>(packet.size() >> shift & 0xffU);
  return {head + '\0' + packet, received.size(), true};
}

}  // namespace spawnd::engines::mysql_family
