#include "engines/postgresql/dump/transaction_watch.h"

#include <algorithm>

namespace spawnd::engines::postgresql {
namespace {

/// COMMIT TRANSACTION AND NO CHAIN.
constexpr size_t kMaxWords = 5;

}  // namespace

void TransactionWatch::OnWord(std::string_view word, size_t number) {
  if (number == 1) words_.clear();
  if (words_.size() < kMaxWords) words_.emplace_back(word);
}

bool TransactionWatch::Has(std::string_view word) const {
  return std::find(words_.begin(), words_.end(), word) != words_.end();
}

void TransactionWatch::OnStatementEnds(uint64_t line) {
  if (words_.empty()) return;
  const std::string& first = words_.front();
  const bool begins = first == "BEGIN" || (first == "START" && Has("TRANSACTION"));
  const bool to_savepoint = first == "ROLLBACK" && Has("TO");
  const bool prepared = first == "PREPARE" && words_.size() > 1 && words_[1] == "TRANSACTION";
  const bool ends = ((first == "COMMIT" || first == "END" || first == "ROLLBACK" || first == "ABORT") &&
                     !to_savepoint && !Has("PREPARED")) ||
                    prepared;
  if (begins && open_since_ == 0) open_since_ = line;
  if (ends) open_since_ = Has("CHAIN") && !Has("NO") ? line : 0;
  words_.clear();
}

}  // namespace spawnd::engines::postgresql
