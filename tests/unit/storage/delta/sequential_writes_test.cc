#include "storage/delta/sequential_writes.h"

#include "tests/support/catch.h"

namespace spawnd::storage {
namespace {

TEST_CASE("who goes on where he stopped in an earlier epoch gets more each time") {
  SequentialWrites writes;
  uint32_t begin = 100;
  uint32_t last = 0;
  for (Epoch epoch = 1; epoch <= 12; ++epoch) {
    const uint32_t ahead = writes.Note(begin, begin + 2, epoch);
    CHECK((ahead == 0) == (epoch == 1));
    CHECK(ahead >= last);
    CHECK(ahead <= SequentialWrites::kMostAhead);
    writes.Prepared(begin + 2, begin + 2 + ahead);
    last = ahead;
    begin += 2 + ahead;  // what was prepared is written without a word to anybody
  }
  CHECK(last == SequentialWrites::kMostAhead);
}

TEST_CASE("who starts anywhere, writes much at once or waits for no commit gets nothing") {
  SequentialWrites writes;
  CHECK(writes.Note(10, 12, 1) == 0);
  CHECK(writes.Note(12, 14, 1) == 0);  // the same epoch
  CHECK(writes.Note(15, 17, 2) == 0);  // a gap
  CHECK(writes.Note(14, 15 + SequentialWrites::kLongestWrite, 2) == 0);
  CHECK(writes.Note(0, 3, 3) == 0);
  CHECK(writes.Note(15 + SequentialWrites::kLongestWrite, 50, 3) > 0);
}

TEST_CASE("logs are told apart, and scattered writes between do not hide them") {
  SequentialWrites writes;
  for (Epoch epoch = 1; epoch < 20; ++epoch) {
    for (uint32_t log = 0; log < 4; ++log) {
      const uint32_t begin = log * 1000 + epoch;
      CHECK((writes.Note(begin, begin + 1, epoch) == 0) == (epoch == 1));
    }
    for (uint32_t i = 0; epoch > 1 && i < 40; ++i) {
      const uint32_t begin = 50'000 + (epoch * 40 + i) * 10;
      CHECK(writes.Note(begin, begin + 1, epoch) == 0);
    }
  }
}

TEST_CASE("less was prepared than asked for") {
  SequentialWrites writes;
  CHECK(writes.Note(10, 11, 1) == 0);
  REQUIRE(writes.Note(11, 12, 2) > 3);
  writes.Prepared(12, 15);
  CHECK(writes.Note(15, 16, 3) > 0);
  writes.Prepared(40, 50);  // of a write that was forgotten
}

}  // namespace
}  // namespace spawnd::storage
