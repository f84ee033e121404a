#include "daemon/access/trail.h"

#include <algorithm>

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

Change Save() {
  Change change;
  change.what = {.uid = 1000,
                 .token_id = 10007,
                 .verb = "save",
                 .resource = "data-container",
                 .id = 10002,
                 .name = "shop"};
  change.socket_uid = 1001;
  change.pid = 42;
  change.took = std::chrono::milliseconds(3);
  return change;
}

bool Has(const std::vector<std::string>& fields, const std::string& field) {
  return std::count(fields.begin(), fields.end(), field) == 1;
}

TEST_CASE("a record says who, what and how it ended") {
  Change change = Save();
  CHECK(LineOf(change) ==
        "verb=save resource=data-container id=10002 name=\"shop\" uid=1000 pid=42 socketUid=1001 token=10007 "
        "outcome=done");
  CHECK(FieldsOf(change) == std::vector<std::string>{"SPAWND_VERB=save", "SPAWND_RESOURCE=data-container",
                                                     "SPAWND_ID=10002", "SPAWND_NAME=shop", "SPAWND_BY=user",
                                                     "SPAWND_UID=1000", "SPAWND_PID=42",
                                                     "SPAWND_SOCKET_UID=1001", "SPAWND_TOKEN=10007",
                                                     "SPAWND_DURATION_USEC=3000", "SPAWND_OUTCOME=done"});
  change.failed = ErrorCode::kNoSpace;
  CHECK(LineOf(change).ends_with(" outcome=failed code=no_space"));
  CHECK(Has(FieldsOf(change), "SPAWND_CODE=no_space"));
  CHECK(Has(FieldsOf(change), "SPAWND_OUTCOME=failed"));
}

TEST_CASE("what the daemon does by itself has no user") {
  Change change = Save();
  change.by_daemon = true;
  CHECK(LineOf(change) == "verb=save resource=data-container id=10002 name=\"shop\" by=daemon outcome=done");
  const auto fields = FieldsOf(change);
  CHECK(Has(fields, "SPAWND_BY=daemon"));
  CHECK(std::none_of(fields.begin(), fields.end(),
                     [](const std::string& field) { return field.starts_with("SPAWND_UID"); }));
}

TEST_CASE("a name cannot end its field, nor its line, nor fill the journal") {
  Change change = Save();
  change.what.name = "x\" uid=0 outcome=\\done\nSPAWND_UID=0\x1b[2J";
  CHECK(LineOf(change).find("name=\"x\\\" uid=0 outcome=\\\\done\\\\nSPAWND_UID=0\\\\x1b[2J\" uid=1000") !=
        std::string::npos);
  CHECK(Has(FieldsOf(change), "SPAWND_NAME=x\" uid=0 outcome=\\done\\nSPAWND_UID=0\\x1b[2J"));
  change.what.name = std::string(100'000, 'a');
  CHECK(LineOf(change).size() < 500);
  CHECK(Has(FieldsOf(change), "SPAWND_NAME=" + std::string(kMaxNoted, 'a') + "..."));
}

TEST_CASE("what a handler finds out is in the notes of its request") {
  http::Peer peer;
  NoteChange(peer, "save", "data-container", 1, "x");  // nobody writes anything down
  peer.notes = std::make_shared<http::Notes>();
  peer.identity.uid = 1000;
  peer.token_id = 7;
  const http::Peer copy = peer;
  NoteChange(copy, "save", "data-container", 10002, "shop");
  const auto said = peer.notes->Get();
  CHECK(said.noted);
  CHECK(said.uid == 1000);
  CHECK(said.token_id == 7);
  CHECK(said.verb == "save");
  CHECK(said.id == 10002);
  CHECK(said.name == "shop");
}

}  // namespace
}  // namespace spawnd::daemon
