#include "engines/postgresql/parts/contents.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "engines/postgresql/parts/words.h"
#include "engines/postgresql/restore/archive_header.h"
#include "engines/unpack/tar_header.h"
#include "engines/unpack/unpacked_file.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kMaxEntries = 300'000;
constexpr size_t kMaxNeeds = 5'000'000;  ///< of all entries together
constexpr size_t kMaxBytes = size_t{1} << 30U;
/// Of names. What is longer, as the text of a function, is passed over.
constexpr size_t kMaxKept = 1024;
/// Of the statement that makes a table, whose end says what it inherits from.
constexpr size_t kMaxEnd = 16 * 1024;
constexpr size_t kReadBytes = 64 * 1024;

/// What goes wrong stays wrong: every later read gives zeros.
class Input {
 public:
  explicit Input(UnpackedFile& file) : file_(file) {}

  bool Failed() const { return failed_; }
  /// Of the bytes that come next, without taking them.
  std::string_view Peek(size_t size) {
    while (!failed_ && bytes_.size() - at_ < size && Fill()) {
    }
    return std::string_view(bytes_).substr(at_, size);
  }
  unsigned Byte() {
    if (at_ == bytes_.size() && !Fill()) return 0;
    return static_cast<unsigned char>(bytes_[at_++]);
  }
  void Skip(size_t size) {
    for (; size > 0 && !failed_; --size) Byte();
  }
  int64_t Integer() {
    const bool negative = Byte() != 0;
    int64_t value = 0;
    for (int i = 0; i < integer_size_; ++i) {
      const auto byte = static_cast<int64_t>(Byte());
      if (i < 7) value |= byte << (8 * i);
    }
    return negative ? -value : value;
  }
  /// nullopt: there is none, which is not the empty one.
  std::optional<std::string> Text() {
    const int64_t length = Integer();
    if (length < 0 || failed_) return std::nullopt;
    std::string text;
    for (int64_t i = 0; i < length && !failed_; ++i) {
      const auto c = static_cast<char>(Byte());
      if (text.size() < kMaxKept) text += c;
    }
    return text;
  }
  /// As Text, with the end of what is longer than is kept.
  std::string BothEnds() {
    const int64_t length = Integer();
    std::string text;
    std::string end;
    for (int64_t i = 0; i < length && !failed_; ++i) {
      const auto c = static_cast<char>(Byte());
      (text.size() < kMaxKept ? text : end) += c;
      if (end.size() > 2 * kMaxEnd) end.erase(0, kMaxEnd);
    }
    return text + end;
  }
  int IntegerSize() const { return integer_size_; }
  /// How many bytes have been taken.
  uint64_t Position() const { return read_ - (bytes_.size() - at_); }
  void SetIntegerSize(int size) {
    integer_size_ = size;
    failed_ = failed_ || size < 1 || size > 8;
  }

 private:
  bool Fill() {
    auto more = failed_ || read_ > kMaxBytes ? Result<std::string>(std::string()) : file_.Read(kReadBytes);
    if (!more || more->empty()) {
      failed_ = true;
      return false;
    }
    bytes_.erase(0, at_);
    at_ = 0;
    read_ += more->size();
    bytes_ += *more;
    return true;
  }

  UnpackedFile& file_;
  std::string bytes_;
  size_t at_ = 0;
  size_t read_ = 0;
  int integer_size_ = 4;
  bool failed_ = false;
};

struct Shape {
  unsigned minor = 0;
  unsigned offset_size = 0;
  unsigned format = 0;
};
constexpr unsigned kCustomFormat = 1;

std::optional<Shape> TakeHead(Input& input) {
  Shape shape;
  input.Skip(5);  // PGDMP
  const unsigned major = input.Byte();
  shape.minor = input.Byte();
  input.Skip(1);
  input.SetIntegerSize(static_cast<int>(input.Byte()));
  shape.offset_size = input.Byte();
  shape.format = input.Byte();
  if (major != 1 || shape.minor < 10 || shape.minor > 16 || input.Failed()) return std::nullopt;
  // Compression, seven numbers of a date, database, versions of server and pg_dump.
  if (shape.minor >= 15) {
    input.Byte();
  } else {
    input.Integer();
  }
  for (int i = 0; i < 7; ++i) input.Integer();
  for (int i = 0; i < 3; ++i) input.Text();
  return shape;
}

