/// Arbitrary text as the YAML of a data image: a request, or one line that says what is wrong.
#include "client/yaml/image.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using spawnd::fuzz::Require;
  const spawnd::client::ImageYaml yaml{.name = "x.yaml",
                                       .text = std::string(reinterpret_cast<const char*>(data), size),
                                       .folder = "/proc/self/fdinfo",
                                       .current_directory = "/proc/self/fdinfo"};
  const auto request = spawnd::client::ParseImageYaml(yaml, {});
  if (request) return 0;
  const spawnd::Error& error = request.error();
  Require(error.code == spawnd::ErrorCode::kForbidden || error.code == spawnd::ErrorCode::kNotFound ||
              error.code == spawnd::ErrorCode::kInvalidArgument,
          "the user is not blamed: " + error.message);
  Require(!error.message.empty() && error.message.find('\n') == std::string::npos,
          "the message is not one line: " + error.message);
  return 0;
}
