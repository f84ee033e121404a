/// Whether a text of SQL is within a transaction that it began itself. For messages: what there is of it the
/// server says. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spawnd::engines::postgresql {

class TransactionWatch {
 public:
  /// `word`: in upper case, the `number`th of its statement, from 1.
  void OnWord(std::string_view word, size_t number);
  /// The statement that began on this line is over.
  void OnStatementEnds(uint64_t line);
  /// The line on which the open transaction begins; 0: none is open.
  uint64_t OpenSince() const { return open_since_; }

 private:
  bool Has(std::string_view word) const;

  std::vector<std::string> words_;  ///< the first few
  uint64_t open_since_ = 0;
};

}  // namespace spawnd::engines::postgresql
