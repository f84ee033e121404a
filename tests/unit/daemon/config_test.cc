/// spawnd.yaml: defaults, every key, every complaint.
#include "daemon/config.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

std::string Complaint(std::string_view yaml) {
  const auto config = ParseConfig(yaml, "x.yaml");
  if (config) return "(accepted)";
  CHECK(config.error().code == ErrorCode::kInvalidArgument);
  return config.error().message;
}

TEST_CASE("an empty file means the defaults") {
  for (const char* yaml : {"", "# nothing\n", "teams:\n", "engineSearchPaths: []\n"}) {
    const auto config = ParseConfig(yaml, "x.yaml");
    REQUIRE(config);
    CHECK(config->engine_search_paths.empty());
    CHECK(config->engine_usual_places);
    CHECK(config->first_port == 20000);
    CHECK(config->last_port == 29999);
    CHECK(config->engine_user == "spawnd");
    CHECK(config->volume_bytes == uint64_t{64} << 30U);
    CHECK(config->host == "127.0.0.1");
    CHECK_FALSE(config->host_network);
    CHECK(config->disk_warn_percent == 80);
    CHECK(config->disk_refuse_percent == 90);
    CHECK(config->teams.empty());
  }
}

TEST_CASE("a licence is accepted by its engine's own key, and only by the word") {
  CHECK(ParseConfig("", "x.yaml")->accepted_licences.empty());
  CHECK(ParseConfig("acceptMssqlEula: false", "x.yaml")->accepted_licences.empty());
  CHECK(ParseConfig("acceptMssqlEula: true", "x.yaml")->accepted_licences.count("acceptMssqlEula") == 1);
  CHECK(Complaint("acceptMssqlEula: yes").find("acceptMssqlEula") != std::string::npos);
  CHECK(Complaint("acceptEula: true").find("unknown key 'acceptEula'") != std::string::npos);
}

TEST_CASE("the network is none or host") {
  CHECK(ParseConfig("network: host", "x.yaml")->host_network);
  CHECK_FALSE(ParseConfig("network: none", "x.yaml")->host_network);
  for (const char* wrong : {"network: bridge", "network:", "network: [host]"}) {
    CHECK(Complaint(wrong).find("'network' must be ") != std::string::npos);
  }
}

TEST_CASE("what waits for the next start is named, what changes at once is not") {
  using Keys = std::vector<std::string>;
  const auto waiting = [](const char* before, const char* after) {
    return KeysForNextStart(*ParseConfig(before, "x.yaml"), *ParseConfig(after, "x.yaml"));
  };
  CHECK(waiting("", "").empty());
  CHECK(
      waiting("",
              "{diskWarnPercent: 7, diskRefusePercent: 8, quotas: {builds: 1}, teams: {devs: {users: ann}}, "
              "publishers: {users: bob}}")
          .empty());
  CHECK(waiting("host: 127.0.0.1", "").empty());  // the default, said or not
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"engineSearchPaths", "[/opt/x]"},
                                                        {"engineUsualPlaces", "false"},
                                                        {"engineFallbacks", "{MySQL: mariadb}"},
                                                        {"portRange", "30000-30010"},
                                                        {"engineUser", "postgres"},
                                                        {"volumeSize", "1GiB"},
                                                        {"network", "host"},
                                                        {"listen", "127.0.0.2"},
                                                        {"acceptMssqlEula", "true"}}) {
    CHECK(waiting("", (key + ": " + value).c_str()) == Keys{key});
    CHECK(waiting((key + ": " + value).c_str(), "") == Keys{key});
  }
}

TEST_CASE("every key is read") {
  const auto config = ParseConfig(R"(
engineSearchPaths: [/opt/engines, /srv/pg]
engineUsualPlaces: false
engineFallbacks: {MySQL: mariadb}
portRange: 30000-30010
engineUser: postgres
volumeSize: 512MiB
host: "::1"
diskWarnPercent: 50
diskRefusePercent: 51
teams:
  myorg:dbas: {users: [ann, bob], groups: dba}
  devs:
publishers:
  users: ann
  groups: [release]
  teams: [myorg:dbas]
)",
                                  "x.yaml");
  REQUIRE(config);
  CHECK(config->engine_search_paths == std::vector<std::string>{"/opt/engines", "/srv/pg"});
  CHECK_FALSE(config->engine_usual_places);
  CHECK(config->engine_fallbacks == std::map<std::string, std::string>{{"mysql", "mariadb"}});
  CHECK(config->first_port == 30000);
  CHECK(config->last_port == 30010);
  CHECK(config->engine_user == "postgres");
  CHECK(config->volume_bytes == uint64_t{512} << 20U);
  CHECK(config->host == "::1");
  CHECK(config->disk_warn_percent == 50);
  CHECK(config->disk_refuse_percent == 51);
  REQUIRE(config->teams.size() == 2);
  CHECK(config->teams.at("myorg:dbas").users == std::vector<std::string>{"ann", "bob"});
  CHECK(config->teams.at("myorg:dbas").groups == std::vector<std::string>{"dba"});
  CHECK(config->publishers.named.users == std::vector<std::string>{"ann"});
  CHECK(config->publishers.named.groups == std::vector<std::string>{"release"});
  CHECK(config->publishers.teams == std::vector<std::string>{"myorg:dbas"});
}

