/// Who may have another connection.
#include "daemon/http/census.h"

#include "tests/support/catch.h"

namespace spawnd::daemon::http {
namespace {

constexpr uid_t kRoot = 0;
constexpr uid_t kAnn = 1001;
constexpr uid_t kBob = 1002;

Limits LimitsOf(size_t all, size_t reserved, size_t of_user) {
  Limits limits;
  limits.connections = all;
  limits.reserved_connections = reserved;
  limits.connections_of_user = [of_user](uid_t) { return of_user; };
  return limits;
}

/// How many of `count` more are let in.
size_t Admitted(Census& census, uid_t uid, size_t count) {
  size_t admitted = 0;
  for (size_t i = 0; i < count; ++i) admitted += census.Admit(uid) ? 0 : 1;
  return admitted;
}

TEST_CASE("one user has as many connections as he may, and another has his") {
  Census census(LimitsOf(20, 2, 5));
  CHECK(Admitted(census, kAnn, 300) == 5);
  CHECK(Admitted(census, kBob, 2) == 2);
  CHECK(Admitted(census, kRoot, 8) == 8);
  const auto refused = census.Admit(kAnn);
  REQUIRE(refused);
  CHECK(refused->status == 429);
  CHECK(refused->why.code == ErrorCode::kTooMany);
  CHECK(refused->why.message == "you have 5 of 5 connections to the daemon");
  census.Left(kAnn, false);
  CHECK(census.Of(kAnn) == 4);
  CHECK_FALSE(census.Admit(kAnn));
}

TEST_CASE("all others together leave room for root, and root for them") {
  Census others(LimitsOf(20, 3, 5));
  size_t admitted = 0;
  for (uid_t uid = 1; uid <= 10; ++uid) admitted += Admitted(others, uid, 5);
  CHECK(admitted == 17);
  CHECK(others.Admit(kBob)->status == 503);
  CHECK(Admitted(others, kRoot, 10) == 3);

  Census roots(LimitsOf(20, 3, 5));
  CHECK(Admitted(roots, kRoot, 100) == 17);
  CHECK(Admitted(roots, kAnn, 10) == 3);
}

TEST_CASE("no more than some are told why at a time, and none of them counts") {
  Census census(LimitsOf(20, 0, 1));
  REQUIRE(Admitted(census, kAnn, 2) == 1);
  size_t told = 0;
  while (told < 1000 && census.AdmitRefused(kAnn)) ++told;
  CHECK(told == 16);
  CHECK(census.AdmitRefused(kBob));
  CHECK(census.Of(kAnn) == 1);
  census.Left(kAnn, true);
  CHECK(census.AdmitRefused(kAnn));
  census.Left(kAnn, false);
  CHECK(census.Of(kAnn) == 0);
  CHECK_FALSE(census.Admit(kAnn));
}

}  // namespace
}  // namespace spawnd::daemon::http
