/// Maps of known keys.

#include "yaml/tree.h"

#include <array>

#include "tests/support/catch.h"

using namespace spawnd;

namespace {

constexpr std::array<std::string_view, 2> kNames{"name", "tags"};

std::string Guess(std::string_view /*key*/, std::span<const std::string_view> names) {
  return ", think of '" + std::string(names.front()) + "'";
}

/// What ReadKeys says of a map, and what it read: "<number>=<text> ".
std::string Read(const std::string& text, std::string& read) {
  const auto tree = yaml::Parse(text, "x.yaml");
  REQUIRE(tree);
  const yaml::File file{"x.yaml", Guess};
  const auto done =
      file.ReadKeys(*tree, kNames, "a.", [&](size_t name, const yaml::Node& value) -> Result<void> {
        TRY_ASSIGN(const std::string word, file.Text(value, kNames.at(name)));
        read += std::to_string(name) + "=" + word + " ";
        return {};
      });
  if (done) return "";
  CHECK(done.error().code == ErrorCode::kInvalidArgument);
  return done.error().message;
}

}  // namespace

TEST_CASE("known keys are read in the order of the file") {
  std::string read;
  CHECK(Read("tags: 11.0\nname: ' x'\n", read).empty());
  CHECK(read == "1=11.0 0= x ");
}

TEST_CASE("a key that is wrong is named with its line, and nothing behind it is read") {
  std::string read;
  CHECK(Read("name: x\nnmae: y\ntags: z\n", read) == "x.yaml, line 2: unknown key 'a.nmae', think of 'name'");
  CHECK(read == "0=x ");
  CHECK(Read("name: x\ntags: z\nname: y\n", read) ==
        "x.yaml, line 3: key 'a.name' is given again, first on line 1");
  CHECK(Read("? [a]\n: b\n", read) == "x.yaml, line 1: expected a key, found a list");
  CHECK(Read("name:\n  a: b\n", read) == "x.yaml, line 2: 'name' must be text, found a map");
  CHECK(Read("name:\n", read) == "x.yaml, line 1: 'name' must be text, found nothing");
}
