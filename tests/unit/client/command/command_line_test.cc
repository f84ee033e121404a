/// The grammar of docs/contract.md: positions, repeats, empties, short names, mistakes.
#include "client/command/command_line.h"

#include <map>

#include "client/command/usage.h"
#include "tests/support/catch.h"

using namespace spawnd::client;
using Catch::Matchers::Contains;
using Wanted = CommandLine::Wanted;
using Words = std::vector<std::string>;

namespace {

/// Parses what must be right.
CommandLine Parsed(const Words& words) {
  auto line = ParseCommandLine(Commands(), words);
  if (!line) FAIL(line.error().message);
  return std::move(*line);
}

spawnd::Error Refused(const Words& words) {
  const auto line = ParseCommandLine(Commands(), words);
  REQUIRE_FALSE(line);
  CHECK(line.error().code == spawnd::ErrorCode::kInvalidArgument);
  CHECK_FALSE(line.error().hint.empty());
  return line.error();
}

std::string Name(const CommandLine& line) {
  return std::string(line.command->verb) + " " + std::string(line.command->resource);
}

}  // namespace

TEST_CASE("resources have short names and plurals") {
  for (const char* word : {"data-image", "data-images", "di"}) {
    CHECK(Name(Parsed({"get", word})) == "get data-image");
    CHECK(Name(Parsed({"delete", word, "x"})) == "delete data-image");
  }
  for (const char* word : {"data-container", "data-containers", "dc"}) {
    CHECK(Name(Parsed({"get", word})) == "get data-container");
    CHECK(Name(Parsed({"create", word, "x"})) == "create data-container");
  }
}

TEST_CASE("flags stand anywhere and mean the same") {
  const Words forms[] = {
      {"create", "data-container", "shop", "--name", "mine", "-q"},
      {"create", "data-container", "--name=mine", "-q", "shop"},
      {"create", "-q", "data-container", "-n", "mine", "shop"},
      {"--name", "mine", "create", "data-container", "-q", "shop"},
      {"-q", "-n=mine", "create", "--quiet", "dc", "shop", "-q"},
      {"create", "dc", "-q", "-nmine", "shop"},
      {"create", "dc", "--name", "first", "shop", "-q", "--name=mine"},
      {"", "create", "", "dc", "shop", "", "-q", "--name", "mine", ""},
      {"create", "dc", "shop", "-q", "--name", "mine", "--lifetime", "", "--durability="},
      {"create", "dc", "-q", "--name", "mine", "--", "shop"},
  };
  for (const Words& words : forms) {
    std::string shown;
    for (const std::string& word : words) shown += word + "|";
    INFO(shown);
    const CommandLine line = Parsed(words);
    CHECK(line.wanted == Wanted::kRun);
    CHECK(line.invocation.Arguments() == Words{"shop"});
    CHECK(line.invocation.Text("--name") == "mine");
    CHECK(line.invocation.Has("--quiet"));
    CHECK_FALSE(line.invocation.Has("--lifetime"));
    CHECK_FALSE(line.invocation.Has("--durability"));
  }
}

TEST_CASE("repeatable flags collect, others take the last") {
  const CommandLine line =
      Parsed({"create", "di", "-f", "a.yaml", "--tag", "one", "--tag=two", "--tag", "", "--team", "o:x", "-f",
              "b.yaml", "-q", "-q", "--lifetime=1h", "--lifetime", "2h"});
  CHECK(line.invocation.List("--tag") == Words{"one", "two"});
  CHECK(line.invocation.List("--team") == Words{"o:x"});
  CHECK(line.invocation.Text("--file") == "b.yaml");
  CHECK(line.invocation.Text("--lifetime") == "2h");
}

