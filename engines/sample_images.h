/// The sample images that Spawn offered to everybody: tutorials and scripts still name them, and they are not
/// here. Pure, from any thread.
#pragma once

#include <string>
#include <string_view>

namespace spawnd::engines {

/// For "postgres-pagila:v11.0" and its like: what it was, and how to have the same. Empty for any other
/// reference.
std::string SampleImageHint(std::string_view reference);

}  // namespace spawnd::engines
