/// What may stand next, in the real command table; what there is comes from here.
#include "client/command/completion.h"

#include <algorithm>

#include "tests/support/catch.h"

using namespace spawnd::client;
using Words = std::vector<std::string>;

namespace {

Words NamesHere(std::string_view what, std::string_view of) {
  if (what == "data-image") return {"shop", "shop:nightly", "blog"};
  if (what == "data-container") return {"alpha", "beta"};
  if (what == "revision" && of == "alpha") return {"rev.0", "rev.1", "rev.2"};
  if (what == "data-source") return {"nightly"};
  if (what == "tag") return {"latest", "nightly"};
  if (what == "team") return {"myorg:dbas", "public"};
  return {};
}

Words Offered(const Words& words) {
  Words offered;
  for (const Candidate& candidate : Complete(Commands(), words, NamesHere)) offered.push_back(candidate.word);
  return offered;
}

bool Offers(const Words& words, const std::string& word) {
  const Words offered = Offered(words);
  return std::find(offered.begin(), offered.end(), word) != offered.end();
}

}  // namespace

TEST_CASE("verbs, resources and what there is of them") {
  CHECK(Offered({"cre"}) == Words{"create"});
  CHECK(Offers({""}, "graduate"));
  CHECK(Offers({}, "get"));
  CHECK(Offered({"get", "data-c"}) == Words{"data-container", "data-containers"});
  CHECK(Offered({"get", "dc", ""}) == Words{"alpha", "beta"});
  CHECK(Offered({"get", "dc", "b"}) == Words{"beta"});
  CHECK(Offered({"connect", ""}) == Words{"alpha", "beta"});
  CHECK(Offered({"get", "ds", ""}) == Words{"nightly"});
  CHECK(Offered({"create", "di", "--source", ""}) == Words{"nightly"});
  CHECK(Offered({"run", "shop:"}) == Words{"shop:nightly"});
  CHECK(Offered({"completion", "z"}) == Words{"zsh"});
  CHECK(Offered({"version", ""}).empty());
  CHECK(Offered({"nonsense", ""}).empty());
}

TEST_CASE("flags of the command, and of every command") {
  CHECK(Offered({"load", "dc", "--rev"}) == Words{"--revision"});
  CHECK(Offers({"load", "dc", "-"}, "--accessToken"));
  CHECK_FALSE(Offers({"load", "dc", "-"}, "--tag"));
  CHECK(Offered({"create", "--im"}).empty());  // of which resource is not known yet
}

TEST_CASE("values of flags") {
  CHECK(Offered({"create", "dc", "--image", "b"}) == Words{"blog"});
  CHECK(Offered({"create", "dc", "shop", "--durability", ""}) == Words{"everysec", "always"});
  CHECK(Offers({"get", "dc", "-o", ""}, "jdbc"));
  CHECK(Offered({"create", "di", "--tag", "n"}) == Words{"nightly"});
  CHECK(Offered({"create", "di", "--tag", "nightly", "--tag", ""}) == Words{"latest", "nightly"});
  CHECK(Offered({"update", "di", "shop", "--team", "my"}) == Words{"myorg:dbas"});
  CHECK(Offered({"graduate", "dc", "alpha", "--team", ""}) == Words{"myorg:dbas", "public"});
  CHECK(Offered({"create", "di", "--name", ""}).empty());
}

TEST_CASE("revisions are those of the container that is named, wherever it stands") {
  const Words all{"rev.0", "rev.1", "rev.2"};
  CHECK(Offered({"load", "dc", "alpha", "--revision", ""}) == all);
  CHECK(Offered({"load", "data-container", "alpha", "-q", "-r", "rev."}) == all);
  CHECK(Offered({"graduate", "dc", "--name", "x", "alpha", "--revision", "rev.2"}) == Words{"rev.2"});
  CHECK(Offered({"load", "dc", "beta", "--revision", ""}).empty());
  CHECK(Offered({"load", "dc", "--revision", ""}).empty());
}

TEST_CASE("a value may be attached to its flag") {
  CHECK(Offered({"load", "dc", "alpha", "--revision=rev.1"}) == Words{"--revision=rev.1"});
  CHECK(Offered({"load", "dc", "alpha", "-r=rev.1"}) == Words{"-r=rev.1"});
  CHECK(Offered({"create", "dc", "--image=shop"}) == Words{"--image=shop", "--image=shop:nightly"});
  CHECK(Offered({"create", "dc", "--image=shop", "--durability=al"}) == Words{"--durability=always"});
  CHECK(Offered({"get", "dc", "--nonsense="}).empty());
  CHECK(Offered({"get", "dc", "--quiet="}).empty());
}

TEST_CASE("nothing is offered behind two dashes") {
  CHECK(Offered({"run", "shop", "--", ""}).empty());
  CHECK(Offered({"run", "shop", "--", "--im"}).empty());
}

TEST_CASE("a word that a shell would not take as it stands is not offered") {
  const NamesOf hostile = [](std::string_view, std::string_view) {
    return Words{"fine",  "my:org/a_b-c.d@e%f+g,h=i",
                 "$(id)", "`id`",
                 "a b",   "a;b",
                 "a'b",   "a\"b",
                 "a\\b",  "a&b",
                 "a|b",   "~",
                 "*",     "a(b",
                 "{a,b}", "!1",
                 "#",     "b\xc3\xbcro",
                 ""};
  };
  Words offered;
  for (const Candidate& one : Complete(Commands(), {"update", "di", "shop", "--team", ""}, hostile)) {
    offered.push_back(one.word);
  }
  CHECK(offered == Words{"fine", "my:org/a_b-c.d@e%f+g,h=i"});
}

TEST_CASE("three shells have a script") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = CompletionScript(shell);
    REQUIRE(script);
    CHECK(script->find("spawnctl completion words") != std::string_view::npos);
  }
  CHECK_FALSE(CompletionScript("tcsh"));
}
