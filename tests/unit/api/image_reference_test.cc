#include "api/image_reference.h"

#include <set>

#include "tests/support/catch.h"

using namespace spawnd::api;

TEST_CASE("a reference is an id, a name, or a name with a tag") {
  const auto id = ParseImageReference("10001");
  REQUIRE(id);
  CHECK(id->id == 10001);
  CHECK(id->name.empty());

  const auto name = ParseImageReference("team/Widget_Store-1.0");
  REQUIRE(name);
  CHECK_FALSE(name->id);
  CHECK(name->name == "team/Widget_Store-1.0");
  CHECK(name->tag.empty());

  const auto tagged = ParseImageReference("pagila:0.2");
  REQUIRE(tagged);
  CHECK(tagged->name == "pagila");
  CHECK(tagged->tag == "0.2");

  CHECK(ParseImageReference("pagila:5")->tag == "5");  // a tag may be all digits
}

TEST_CASE("a reference may have an owner in front, as a directory service writes him") {
  for (const char* owner : {"ann", "ann@example.org", "EXAMPLE\\ann", "svc-ci$"}) {
    const std::string text = std::string(owner) + "/team/shop";
    INFO(text);
    CHECK(ParseImageReference(text + ":1")->name == text);
    CHECK(ParseContainerReference(text)->name == text);
  }
  CHECK(ParseImageReference("ann/" + std::string(63, 'x')));
  for (const char* text : {"a b/shop", "a\x1b/shop", "ann@/", "ann@x/12", "ann@x/a b", "@/"}) {
    INFO(text);
    CHECK_FALSE(ParseContainerReference(text));
  }
  CHECK_FALSE(ParseImageReference(std::string(256, 'x') + "@/shop"));
}

TEST_CASE("names of teams have no blanks, and nothing that a shell would run") {
  for (const char* team : {"developers", "myorg:dbas", "a/b.c-d_e", "dbas@example.org", "c++"}) {
    CHECK(ValidateTeam(team));
  }
  for (const std::string& team :
       {std::string(), std::string("a b"), std::string("shop$(id)"), std::string("a;b"), std::string("`id`"),
        std::string("a\nb"), std::string(128, 'x')}) {
    INFO(team);
    CHECK_FALSE(ValidateTeam(team));
  }
}

TEST_CASE("references that cannot mean anything are refused") {
  for (const char* text :
       {"", ":", "a:", ":a", "a:b:c", "a b", "a\n", "p\xc3\xa4", "99999999999999999999", "12:x"}) {
    INFO(text);
    const auto reference = ParseImageReference(text);
    REQUIRE_FALSE(reference);
    CHECK(reference.error().code == spawnd::ErrorCode::kInvalidArgument);
  }
  CHECK_FALSE(ParseContainerReference("demo:tag"));
  CHECK(ParseContainerReference("demo")->name == "demo");
  CHECK(ParseContainerReference("10002")->id == 10002);
}

TEST_CASE("a revision is rev. and a number") {
  CHECK(ParseRevision("rev.0").value() == 0);
  CHECK(ParseRevision("rev.4294967295").value() == 4294967295);
  for (const char* text : {"", "rev", "rev.", "rev.x", "rev.01", "rev.-1", "rev.+1", "rev.1 ", "REV.1", "1",
                           "rev.4294967296", "rev.1.2"}) {
    INFO(text);
    const auto parsed = ParseRevision(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == spawnd::ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("names have 1 to 63 of the allowed characters and are not all digits") {
  CHECK(ValidateName(std::string(63, 'a'), "data image"));
  CHECK(ValidateName("1a", "data image"));
  CHECK_FALSE(ValidateName(std::string(64, 'a'), "data image"));
  const auto digits = ValidateName("123", "data image");
  REQUIRE_FALSE(digits);
  CHECK(digits.error().message == "data image name '123' is all digits, like an id");
  const auto huge = ValidateName(std::string(100'000, '!'), "data image");
  REQUIRE_FALSE(huge);
  CHECK(huge.error().message.size() < 300);
}

TEST_CASE("generated container names are valid, short enough and differ") {
  std::set<std::string> seen;
  for (const std::string& image : {std::string("demo"), std::string(63, 'x'), std::string("team/a.b")}) {
    for (int i = 0; i < 50; ++i) {
      const std::string name = GenerateContainerName(image);
      CHECK(ValidateName(name, "data container"));
      CHECK(name.size() == std::min<size_t>(image.size(), 54) + 9);
      CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz", name.size() - 8) == std::string::npos);
      CHECK(name[name.size() - 9] == '-');
      seen.insert(name);
    }
  }
  CHECK(seen.size() == 150);
}
