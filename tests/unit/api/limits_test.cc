/// Limits as users write them.
#include "api/resource_limits.h"
#include "tests/support/catch.h"

namespace spawnd::api {
namespace {

TEST_CASE("memory is written as docker and systemd write it") {
  CHECK(ParseMemory("512MiB").value() == int64_t{512} << 20);
  CHECK(ParseMemory("512m").value() == int64_t{512} << 20);
  CHECK(ParseMemory("512MB").value() == int64_t{512} << 20);
  CHECK(ParseMemory("1.5GiB").value() == int64_t{1536} << 20);
  CHECK(ParseMemory("2Gi").value() == int64_t{2} << 30);
  CHECK(ParseMemory("1t").value() == int64_t{1} << 40);
  CHECK(ParseMemory("536870912").value() == 536'870'912);
  CHECK(ParseMemory("none").value() == 0);
  CHECK(ParseMemory("0").value() == 0);
  for (const char* text :
       {"", "lots", "512X", "512MiBs", "-1g", "1..5g", "8MiB", "9999999t", "g", "nan", "inf"}) {
    const auto parsed = ParseMemory(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::kInvalidArgument);
  }
  CHECK(ParseMemory("8MiB").error().message ==
        "'8MiB' is not a size from 32MiB to 1024TiB, such as 512MiB, or none");
}

TEST_CASE("processors, processes and weights have bounds") {
  CHECK(ParseCpus("1.5").value() == 1.5);
  CHECK(ParseCpus("none").value() == 0);
  for (const char* text : {"", "-1", "0.001", "9000", "1,5", "all", "nan", "inf"})
    CHECK_FALSE(ParseCpus(text));
  CHECK(ParsePids("200").value() == 200);
  CHECK(ParsePids("0").value() == 0);
  for (const char* text : {"", "3", "-5", "1.5", "5000000"}) CHECK_FALSE(ParsePids(text));
  CHECK(ParseWeight("50").value() == 50);
  for (const char* text : {"", "0", "none", "10001"}) CHECK_FALSE(ParseWeight(text));
}

TEST_CASE("limits of a request are held to the same bounds") {
  CHECK(ValidateLimits({}));
  Limits limits;
  limits.memory_bytes = 0;
  limits.pids = 32;
  CHECK(ValidateLimits(limits));
  limits.memory_bytes = 1024;
  CHECK(ValidateLimits(limits).error().message ==
        "limits.memoryBytes is not a size from 32MiB to 1024TiB, such as 512MiB, or none");
  limits.memory_bytes = -1;
  CHECK_FALSE(ValidateLimits(limits));
  limits.memory_bytes.reset();
  limits.cpu_weight = 0;
  CHECK_FALSE(ValidateLimits(limits));
}

TEST_CASE("what the first does not say comes from the second") {
  Limits container;
  container.memory_bytes = 0;
  Limits image;
  image.memory_bytes = int64_t{64} << 20;
  image.pids = 100;
  const Limits both = Overlay(container, image);
  CHECK(both.memory_bytes == 0);  // no limit is something that is said
  CHECK(both.pids == 100);
  CHECK_FALSE(both.cpus);
}

}  // namespace
}  // namespace spawnd::api
