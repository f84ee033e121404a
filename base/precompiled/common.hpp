// What most files include, parsed once for each library (meson's cpp_pch) and not once for each file: headers of the
// standard library and of fmt that no one here edits. Nothing of the project: a change would compile everything again.
// A file still includes what it uses; clang-tidy compiles without this one and says so when something is missing.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tl/expected.hpp>
#include <utility>
#include <vector>