int NumberIn(const std::string& text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// `made`: the statement that makes it.
void TakeStatement(ContentsEntry& entry, const std::string& made) {
  if (entry.kind == "TABLE" || entry.kind == "FOREIGN TABLE") {
    const std::vector<std::string> words = WordsOf(made);
    entry.is_partition = std::find(words.begin(), words.end(), "inherits") == words.end();
    for (const Table& parent : InheritedBy(words, entry.schema)) {
      entry.inherits.push_back(parent.Qualified());
    }
  } else if (entry.kind == "EXTENSION") {
    const std::vector<std::string> words = WordsOf(made);
    const auto at = std::find(words.begin(), words.end(), "schema");
    if (at != words.end() && at + 1 != words.end()) entry.into_schema = *(at + 1);
  }
}

/// A byte for whether it is known (1: not yet, 2: yes, 3: there are no data), and the number.
void TakeOffset(Input& input, const Shape& shape, CustomData& data) {
  constexpr unsigned kUnknown = 1;
  constexpr unsigned kKnown = 2;
  const unsigned state = input.Byte();
  uint64_t offset = 0;
  for (unsigned i = 0; i < shape.offset_size; ++i) {
    const uint64_t byte = input.Byte();
    if (i < 8) offset |= byte << (8 * i);
  }
  if (state == kUnknown) data.last_block.reset();
  if (state == kKnown && data.last_block) data.last_block = std::max(*data.last_block, offset);
}

/// `needs`: of all entries so far.
ContentsEntry TakeEntry(Input& input, const Shape& shape, size_t& needs, CustomData& data) {
  ContentsEntry entry;
  entry.id = static_cast<int>(input.Integer());
  input.Integer();  // whether it has data
  input.Text();
  input.Text();  // numbers in the catalog
  entry.name = input.Text().value_or("");
  entry.kind = input.Text().value_or("");
  if (shape.minor >= 11) input.Integer();  // section
  const std::string made = input.BothEnds();
  for (int i = 0; i < 2; ++i) input.Text();  // how it is dropped, copied
  entry.schema = input.Text().value_or("");
  TakeStatement(entry, made);
  input.Text();                            // tablespace
  if (shape.minor >= 14) input.Text();     // access method
  if (shape.minor >= 16) input.Integer();  // kind of relation
  input.Text();                            // owner
  input.Text();                            // with oids
  while (const auto need = input.Text()) {
    entry.needs.push_back(NumberIn(*need));
    if (++needs > kMaxNeeds) break;
  }
  if (shape.format == kCustomFormat) {
    TakeOffset(input, shape, data);
  } else {
    input.Text();  // its file
  }
  return entry;
}

std::optional<Contents> TakeContents(Input& input) {
  if (!IsArchive(input.Peek(5))) input.Skip(kTarBlock);
  if (!IsArchive(input.Peek(5))) return std::nullopt;
  const auto shape = TakeHead(input);
  if (!shape) return std::nullopt;
  const int64_t count = input.Integer();
  if (count < 0 || static_cast<uint64_t>(count) > kMaxEntries) return std::nullopt;
  Contents contents;
  size_t needs = 0;
  CustomData data{0, static_cast<size_t>(input.IntegerSize()), 0};
  for (int64_t i = 0; i < count && !input.Failed() && needs <= kMaxNeeds; ++i) {
    contents.entries.push_back(TakeEntry(input, *shape, needs, data));
  }
  if (input.Failed() || needs > kMaxNeeds) return std::nullopt;
  data.first_block = input.Position();
  if (shape->format == kCustomFormat) contents.custom = data;
  return contents;
}

}  // namespace

std::vector<std::string> Contents::Extensions() const {
  std::vector<std::string> names;
  for (const ContentsEntry& entry : entries) {
    if (entry.kind == "EXTENSION") names.push_back(entry.name);
  }
  return names;
}

std::optional<Contents> ReadContents(const RestoreRequest& request, const Packing& packing) {
  UniqueFd opened;
  int fd = request.backup_fd;
  if (request.folder != nullptr) {
    auto contents = request.folder->Open("toc.dat");
    if (!contents) return std::nullopt;
    opened = std::move(*contents);
    fd = opened.Get();
  }
  UnpackedFile file(fd, request.backup_name, packing);
  Input input(file);
  return TakeContents(input);
}

}  // namespace spawnd::engines::postgresql