TEST_CASE("a value may look like anything") {
  CHECK(Parsed({"create", "di", "-f", "-"}).invocation.Text("--file") == "-");
  CHECK(Parsed({"create", "di", "-f", "x", "--name", "-q"}).invocation.Text("--name") == "-q");
  CHECK(Parsed({"create", "di", "-f", "x", "--name", "a=b"}).invocation.Text("--name") == "a=b");
  CHECK(Parsed({"create", "di", "-f", "x", "--tag", "[a,b]"}).invocation.List("--tag") == Words{"[a,b]"});
  CHECK(Parsed({"create", "di", "-f", "get", "--tag", "data-image"}).invocation.Text("--file") == "get");
  CHECK(Parsed({"--accessToken", "get", "get", "di"}).invocation.Text("--accessToken") == "get");
  CHECK(Parsed({"delete", "dc", "--", "-x", "--y"}).invocation.Arguments() == Words{"-x", "--y"});
}

TEST_CASE("several references") {
  CHECK(Parsed({"delete", "dc", "a", "-q", "b", "10003"}).invocation.Arguments() == Words{"a", "b", "10003"});
}

TEST_CASE("help and version") {
  for (const Words& words : {Words{}, Words{"--help"}, Words{"-h"}, Words{""}}) {
    const CommandLine line = Parsed(words);
    CHECK(line.wanted == Wanted::kHelp);
    CHECK(line.command == nullptr);
    CHECK(line.verb.empty());
  }
  CHECK(Parsed({"--version"}).wanted == Wanted::kVersion);
  const CommandLine verb = Parsed({"create", "--help"});
  CHECK(verb.wanted == Wanted::kHelp);
  CHECK(verb.verb == "create");
  CHECK(verb.command == nullptr);
  CHECK(Parsed({"help"}).wanted == Wanted::kHelp);
  CHECK(Parsed({"help", "create"}).verb == "create");
  CHECK(Name(Parsed({"help", "create", "di"})) == "create data-image");
  const CommandLine command = Parsed({"create", "di", "--help", "--nonsense"});
  CHECK(command.wanted == Wanted::kHelp);
  CHECK(Name(command) == "create data-image");
}

