/// -o json, yaml and the one-field forms.
#include "client/output/output.h"

#include <yaml-cpp/yaml.h>

#include "api/json.h"
#include "client/yaml/writer.h"
#include "tests/support/catch.h"

using namespace spawnd::client;
namespace api = spawnd::api;

namespace {

const std::string kContainer =
    R"({"id":10002,"name":"demo","host":"127.0.0.1","port":41000,"connectionString":"Host=127.0.0.1;Port=41000",)"
    R"("createdAt":"2025-01-02T03:04:05Z","expiresAt":null,"tags":[],"timings":{"keeper":6.1,"fuse":1.25},"detail":""})";

}  // namespace

TEST_CASE("formats by name, any case") {
  CHECK(*ParseFormat("") == Format::kTable);
  CHECK(*ParseFormat("JSON") == Format::kJson);
  CHECK(*ParseFormat("yaml") == Format::kYaml);
  const auto unknown = ParseFormat("xml");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message == "unknown output format 'xml'");
}

TEST_CASE("JSON is what the daemon sent, also the fields this client does not know") {
  const std::string json = R"({ "a":1,"fromTheFuture":[true,{}]})";
  CHECK(*Render(json, {Format::kJson}) == "{\"a\":1,\"fromTheFuture\":[true,{}]}\n");
  CHECK(*Render(json, {.format = Format::kJson, .indented = true}) ==
        "{\n  \"a\": 1,\n  \"fromTheFuture\": [\n    true,\n    {}\n  ]\n}\n");
  CHECK(*Render("[]", {Format::kJson}) == "[]\n");
  CHECK_FALSE(Render("nonsense", {Format::kJson}));
}

TEST_CASE("YAML has lower-case keys and plain scalars") {
  CHECK(*Render(kContainer, {Format::kYaml}) ==
        "id: 10002\n"
        "name: demo\n"
        "host: 127.0.0.1\n"
        "port: 41000\n"
        "connectionstring: Host=127.0.0.1;Port=41000\n"
        "createdat: 2025-01-02T03:04:05Z\n"
        "expiresat: null\n"
        "tags: []\n"
        "timings:\n"
        "  keeper: 6.1\n"
        "  fuse: 1.25\n"
        "detail: \"\"\n");
  CHECK(*Render("[]", {Format::kYaml}) == "[]\n");
  CHECK(*Render(R"([{"id":1,"tags":["a","0.2"]},{"id":2,"x":{"z":[]}}])", {Format::kYaml}) ==
        "- id: 1\n  tags:\n    - a\n    - \"0.2\"\n- id: 2\n  x:\n    z: []\n");
}

TEST_CASE("a YAML scalar reads back as the text it was") {
  for (const char* text : {"demo",
                           "a b",
                           "true",
                           "No",
                           "null",
                           "~",
                           "15",
                           "11.0",
                           "1e5",
                           "-3",
                           "+7",
                           ".5",
                           "0x1f",
                           "1_000",
                           "12:30",
                           "2025-01-02",
                           "2025-01-02T03:04:05Z",
                           "127.0.0.1",
                           "Host=H;Port=1",
                           "a: b",
                           "a:",
                           ":",
                           "-",
                           "- a",
                           "-a",
                           "#x",
                           "a #b",
                           "a#b",
                           "[x]",
                           "{x}",
                           "&x",
                           "*x",
                           "!x",
                           "|",
                           ">",
                           "'q'",
                           "\"q\"",
                           "%x",
                           "@x",
                           "`x",
                           "? x",
                           ", x",
                           " lead",
                           "trail ",
                           "two\nlines",
                           "tab\t",
                           "\x1b[2J",
                           "",
                           "---",
                           "...",
                           "redis://:p@h:1/0",
                           "\xc3\xa4",
                           "back\\slash",
                           ".nan",
                           "=",
                           "<<"}) {
    INFO(text);
    const YAML::Node node = YAML::Load("key: " + YamlScalar(text) + "\n");
    REQUIRE(node["key"].IsScalar());
    CHECK(node["key"].as<std::string>() == text);
  }
  for (const char* plain :
       {"demo", "127.0.0.1", "PostgreSQL:15", "org:dbas", "Host=127.0.0.1;Port=1;Username=u",
        "jdbc:x://h:1/d", "2025-01-02T03:04:05Z", "rev.0", "a/b", "User Id=root"}) {
    CHECK(YamlScalar(plain) == plain);
  }
  for (const char* quoted : {"15", "11.0", "true", "2025-01-02", "1e5"})
    CHECK(YamlScalar(quoted).front() == '"');
}

