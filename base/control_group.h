/// One control group (cgroup v2) through a descriptor of its directory. Functions without state, safe from
/// any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace spawnd {

/// The text of one of its files, at most 4 KiB.
Result<std::string> ReadGroupFile(int group, const char* name);
/// "oom_kill" of memory.events, "usage_usec" of cpu.stat: the number behind a word; 0 when it is not there.
int64_t NumberIn(const std::string& text, const std::string& word);

/// How often the kernel killed a process of it because memory ran out, for whatever reason; 0 where that is
/// not counted.
int64_t OomKills(int group);

/// "memory ran out: the limit of 512 MiB; the kernel killed 2 processes", or, where the group never came to
/// its limit, "the machine's memory ran out; the kernel killed 1 process". Of `kills` that happened in it.
std::string MemoryRanOut(int group, int64_t kills);

}  // namespace spawnd
