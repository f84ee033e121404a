/// What a program is told in the place of an address on another machine. Needs nothing.
#include "client/remote_door.h"

#include "tests/support/catch.h"

namespace spawnd::client {
namespace {

std::string Pointed(std::string text, const std::string& host = "127.0.0.1") {
  api::DataContainer container;
  container.host = host;
  container.port = 20001;
  PointTo(41000, container, text);
  return text;
}

TEST_CASE("an address on another machine becomes the port that leads there") {
  CHECK(Pointed("20001") == "41000");
  CHECK(Pointed("127.0.0.1") == "127.0.0.1");
  CHECK(Pointed("10.1.2.3", "10.1.2.3") == "127.0.0.1");
  CHECK(Pointed("postgresql://u:p@10.1.2.3:20001/shop", "10.1.2.3") ==
        "postgresql://u:p@127.0.0.1:41000/shop");
  CHECK(Pointed("redis://:p@[2001:db8::1]:20001/0", "2001:db8::1") == "redis://:p@127.0.0.1:41000/0");
  CHECK(Pointed("--port=20001") == "--port=41000");
  CHECK(Pointed("Host=127.0.0.1;Port=20001;Username=u") == "Host=127.0.0.1;Port=41000;Username=u");
  CHECK(Pointed("Data Source=127.0.0.1,20001;User ID=sa") == "Data Source=127.0.0.1,41000;User ID=sa");
}

TEST_CASE("what is no address stays") {
  CHECK(Pointed("s20001x") == "s20001x");
  CHECK(Pointed("") == "");
  CHECK(Pointed("shop") == "shop");
}

}  // namespace
}  // namespace spawnd::client
