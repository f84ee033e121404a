// The tests': Catch2 as well. See common.hpp.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <atomic>
#include <fstream>
#include <random>
#include <sstream>

#include "common.hpp"