TEST_CASE("mistakes are answered with what was meant") {
  CHECK(Refused({"crete", "di"}).message == "unknown command 'crete'");
  CHECK(Refused({"crete", "di"}).hint == "Did you mean 'create'?");
  CHECK(Refused({"get", "data-imge"}).hint == "Did you mean 'data-image'?");
  CHECK(Refused({"get", "data-planes"}).message == "unknown resource 'data-planes'");
  CHECK(Refused({"frobnicate"}).hint == "'spawnctl --help' lists the commands.");
  CHECK(Refused({"get"}).message == "get what? the resource is missing");
  CHECK(Refused({"create", "di", "--nmae", "x"}).message == "unknown flag '--nmae' for 'create data-image'");
  CHECK(Refused({"create", "di", "--nmae", "x"}).hint == "Did you mean '--name'?");
  CHECK(Refused({"create", "di", "--nmae=x"}).hint == "Did you mean '--name'?");
  CHECK_THAT(Refused({"get", "di", "-z"}).message, Contains("'-z'"));
  CHECK(Refused({"get", "di", "--file", "x"}).message == "unknown flag '--file' for 'get data-image'");
  CHECK(Refused({"get", "di", "-o"}).message == "flag '-o' needs a value");
  CHECK(Refused({"get", "di", "--output"}).message == "flag '--output' needs a value");
  CHECK(Refused({"delete", "di"}).message == "'delete data-image' needs <image>...");
  CHECK(Refused({"delete", "di", ""}).message == "'delete data-image' needs <image>...");
  CHECK(Refused({"get", "di", "a", "b"}).message == "'get data-image' does not take the argument 'b'");
  CHECK(Refused({"version", "x"}).message == "'version' does not take the argument 'x'");
  CHECK(Refused({"get", "di\x1b[2J\n"}).message == "unknown resource 'di [2J'");
  Refused(Words(20'000, "x"));
  CHECK(Refused({std::string(1'000'000, 'x')}).message.size() < 200);
}

TEST_CASE("another program's words without two dashes: the hint is the line to type") {
  const auto hint = [](const Words& words) {
    const std::string hint = Refused(words).hint;
    const std::string before = "The other program's words stand behind two dashes: ";
    return hint.starts_with(before) ? hint.substr(before.size()) : hint;
  };
  CHECK(hint({"run", "shop", "make", "test"}) == "spawnctl run shop -- make test");
  CHECK(hint({"run", "shop", "-n", "x", "psql", "-c", "select 1"}) ==
        "spawnctl run shop -n x -- psql -c 'select 1'");
  // Flags of the program that spawnctl has too are the program's.
  CHECK(hint({"run", "shop", "head", "-n", "5", "-q"}) == "spawnctl run shop -- head -n 5 -q");
  CHECK(hint({"run", "--image", "shop", "make", "test"}) == "spawnctl run --image shop -- make test");
  CHECK(hint({"run", "-i=shop", "-nx", "sh", "-c", "it's"}) ==
        R"(spawnctl run -i=shop -nx -- sh -c 'it'\''s')");
  CHECK(hint({"-q", "run", "shop", "make", ""}) == "spawnctl -q run shop -- make ''");
  CHECK(hint({"connect", "mine", "-c", "select 1"}) == "spawnctl connect mine -- -c 'select 1'");
  CHECK(hint({"connect", "mine", "postgres"}) == "spawnctl connect mine -- postgres");
  // With the dashes in their place, something else is wrong; and a flag that is only mistyped is not
  // another's.
  CHECK_THAT(hint({"run", "shop", "more", "--", "make"}), Contains("--help"));
  CHECK(hint({"run", "shop", "--imgae", "x"}) == "Did you mean '--image'?");
  CHECK_THAT(hint({"get", "dc", "a", "b"}), Contains("--help"));
}

TEST_CASE("a letter may mean another flag with another verb") {
  const auto logs = ParseCommandLine(Commands(), {"logs", "dc", "-f", "demo", "--tail", "5"});
  REQUIRE(logs);
  CHECK(logs->invocation.Has("--follow"));
  CHECK(logs->invocation.Text("--tail") == "5");
  CHECK(logs->invocation.Arguments() == Words{"demo"});
  const auto create = ParseCommandLine(Commands(), {"create", "di", "-f", "demo"});
  REQUIRE(create);
  CHECK(create->invocation.Text("--file") == "demo");
}

TEST_CASE("the table is sound") {
  std::map<std::string_view, std::string_view> meanings;
  std::map<std::string_view, bool> takes_value;
  // A spelling means one thing within a verb.
  const auto look_at = [&](const Flag& flag) {
    for (const std::string_view spelling : {flag.name, flag.short_name}) {
      if (spelling.empty()) continue;
      INFO(spelling);
      CHECK(meanings.emplace(spelling, flag.name).first->second == flag.name);
      CHECK(takes_value.emplace(spelling, !flag.value.empty()).first->second == !flag.value.empty());
    }
    CHECK_FALSE(flag.help.empty());
  };
  for (const Flag& flag : CommonFlags()) look_at(flag);
  for (const Command& command : Commands()) {
    const auto before = Commands().data() == &command ? std::string_view() : (&command - 1)->verb;
    if (command.verb != before) {
      meanings.clear();
      takes_value.clear();
      for (const Flag& flag : CommonFlags()) look_at(flag);
    }
    for (const Flag& flag : command.flags) look_at(flag);
    CHECK(command.run != nullptr);
    CHECK_FALSE(command.summary.empty());
    CHECK(command.min_arguments <= command.max_arguments);
    CHECK(command.arguments.empty() == (command.max_arguments == 0));
    CHECK((command.examples.empty() || command.examples.back() == '\n'));
  }
}

TEST_CASE("help shows every command, flag and example") {
  const std::string table = CommandTableText(Commands(), "");
  for (const Command& command : Commands()) {
    CHECK_THAT(table, Contains(std::string(command.verb)) && Contains(std::string(command.summary)));
    const std::string help = CommandHelpText(command);
    for (const Flag& flag : command.flags) CHECK_THAT(help, Contains(std::string(flag.name)));
    CHECK_THAT(help, Contains(std::string(command.examples)));
  }
  const std::string create = CommandTableText(Commands(), "create");
  CHECK_THAT(create, Contains("create data-image"));
  CHECK_THAT(create, !Contains("delete data-image"));
}