TEST_CASE("one field, one line a resource") {
  CHECK(*Render(kContainer, {Format::kName}) == "demo\n");
  CHECK(*Render(kContainer, {Format::kPort}) == "41000\n");
  CHECK(*Render("[" + kContainer + "," + kContainer + "]", {Format::kHost}) == "127.0.0.1\n127.0.0.1\n");
  CHECK(Render("[]", {Format::kName})->empty());
  const auto missing = Render(api::ToJson(api::DataImage{}), {Format::kPort});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message == "there is no 'port' to print");
}

TEST_CASE("jdbc and env, quoted for a shell where that is needed") {
  const std::string json =
      R"({"jdbcConnectionString":"jdbc:x://h","environment":{"PGHOST":"127.0.0.1","PGDATABASE":"it's $x"}})";
  CHECK(*Render(json, {Format::kJdbc}) == "jdbc:x://h\n");
  CHECK(*Render(json, {Format::kEnv}) == "PGHOST=127.0.0.1\nPGDATABASE='it'\\''s $x'\n");
  CHECK(Render("[" + json + "]", {Format::kEnv}).error().message == "-o env is for one data container");
  CHECK(Render("{}", {Format::kEnv}).error().message == "there is no environment to print");
  CHECK(ShellWord("") == "''");
  CHECK(ShellWord("postgresql://u:p@[::1]:1/a%20b") == "'postgresql://u:p@[::1]:1/a%20b'");
  // Names of variables are data: their case counts.
  CHECK(*Render(R"({"clientHint":"x","environment":{"PGHOST":"h"}})", {Format::kYaml}) ==
        "clienthint: x\nenvironment:\n  PGHOST: h\n");
}

TEST_CASE("a template of fields, a line a resource") {
  const auto fill = [](std::string_view text, const std::string& json = kContainer) {
    return Render(json, *ParseOutput("", text));
  };
  CHECK(*fill("{{.host}}:{{.port}}") == "127.0.0.1:41000\n");
  CHECK(*fill("{{ .Name }}\\t{{.connectionstring}}\\n") == "demo\tHost=127.0.0.1;Port=41000\n\n");
  CHECK(*fill("{{.name}}", "[" + kContainer + "," + kContainer + "]") == "demo\ndemo\n");
  CHECK(fill("{{.name}}", "[]")->empty());
  CHECK(*fill("{{.timings.fuse}} {{json .tags}} {{.expiresAt}}|") == "1.25 [] |\n");
  CHECK(*fill("{{json .}}", R"({"a":[1,{"b":null}]})") == "{\"a\":[1,{\"b\":null}]}\n");
  CHECK(*fill("{{.t}}", R"({"t":["a","b"]})") == "a,b\n");
  CHECK(*fill("{{.t}}", R"({"t":"two\nlines"})") == "two lines\n");
  CHECK(*fill("a } b {{.name}} }}") == "a } b demo }}\n");
  CHECK(ParseOutput("", "json")->format == Format::kJson);
}

TEST_CASE("a template that cannot be filled says why") {
  const auto unknown = Render(kContainer, *ParseOutput("", "{{.hots}}"));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message == "--format: there is no field 'hots'");
  CHECK(unknown.error().hint ==
        "Did you mean 'host'? The fields are id, name, host, port, connectionString, createdAt, expiresAt, "
        "tags, "
        "timings, detail.");
  CHECK_FALSE(Render(kContainer, *ParseOutput("", "{{.name.x}}")));
  CHECK(ParseOutput("", "{{.name").error().message == "--format: a '{{' has no '}}'");
  CHECK(ParseOutput("", "{{name}}").error().message == "--format: '{{name}}' is not understood");
  CHECK(ParseOutput("", "{{range .}}").error().message == "--format: '{{range .}}' is not understood");
  CHECK(ParseOutput("json", "{{.name}}").error().message == "--output and --format are both given");
  CHECK_FALSE(ParseOutput("", std::string(5000, 'x') + "{{.name}}"));
}
