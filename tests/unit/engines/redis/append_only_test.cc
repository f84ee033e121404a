/// How append-only files and their manifests are told, and which modules a snapshot's data belongs to.
#include <random>

#include "engines/redis/manifest.h"
#include "engines/redis/rdb_modules.h"
#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

using namespace std::string_literals;

TEST_CASE("An append-only file is told by its beginning and its end") {
  CHECK(BeginsCommands("*2\r\n$6\r\nSELECT\r\n"));
  CHECK(BeginsCommands("#TS:1700000000\r\n#TS:1700000001\r\n*1\r\n$4\r\n"));
  CHECK(BeginsCommands("*2\r\n"));  // cut
  for (const char* other :
       {"", "*", "*2", "*2\n$6\n", "*x\r\n", "# a comment\nSET a 1\n", "SET a 1\r\n", "$6\r\n"}) {
    INFO(other);
    CHECK_FALSE(BeginsCommands(other));
  }
  CHECK(EndsCommands("...\r\n$1\r\n2\r\n"));
  CHECK(EndsCommands("...\r\n$100\r\nabc"));
  CHECK_FALSE(
      EndsCommands("...$1..\xff"
                   "12345678"));
}

TEST_CASE("A manifest names files of its own folder") {
  const auto files = ReadManifest(
      "# a comment\nfile a.base.rdb seq 2 type b\nfile old.aof seq 1 type h\nfile \"b 2.aof\" seq 2 type i "
      "startoffset 7\n",
      "m");
  REQUIRE(files);
  REQUIRE(files->size() == 2);
  CHECK((*files)[0].name == "a.base.rdb");
  CHECK((*files)[0].is_base);
  CHECK((*files)[1].name == "b 2.aof");
  CHECK_FALSE((*files)[1].is_base);
  for (const char* bad :
       {"", "\n\n", "nonsense\n", "file ../x seq 1 type b\n", "file /etc/passwd seq 1 type i\n",
        "file .. seq 1 type i\n", "file a seq 1\n", "file \"a seq 1 type b\n"}) {
    INFO(bad);
    CHECK_FALSE(ReadManifest(bad, "m"));
  }
  CHECK(ReadManifest("file a seq 1 type i\nfile b\n", "m").error().message.starts_with("line 2 of 'm'"));
  CHECK(BeginsManifest("file a seq 1 type b\n"));
  CHECK_FALSE(BeginsManifest("SET file a\n"));
}

std::string Module(std::string_view name) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint64_t id = 0;
  for (const char letter : name) id = id << 6U | kLetters.find(letter);
  id = id << 10U | 1U;
  std::string bytes = "\x81";
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(id >> static_cast<unsigned>(shift));
  return bytes;
}

std::string WithModules() {
  return "REDIS0010"s + "\xfa\x09redis-ver\x06" + "7.0.15" + "\xf7" + Module("ft_index0") +
         "\x02\x02\x02\x05\x00"s + "\xfe\x00\xfb\x05\x00"s + "\xfc" + std::string(8, 'x') +
         "\x00\x05plain\x40\x50"s + std::string(0x50, 'v') + "\x0e\x04list\x02\x03one\xc3\x03\x05zip"s +
         "\x03\x04zset\x02\x01m\x03"s + "1.5" + "\x01n\xff"s + "\x07\x03" + "doc" + Module("ReJSON-RL") +
         "\x05\x02{}\x03" + "4444" + "\x02\x81" + std::string(8, '\0') + "\x00"s + "\x05\x04sets\x01\x01m"s +
         std::string(8, 's') + "\x07\x06series" + Module("TSDB-TYPE") + "\x04" + std::string(8, 'd') +
         "\x00\xff"s + std::string(8, 'c');
}

TEST_CASE("The modules that a snapshot needs are seen in pieces of any size") {
  const std::string bytes = WithModules();
  for (const size_t piece : {size_t{1}, size_t{7}, bytes.size()}) {
    RdbModules modules;
    for (size_t at = 0; at < bytes.size(); at += piece)
      modules.Feed(std::string_view(bytes).substr(at, piece));
    CHECK(WithTheirModules(modules.Names()) ==
          "ReJSON-RL (RedisJSON), TSDB-TYPE (RedisTimeSeries), ft_index0 (RediSearch)");
  }
  RdbModules of_commands;
  of_commands.Feed("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n" + bytes);
  CHECK(of_commands.Names().empty());
}

TEST_CASE("Whatever a snapshot holds is walked within its bounds") {
  std::mt19937 random(20261128);
  const std::string whole = WithModules();
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = whole;
    for (auto changes = random() % 8; changes > 0; --changes) {
      bytes[9 + random() % (bytes.size() - 9)] = static_cast<char>(random());
    }
    RdbModules modules;
    modules.Feed(bytes.substr(0, random() % bytes.size()));
    modules.Feed(bytes);
    CHECK(modules.Names().size() <= 100);
  }
}

TEST_CASE("What follows a snapshot, and that its end is missing, is seen as it passes") {
  const std::string snapshot = "REDIS0009\0\001a\0011\377"s + std::string(8, '\0');
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}}) {
    for (const std::string& more : {""s, snapshot, "SET b 2\n"s, std::string(5000, 'x')}) {
      RdbModules modules;
      const std::string bytes = snapshot + more;
      for (size_t at = 0; at < bytes.size(); at += piece)
        modules.Feed(std::string_view(bytes).substr(at, piece));
      INFO(piece << " " << more.size());
      CHECK_FALSE(modules.IsCut());
      CHECK(modules.SnapshotBytes() == snapshot.size());
      CHECK(modules.Following() == more.substr(0, 64));
    }
    for (size_t size = 1; size < snapshot.size(); ++size) {
      RdbModules modules;
      const std::string_view bytes = std::string_view(snapshot).substr(0, size);
      for (size_t at = 0; at < size; at += piece) modules.Feed(bytes.substr(at, piece));
      INFO(size);
      CHECK(modules.IsCut());
    }
  }
  // Before format 5 there is no checksum.
  RdbModules old;
  old.Feed("REDIS0004\377REDIS0004\377");
  CHECK(old.SnapshotBytes() == 10);
  RdbModules commands;
  commands.Feed("*1\r\n$4\r\nPING\r\n");
  CHECK_FALSE(commands.IsCut());
}

}  // namespace
}  // namespace spawnd::engines::redis
