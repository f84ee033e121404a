#include "engines/postgresql/restore/custom_walk.h"

#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

std::string Number(unsigned value) {
  std::string bytes(5, '\0');
  bytes[1] = static_cast<char>(value & 0xffU);
  bytes[2] = static_cast<char>(value >> 8U);
  return bytes;
}

std::string Piece(const std::string& data) {
  return Number(static_cast<unsigned>(data.size())) + data;
}

/// What is wrong with it; it must not matter in what pieces it comes.
std::string Fault(const std::string& bytes) {
  std::string first;
  for (const size_t size : {bytes.size() + 1, size_t{1}, size_t{7}}) {
    CustomWalk walk(8, 4);
    std::string said;
    for (size_t at = 0; at <= bytes.size() && said.empty(); at += size) {
      const auto taken =
          walk.Take(std::string_view(bytes).substr(at, size), at + size > bytes.size(), "x.dump");
      if (!taken) said = taken.error().message;
    }
    if (size > bytes.size()) first = said;
    CHECK(said == first);
  }
  return first;
}

TEST_CASE("A custom archive ends where its blocks do") {
  const std::string contents = "PGDMP...";
  const std::string rows = "\1" + Number(7) + Piece(std::string(300, 'P')) + Piece("more") + Number(0);
  const std::string objects =
      "\3" + Number(8) + Number(16405) + Piece("a") + Number(0) + Number(16406) + Number(0) + Number(0);
  const std::string whole = contents + rows + objects + rows;
  CHECK(Fault(contents).empty());
  CHECK(Fault(whole).empty());
  CHECK(Fault(whole + std::string(512, '\0')).empty());
  CHECK(Fault(whole + whole).find("'x.dump' goes on behind the end of its archive") == 0);
  CHECK(Fault(contents + contents).find("goes on behind") != std::string::npos);
  for (const size_t cut : {size_t{1}, size_t{5}, size_t{7}, size_t{300}, rows.size() - 1}) {
    INFO(cut);
    CHECK(Fault(whole.substr(0, whole.size() - cut)).find("'x.dump' is truncated") == 0);
  }
  CHECK(Fault("PGD").find("is truncated") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
