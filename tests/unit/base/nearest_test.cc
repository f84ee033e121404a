#include "base/nearest.h"

#include <array>
#include <string>

#include "tests/support/catch.h"

using spawnd::Nearest;

TEST_CASE("the nearest word is what was meant, or nothing") {
  constexpr std::array<std::string_view, 6> kWords = {"data-image", "data-container", "backups",
                                                      "backup",     "name",           "tags"};
  CHECK(Nearest("data-imge", kWords) == "data-image");
  CHECK(Nearest("dtaa-image", kWords) == "data-image");
  CHECK(Nearest("data-contaner", kWords) == "data-container");
  CHECK(Nearest("bakups", kWords) == "backups");
  CHECK(Nearest("bakup", kWords) == "backup");
  CHECK(Nearest("Name", kWords) == "name");
  CHECK(Nearest("nmae", kWords) == "name");
  CHECK(Nearest("NAME", kWords) == "name");
  CHECK(Nearest("zzz", kWords).empty());
  CHECK(Nearest("", kWords).empty());
  CHECK(Nearest(std::string(100'000, 'a'), kWords).empty());
  CHECK(Nearest("name", {}).empty());
}
