#include "api/json_document.h"

#include <fmt/core.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace spawnd::api {
namespace {

/// Passes the parser's events on to the document as long as they are within the limits. A `false` from a
/// handler ends the parse with kParseErrorTermination; `broken` then says which limit it was.
class BoundedHandler {
 public:
  BoundedHandler(rapidjson::Document& document, const JsonLimits& limits)
      : document_(document), limits_(limits) {}

  const std::string& Broken() const { return broken_; }

  bool Null() { return document_.Null(); }
  bool Bool(bool value) { return document_.Bool(value); }
  /// Every number comes here as text (kParseNumbersAsStringsFlag). rapidjson's own conversion is either off
  /// by one in the last place or, with kParseFullPrecisionFlag, undefined for some spellings of zero.
  bool RawNumber(const char* text, rapidjson::SizeType length, bool /*copy*/) {
    const char* const end = text + length;
    int64_t whole = 0;
    const auto integer = std::from_chars(text, end, whole);
    if (integer.ec == std::errc() && integer.ptr == end) return document_.Int64(whole);
    double number = 0;
    const auto read = std::from_chars(text, end, number);
    if (read.ec != std::errc() || read.ptr != end) {
      broken_ = fmt::format("the number {} is out of range", std::string_view(text, std::min(length, 32U)));
      return false;
    }
    return document_.Double(number);
  }
  // The reader's other events, which do not come.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool String(const char* text, rapidjson::SizeType length, bool copy) {
    return TextFits(text, length) && document_.String(text, length, copy);
  }
  bool Key(const char* text, rapidjson::SizeType length, bool copy) {
    return TextFits(text, length) && document_.Key(text, length, copy);
  }
  bool StartObject() { return Deeper() && document_.StartObject(); }
  bool EndObject(rapidjson::SizeType count) {
    --depth_;
    return ItemsFit(count) && document_.EndObject(count);
  }
  bool StartArray() { return Deeper() && document_.StartArray(); }
  bool EndArray(rapidjson::SizeType count) {
    --depth_;
    return ItemsFit(count) && document_.EndArray(count);
  }

 private:
  bool TextFits(const char* text, size_t length) {
    if (length > limits_.string_bytes) {
      broken_ = fmt::format("a text is longer than {} bytes", limits_.string_bytes);
    } else if (std::string_view(text, length).find('\0') != std::string_view::npos) {
      broken_ = "a text holds the character U+0000";
    }
    return broken_.empty();
  }
  bool ItemsFit(size_t count) {
    if (count > limits_.items)
      broken_ = fmt::format("a list or object has more than {} items", limits_.items);
    return broken_.empty();
  }
  bool Deeper() {
    if (++depth_ > limits_.nesting)
      broken_ = fmt::format("it is nested deeper than {} levels", limits_.nesting);
    return broken_.empty();
  }

  rapidjson::Document& document_;
  const JsonLimits& limits_;
  size_t depth_ = 0;
  std::string broken_;
};

}  // namespace

Result<rapidjson::Document> ParseJson(std::string_view text, const JsonLimits& limits,
                                      std::string_view what) {
  if (text.size() > limits.document_bytes) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is longer than {} bytes", what, limits.document_bytes));
  }
  // rapidjson takes a NUL byte for the end of the text, and would accept anything after it.
  if (text.find('\0') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is not valid JSON: it holds a NUL byte", what));
  }
  rapidjson::Document document;
  rapidjson::Reader reader;
  std::string broken;
  auto generate = [&](rapidjson::Document& target) {
    rapidjson::MemoryStream stream(text.data(), text.size());
    BoundedHandler handler(target, limits);
    constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                                rapidjson::kParseNumbersAsStringsFlag;
    const bool done = !reader.Parse<kFlags>(stream, handler).IsError();
    broken = handler.Broken();
    return done;
  };
  document.Populate(generate);
  if (!broken.empty())
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is refused: {}", what, broken));
  if (reader.HasParseError()) {
    std::string cause = rapidjson::GetParseError_En(reader.GetParseErrorCode());
    if (cause.ends_with('.')) cause.pop_back();
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not valid JSON at byte {}: {}", what, reader.GetErrorOffset(), cause));
  }
  return document;
}

}  // namespace spawnd::api
