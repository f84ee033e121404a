#include "client/output/table.h"

#include <algorithm>
#include <sstream>

#include "tests/support/catch.h"

using namespace spawnd::client;
namespace api = spawnd::api;

namespace {

constexpr int64_t kNow = 1'700'000'000;
constexpr int64_t kDay = 86400;

/// What `awk '{print $n}'` prints for one line.
std::string Column(const std::string& table, size_t line, size_t n) {
  std::istringstream lines(table);
  std::string text;
  for (size_t i = 0; i <= line; ++i) std::getline(lines, text);
  std::istringstream words(text);
  std::string word;
  for (size_t i = 0; i < n; ++i) words >> word;
  return word;
}

}  // namespace

TEST_CASE("the image table is the one scripts read") {
  api::DataImage image;
  image.id = 10001;
  image.name = "WidgetStore";
  image.tags = {"latest", "0.2"};
  image.engine = "PostgreSQL";
  image.version_text = "11.0";
  image.status = api::Status::kCompleted;
  image.created_at = kNow - 3 * kDay;
  image.expires_at = kNow + 4 * kDay;
  image.teams = {"org:a"};
  api::DataImage bare;
  bare.id = 10002;
  bare.name = "b";
  bare.status = api::Status::kFailed;
  CHECK(ImageTable({image, bare}, kNow) ==
        "ID      Name          Tags          Engine            Status      CreatedAt    Teams   ExpiresAt\n"
        "10001   WidgetStore   latest, 0.2   PostgreSQL:11.0   Completed   3 days ago   org:a   4 days from "
        "now\n"
        "10002   b             -             -                 Failed      -            -       never\n");
}

TEST_CASE("the container table has the name in column 2, whatever the names") {
  api::DataContainer container;
  container.id = 10002;
  container.name = "demo-qkzvbnwa";
  container.revision = "rev.0";
  container.status = api::Status::kCompleted;
  container.engine = "PostgreSQL";
  container.version_text = "15";
  container.created_at = kNow - 5;
  api::DataContainer other = container;
  other.name = std::string(63, 'n');
  const std::string table = ContainerTable({container, other}, kNow);
  CHECK(Column(table, 0, 2) == "Name");
  CHECK(Column(table, 1, 2) == "demo-qkzvbnwa");
  CHECK(Column(table, 2, 2) == other.name);
  CHECK(Column(table, 1, 3) == "rev.0");
  CHECK(Column(table, 1, 4) == "Completed");
  CHECK(table.starts_with("ID      Name"));
  CHECK(Column(table, 0, 8) != "Owner");
}

TEST_CASE("a container that sleeps is said to on a terminal and in a wide table, and nowhere else") {
  api::DataContainer container;
  container.name = "a";
  container.status = api::Status::kCompleted;
  container.state = "asleep";
  container.outdated = "it runs spawnd 0.1.0";
  CHECK(Column(ContainerTable({container}, kNow), 1, 4) == "Completed");
  CHECK(ContainerTable({container}, kNow).find("asleep") == std::string::npos);
  CHECK(ContainerTable({container}, kNow, ContainerColumns::kMarked).find("Completed, asleep, outdated") !=
        std::string::npos);
  const std::string wide = ContainerTable({container}, kNow, ContainerColumns::kWide);
  CHECK(Column(wide, 0, 8) == "State");
  CHECK(Column(wide, 1, 4) == "Completed");
  CHECK(Column(wide, 1, 8) == "asleep");
  CHECK(Column(wide, 1, 9) == "-");
}

TEST_CASE("whose a data container is stands last, where there are several owners") {
  api::DataContainer one;
  one.name = "a";
  one.owner = "ann";
  api::DataContainer other = one;
  other.owner = "ben";
  const std::string table = ContainerTable({one, other}, kNow);
  CHECK(Column(table, 0, 7) == "ExpiresAt");
  CHECK(Column(table, 0, 8) == "Owner");
  CHECK(Column(table, 1, 8) == "ann");
  CHECK(Column(table, 2, 8) == "ben");
}

TEST_CASE("when something expires that is still being made is not known") {
  api::DataImage image;
  image.name = "a";
  image.status = api::Status::kPending;
  CHECK(Column(ImageTable({image}, kNow), 1, 8) == "-");
  api::DataContainer container;
  container.name = "a";
  container.state = "creating";
  CHECK(Column(ContainerTable({container}, kNow), 1, 7) == "-");
  container.state = "restarting";
  CHECK(Column(ContainerTable({container}, kNow), 1, 7) == "never");
}

TEST_CASE("a table's lines have no blanks at the end, and width is characters") {
  CHECK(FormatTable({{"a", "b"}, {"\xc3\xa4\xc3\xa4", "c"}, {"xxx", "-"}}) ==
        "a     b\n\xc3\xa4\xc3\xa4    c\nxxx   -\n");
  CHECK(FormatTable({{"only"}}) == "only\n");
}

TEST_CASE("a name that holds terminal codes or line ends cannot break the table") {
  api::DataImage image;
  image.name =
      "a\n\x1b[2J"
      "b";
  const std::string table = ImageTable({image}, kNow);
  CHECK(std::count(table.begin(), table.end(), '\n') == 2);
  CHECK(table.find('\x1b') == std::string::npos);
}

TEST_CASE("engines: one word to a column, and the problem last") {
  api::Engine usable;
  usable.engine = "mssql";
  usable.name = "SQL Server";
  usable.version = "16.0";
  usable.path = "/opt/mssql";
  usable.usable = true;
  api::Engine missing;
  missing.engine = "mysql";
  missing.name = "MySQL";
  missing.problem = "not installed";
  CHECK(EngineTable({usable, missing}) ==
        "Engine   Name         Version   Usable   Path         Problem\n"
        "mssql    SQL-Server   16.0      yes      /opt/mssql   -\n"
        "mysql    MySQL        -         no       -            not installed\n");
}
