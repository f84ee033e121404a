/// Flags that several verb families share. A spelling means the same flag in every command that has it.
#pragma once

#include <cstddef>
#include <limits>

#include "client/command/command.h"

namespace spawnd::client {

/// For Command::max_arguments.
inline constexpr size_t kAnyNumber = std::numeric_limits<size_t>::max();

inline constexpr Flag kImageFlag{"--image", "-i", "<image>",
                                 "id, name, name:tag or owner/name of the data image"};
inline constexpr Flag kDurabilityFlag{"--durability", "", "<mode>",
                                      "what a power cut may take: everysec, about a second; always, nothing"};
inline constexpr Flag kSuperuserFlag{"--superuser", "", "",
                                     "its user is the server's superuser; the default of most images"};
inline constexpr Flag kNoSuperuserFlag{"--no-superuser", "", "",
                                       "its user owns the databases and reaches none of the server's files"};
inline constexpr Flag kLifetimeFlag{"--lifetime", "-t", "<duration>",
                                    "delete it by itself after 10m, 3h10m, 48h, 7d; 0: never"};
inline constexpr Flag kSleepAfterFlag{
    "--sleep-after", "", "<duration>",
    "stop its server after so long without a connection; the next wakes it"};
inline constexpr Flag kIdleDeleteFlag{"--idle-delete", "", "<duration>",
                                      "delete it after so long without a connection; 0: never"};
inline constexpr Flag kMemoryFlag{"--memory", "", "<size>",
                                  "most memory of its server: 512MiB, 2g; none: no limit"};
inline constexpr Flag kCpusFlag{"--cpus", "", "<number>",
                                "most processor time: 1.5 is one and a half processors"};
inline constexpr Flag kPidsFlag{"--pids", "", "<number>", "most processes and threads"};
inline constexpr Flag kSettingFlag{"--setting", "", "<name=value>",
                                   "a setting of its server, beside those of the image; repeatable", true};
inline constexpr Flag kNoWaitFlag{"--no-wait", "", "", "fail with 75 when the image is still being made"};
inline constexpr Flag kSpareFlag{"--spare", "", "", "a second server waits for the first reset, too"};
inline constexpr Flag kQuietFlag{"--quiet", "-q", "", "print the name only"};
inline constexpr Flag kSilentFlag{"--quiet", "-q", "", "print nothing"};
inline constexpr Flag kOutputFlag{"--output", "-o", "<format>",
                                  "json, yaml, name, host, port, url, jdbc or env"};
inline constexpr Flag kFormatFlag{"--format", "", "<template>",
                                  "fields of your choice: '{{.host}}:{{.port}}', '{{json .}}'"};
inline constexpr Flag kImageOutputFlag{"--output", "-o", "<format>", "json, yaml or name"};
inline constexpr Flag kProgressFlag{"--progress", "", "",
                                    "show progress on stderr even when that is no terminal"};

}  // namespace spawnd::client
