/// Arbitrary text as each kind of JSON: refused, or read into what is written and read back the same.
#include "api/json.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using spawnd::fuzz::Require;
namespace api = spawnd::api;

template <typename T>
void RoundTrip(std::string_view text) {
  const auto value = api::FromJson<T>(text);
  if (!value) {
    Require(value.error().code == spawnd::ErrorCode::kInvalidArgument,
            "not the sender's fault: " + value.error().message);
    return;
  }
  const std::string once = api::ToJson(*value);
  const auto again = api::FromJson<T>(once);
  Require(again.has_value(), "what was written cannot be read: " + once);
  Require(api::ToJson(*again) == once, "what was written reads differently: " + once);
}

void ReadStreamLine(std::string_view text) {
  const auto line = api::ParseStreamLine(text);
  if (!line) return;
  if (const auto* progress = std::get_if<api::Progress>(&*line)) {
    Require(api::ParseStreamLine(api::ProgressLine(*progress)).has_value(), "a progress line cannot be read");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  RoundTrip<api::CreateDataImageRequest>(text);
  RoundTrip<api::CreateDataContainerRequest>(text);
  RoundTrip<api::DataImage>(text);
  RoundTrip<api::DataContainer>(text);
  RoundTrip<std::vector<api::DataImage>>(text);
  RoundTrip<std::vector<api::DataContainer>>(text);
  static_cast<void>(api::ErrorFromJson(text));
  ReadStreamLine(text);
  return 0;
}
