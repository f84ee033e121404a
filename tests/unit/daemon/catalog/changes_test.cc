/// Access tokens, what can be changed later, and what expires when.
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("tokens, changes and what expires") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");
  TokenRow token;
  token.hash = "00ff";
  token.purpose = "ci";
  token.owner = 1000;
  token.created_at = 5;
  token.id = catalog->InsertToken(token).value();
  REQUIRE(catalog->NoteTokenUse(token.id, 77));
  CHECK(catalog->TokenById(token.id)->last_used_at == 77);
  CHECK(catalog->TokenById(token.id)->hash == "00ff");
  CHECK(catalog->ListTokens()->size() == 1);
  REQUIRE(catalog->RemoveToken(token.id));
  CHECK(CodeOf(catalog->TokenById(token.id)) == ErrorCode::kNotFound);
  CHECK(CodeOf(catalog->RemoveToken(token.id)) == ErrorCode::kNotFound);

  const int64_t shop = Completed(*catalog, "shop");
  const int64_t other = Completed(*catalog, "shop");
  const int64_t demo = catalog->InsertContainer(NewContainer("demo", shop, 20001)).value();
  const int64_t second = catalog->InsertContainer(NewContainer("second", other, 20002)).value();
  REQUIRE(catalog->UpdateImage(other, {.name = {}, .tags = {}, .teams = {}, .expires_at = 0}));
  CHECK(catalog->NextExpiry(1'800'000'000).value() == 0);
  REQUIRE(catalog->UpdateImage(shop, {.name = {}, .tags = {"x"}, .teams = {"t"}, .expires_at = 100}));
  REQUIRE(catalog->CompleteContainer(demo, 1, {}, 0));
  REQUIRE(catalog->UpdateContainer(demo, {.name = {}, .expires_at = 200}));
  CHECK(catalog->NextExpiry(0).value() == 100);
  CHECK(catalog->NextExpiry(100).value() == 200);
  CHECK(catalog->ExpiredImages(150)->empty());  // demo uses it
  CHECK(catalog->ExpiredContainers(199)->empty());
  CHECK(catalog->ExpiredContainers(200).value() == std::vector<int64_t>{demo});
  REQUIRE(catalog->MarkContainerDeleting(demo));
  CHECK(catalog->ExpiredImages(99)->empty());
  CHECK(catalog->ExpiredImages(100).value() == std::vector<int64_t>{shop});

  REQUIRE(catalog->UpdateImage(other, {.name = {}, .tags = {"x"}, .teams = {}, .expires_at = {}}));
  CHECK(catalog->FindImage("shop:x")->id == other);
  REQUIRE(catalog->UpdateImage(shop, {.name = "store", .tags = {"y"}, .teams = {}, .expires_at = 0}));
  CHECK(catalog->FindImage("store:y")->id == shop);
  CHECK(catalog->ImageById(shop)->expires_at == 0);
  REQUIRE(catalog->UpdateImage(other, {.name = {}, .tags = {"y"}, .teams = {}, .expires_at = {}}));
  REQUIRE(catalog->UpdateImage(other, {.name = "store", .tags = {}, .teams = {}, .expires_at = {}}));
  CHECK(catalog->FindImage("store:y")->id == other);

  REQUIRE(
      catalog->UpdateImage(shop, {.name = {}, .tags = {"a", "b"}, .teams = {"t", "u"}, .expires_at = {}}));
  REQUIRE(catalog->UpdateImage(shop, {.name = {},
                                      .tags = {"c"},
                                      .teams = {},
                                      .expires_at = {},
                                      .remove_tags = {"a", "z"},
                                      .remove_teams = {"t"}}));
  CHECK(catalog->ImageById(shop)->tags == std::vector<std::string>{"b", "c"});
  CHECK(catalog->ImageById(shop)->teams == std::vector<std::string>{"a", "b", "u"});
  CHECK(CodeOf(catalog->FindImage("store:a")) == ErrorCode::kNotFound);
  CHECK(catalog->FindImage("store:y")->id == other);

  CHECK(CodeOf(catalog->UpdateContainer(demo, {.name = "second", .expires_at = {}})) ==
        ErrorCode::kAlreadyExists);
  REQUIRE(catalog->UpdateContainer(second, {.name = "demo", .expires_at = {}}));  // free: the first is going
  CHECK(catalog->FindContainer("demo")->id == second);
}

TEST_CASE("a lifetime begins when what has it can be used") {
  constexpr int64_t kBegun = 1'700'000'000;
  constexpr int64_t kLifetime = 100'000'000;  // of NewImage
  constexpr int64_t kLate = kBegun + 2 * kLifetime;
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");

  const int64_t image = Pending(*catalog, "shop");
  CHECK(catalog->NextExpiry(0).value() == 0);
  CHECK(catalog->ExpiredImages(kLate)->empty());
  REQUIRE(catalog->CompleteImage(image, {"", 1, 1, "x", {"l1"}, kLate}));
  CHECK(catalog->ImageById(image)->expires_at == kLate + kLifetime);
  CHECK(catalog->ExpiredImages(kLate + kLifetime - 1)->empty());
  CHECK(catalog->ExpiredImages(kLate + kLifetime).value() == std::vector<int64_t>{image});

  const int64_t failed = Pending(*catalog, "failed");
  REQUIRE(catalog->FailImage(failed, "a disk is full", kLate + 1));
  CHECK(catalog->ImageById(failed)->expires_at == kLate + 1 + kLifetime);
  REQUIRE(catalog->FailDamagedImage(image, "a chunk is damaged"));  // no new life
  CHECK(catalog->ImageById(image)->expires_at == kLate + kLifetime);

  const int64_t forever = Pending(*catalog, "forever");
  REQUIRE(catalog->UpdateImage(forever, {.name = {}, .tags = {}, .teams = {}, .expires_at = 0}));
  REQUIRE(catalog->CompleteImage(forever, {"", 1, 1, "x", {"l1"}, kLate}));
  CHECK(catalog->ImageById(forever)->expires_at == 0);

  ContainerRow row = NewContainer("demo", forever, 20001);
  row.created_at = kBegun;
  row.expires_at = kBegun + 10;
  const int64_t demo = catalog->InsertContainer(row).value();
  CHECK(catalog->ExpiredContainers(kLate)->empty());
  REQUIRE(catalog->CompleteContainer(demo, 1, {}, kBegun + 30));
  CHECK(catalog->ContainerById(demo)->expires_at == kBegun + 40);
  CHECK(catalog->NextExpiry(kBegun).value() == kBegun + 40);
  CHECK(catalog->ExpiredContainers(kBegun + 40).value() == std::vector<int64_t>{demo});
}

}  // namespace
}  // namespace spawnd::daemon
