#include "engines/postgresql/restore/tar_walk.h"

#include "tests/support/catch.h"
#include "tests/unit/engines/postgresql/sample_dumps.h"

namespace spawnd::engines::postgresql {
namespace {

bool IsWhole(std::string_view tar, size_t piece) {
  TarWalk walk;
  size_t at = 0;
  while (true) {
    const std::string_view bytes = tar.substr(at, piece);
    at += bytes.size();
    const bool last = at == tar.size();
    const auto taken = walk.Take(bytes, last, "x.tar");
    if (!taken) CHECK(taken.error().message.find("'x.tar' is truncated") == 0);
    if (!taken || last) return taken.has_value();
  }
}

TEST_CASE("A real archive is whole only with its end") {
  const std::string& tar = testing::SampleDumps().at("tar");
  for (const size_t piece : {size_t{100}, size_t{512}, size_t{65536}}) CHECK(IsWhole(tar, piece));
  for (size_t cut = 0; cut < tar.size() - 1024; cut += 511)
    CHECK_FALSE(IsWhole(std::string_view(tar).substr(0, cut), 4096));
}

TEST_CASE("Sizes of 8 GiB and more are binary") {
  std::string header(512, '\0');
  header[0] = 'x';
  header[124] = '\x80';
  header[131] = '\x02';  // 2 << 32
  TarWalk walk;
  REQUIRE(walk.Take(header, false, "x").has_value());
  // A member that long is not over with these zeros.
  CHECK_FALSE(walk.Take(std::string(4096, '\0'), true, "x").has_value());
}

}  // namespace
}  // namespace spawnd::engines::postgresql