TEST_CASE("a publisher's team has to be one of the teams") {
  CHECK(Complaint("publishers: {teams: [devs]}\nteams: {dvs: }") ==
        "x.yaml: 'publishers' names team 'devs', which 'teams' does not have");
  CHECK(Complaint("publishers: {user: ann}") ==
        "x.yaml, line 1: unknown key 'publishers.user' (did you mean 'users'?)");
}

TEST_CASE("quotas: everybody's, and users who have others, wherever in the map they stand") {
  const auto defaults = ParseConfig("", "x.yaml")->quotas;
  CHECK(defaults.everybody == UserLimits{64, 2, 8, 200, 0});
  CHECK(defaults.users.empty());
  const auto config = ParseConfig(R"(
quotas:
  users:
    ci: {builds: 8, containers: 0}
    ann:
  connections: 30
  builds: 1
  launches: 3
  containers: 20
  disk: 200GiB
)",
                                  "x.yaml");
  REQUIRE(config);
  const QuotaSettings& quotas = config->quotas;
  constexpr uint64_t kDisk = uint64_t{200} << 30U;
  CHECK(quotas.everybody == UserLimits{30, 1, 3, 20, kDisk});
  REQUIRE(quotas.users.size() == 2);
  CHECK(quotas.users.at("ci") == UserLimits{30, 8, 3, 0, kDisk});
  CHECK(quotas.users.at("ann") == quotas.everybody);
  CHECK(ParseConfig("quotas: {disk: 0}", "x.yaml")->quotas.everybody.disk_bytes == 0);
  CHECK(Complaint("quotas: {builds: many}") ==
        "x.yaml, line 1: 'quotas.builds' must be a number from 0 (no limit) to 1000000");
  CHECK(Complaint("quotas: {disk: 5}").find("a size such as 200GiB") != std::string::npos);
  CHECK(Complaint("quotas: {users: {ann: {build: 1}}}") ==
        "x.yaml, line 1: unknown key 'quotas.users.ann.build' (did you mean 'builds'?)");
  CHECK(Complaint("quotas: {users: [ann]}").find("a map of user names") != std::string::npos);
}

TEST_CASE("an unknown key is named with its line and the nearest known one") {
  CHECK(Complaint("host: 127.0.0.1\nportrange: 1-2\n") ==
        "x.yaml, line 2: unknown key 'portrange' (did you mean 'portRange'?)");
  CHECK(Complaint("teams:\n  a:\n    user: [x]\n") ==
        "x.yaml, line 3: unknown key 'teams.a.user' (did you mean 'users'?)");
  CHECK(Complaint("engineFallbacks: {mysql: postgres}\n").find("cannot stand in for 'mysql'") !=
        std::string::npos);
  CHECK(Complaint("engineFallbacks: {dbase: mariadb}\n").find("'dbase' is not known") != std::string::npos);
  CHECK(Complaint("xyzzyxyzzy: 1\n").find("known are engineSearchPaths, engineUsualPlaces") !=
        std::string::npos);
}

TEST_CASE("values that make no sense are refused") {
  const auto yaml = GENERATE(
      "portRange: 20000", "portRange: 5-4", "portRange: 80-90", "portRange: 20000-70000", "portRange: a-b",
      "portRange: [1]", "volumeSize: 64", "volumeSize: 64GB", "volumeSize: -1GiB", "volumeSize: 9TiB",
      "volumeSize: 99999999999999999999GiB", "volumeSize: 1MiB", "host: localhost", "host: 1.2.3",
      "engineUsualPlaces: no", "engineSearchPaths: [relative]", "engineSearchPaths: {a: b}", "engineUser: ''",
      "teams: [a]", "- a", "just text", "host: 127.0.0.1\nhost: 127.0.0.2", "teams: {a: {users: [[x]]}}",
      "host: [", "\tx: y", "? [a]\n: b", "teams: {a: , a: }", "diskWarnPercent: 0", "diskRefusePercent: 101",
      "diskWarnPercent: 8x", "diskRefusePercent: []", "teams: {[a, b]: }", "teams: {'': }",
      "teams: {'a b': }", "teams: {'a$(b)': }", "publishers: [ann]", "publishers: {users: {a: b}}");
  INFO(yaml);
  const std::string complaint = Complaint(yaml);
  CHECK(complaint.starts_with("x.yaml, line "));
}

TEST_CASE("a warning comes before the refusal") {
  CHECK(Complaint("diskWarnPercent: 91\n") == "x.yaml: diskWarnPercent (91) is above diskRefusePercent (90)");
  CHECK(Complaint("diskWarnPercent: 90\n") == "(accepted)");
}

TEST_CASE("a missing file matters only when it was asked for") {
  const ScratchDirectory scratch;
  CHECK(LoadConfig(scratch / "none.yaml", false));
  const auto named = LoadConfig(scratch / "none.yaml", true);
  REQUIRE_FALSE(named);
  CHECK(named.error().code == ErrorCode::kNotFound);
  CHECK(named.error().message.find("none.yaml") != std::string::npos);

  std::ofstream(scratch / "some.yaml") << "volumeSize: 1TiB\n";
  const auto some = LoadConfig(scratch / "some.yaml", true);
  REQUIRE(some);
  CHECK(some->volume_bytes == uint64_t{1} << 40U);

  std::ofstream(scratch / "big.yaml") << std::string(2 * 1024 * 1024, '#');
  CHECK_FALSE(LoadConfig(scratch / "big.yaml", true));
  CHECK_FALSE(LoadConfig(scratch.Path(), true));
}

}  // namespace
}  // namespace spawnd::daemon
