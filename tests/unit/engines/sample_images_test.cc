#include "engines/sample_images.h"

#include "tests/support/catch.h"

using Catch::Matchers::Contains;
using spawnd::engines::SampleImageHint;

TEST_CASE("Spawn's public samples: what they were, in whichever spelling") {
  CHECK_THAT(SampleImageHint("postgres-pagila"), Contains("devrimgunduz/pagila"));
  CHECK_THAT(SampleImageHint("postgres-pagila:v11.0"), Contains("devrimgunduz/pagila"));
  CHECK_THAT(SampleImageHint("mssql-wideworldimporters"), Contains("sql-server-samples"));
  for (const char* engine : {"postgres", "mysql", "mssql"}) {
    const std::string image = std::string(engine) + ":flyway-getting-started";
    CHECK_THAT(SampleImageHint(image), Contains("`sourceType: empty`"));
    CHECK_THAT(SampleImageHint(image + "-complete"), Contains("`sourceType: scripts`"));
  }
  for (const char* other :
       {"", "shop", "pagila", "postgres", "postgres:15", "flyway-getting-started", "10001", ":"}) {
    INFO(other);
    CHECK(SampleImageHint(other).empty());
  }
}
