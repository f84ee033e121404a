/// The table of data sources.
#include "client/output/source_table.h"

#include "tests/support/catch.h"

namespace spawnd::client {
namespace {

TEST_CASE("source table: one that never ran, one that failed, and a standby") {
  constexpr int64_t kNow = 1'800'000'000;
  api::DataSource fresh;
  fresh.id = 10001;
  fresh.name = "fresh";
  fresh.source_type = "backup";
  fresh.status = "Ready";
  fresh.schedule = "0 3 * * *";
  fresh.next_run_at = kNow + 7200;
  api::DataSource broken = fresh;
  broken.id = 10002;
  broken.name = "broken";
  broken.status = "Failed";
  broken.schedule.clear();
  broken.next_run_at = 0;
  broken.last_run_at = kNow - 3 * 60;
  broken.last_outcome = "failed";
  broken.detail = "its last run was failed:\nno such file";
  api::DataSource standby = fresh;
  standby.id = 10003;
  standby.name = "copy";
  standby.source_type = "standby";
  standby.status = "Following";
  standby.lag_bytes = 0;
  standby.last_image_id = 10009;
  standby.last_image = "copy";
  standby.last_run_at = kNow - 60;
  standby.last_outcome = "succeeded";
  const std::string text = SourceTable({fresh, broken, standby}, kNow, false);
  CHECK(text.find("ID      Name     Type      Status      Schedule") == 0);
  CHECK(text.find("10001   fresh    backup    Ready       0 3 * * *   2 hours from now   never") !=
        std::string::npos);
  CHECK(text.find("failed, 3 minutes ago") != std::string::npos);
  CHECK(text.find("copy (10009)") != std::string::npos);
  CHECK(text.ends_with("'broken': its last run was failed: no such file\n"));
  CHECK(text.find("Owner") == std::string::npos);
  CHECK(SourceTable({fresh}, kNow, true).find("Skipped") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::client
