/// The command table. A command is an entry here and a function in verbs/.
#include <array>
#include <limits>

#include "client/command.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

constexpr size_t kAnyNumber = std::numeric_limits<size_t>::max();

constexpr std::array<Flag, 2> kCommonFlags{{
    {"--accessToken", "", "<token>", "who you are, where the socket does not say it"},
    {"--help", "-h", "", "this text"},
}};

constexpr Flag kName{"--name", "-n", "<name>", "another name than the file's"};
constexpr Flag kContainerName{"--name", "-n", "<name>", "a name; else the image's and eight letters"};
constexpr Flag kLifetime{"--lifetime", "", "<duration>",
                         "delete it by itself after 10m, 3h10m, 48h, 7d; 0: never"};
constexpr Flag kContainerLifetime{"--lifetime", "-t", "<duration>", kLifetime.help};
constexpr Flag kQuiet{"--quiet", "-q", "", "print the name only"};
constexpr Flag kSilent{"--quiet", "-q", "", "print nothing"};
constexpr Flag kOutput{"--output", "-o", "<format>", "json, yaml, name, host, port or url"};
constexpr Flag kImageOutput{"--output", "-o", "<format>", "json, yaml or name"};
constexpr Flag kProgress{"--progress", "", "", "show progress on stderr even when that is no terminal"};

constexpr std::array<Flag, 8> kCreateImageFlags{{
    {"--file", "-f", "<file>", "the YAML that describes the image; - reads standard input"},
    kName,
    {"--tag", "", "<tag>", "one more tag; repeatable", true},
    {"--team", "", "<team>", "one more team that sees it; repeatable", true},
    kLifetime,
    kQuiet,
    kImageOutput,
    kProgress,
}};
constexpr std::array<Flag, 7> kCreateContainerFlags{{
    {"--image", "-i", "<image>", "id, name or name:tag of the data image"},
    kContainerName,
    kContainerLifetime,
    {"--durability", "", "<mode>", "what a power cut may take: everysec, about a second; always, nothing"},
    kQuiet,
    kOutput,
    kProgress,
}};
constexpr std::array<Flag, 1> kGetImageFlags{{kImageOutput}};
constexpr std::array<Flag, 1> kGetContainerFlags{{kOutput}};
constexpr std::array<Flag, 1> kDeleteFlags{{kSilent}};
constexpr Flag kRevision{"--revision", "-r", "<revision>", "rev.N; rev.0 is the image"};
constexpr std::array<Flag, 1> kSaveFlags{{{"--quiet", "-q", "", "print the new revision only"}}};
constexpr std::array<Flag, 1> kResetFlags{{kSilent}};
constexpr std::array<Flag, 2> kLoadFlags{{kRevision, kSilent}};
constexpr std::array<Flag, 6> kGraduateFlags{{
    {"--revision", "-r", "<revision>", "rev.N; else the one it was last saved as, or went back to"},
    {"--name", "-n", "<name>", "of the new image; else <container>-graduate-<n>"},
    {"--tag", "", "<tag>", "of the new image; repeatable", true},
    {"--team", "", "<team>", "that sees the new image; repeatable", true},
    kQuiet,
    kProgress,
}};
constexpr std::array<Flag, 1> kVersionFlags{{{"--client", "", "", "do not ask the daemon"}}};

constexpr std::string_view kCreateImageExamples =
    "  spawnctl create data-image -f shop.yaml\n"
    "  spawnctl create data-image -f shop.yaml --name shop-next --tag nightly --lifetime 7d -q\n"
    "\n"
    "  shop.yaml:\n"
    "    name: shop\n"
    "    sourceType: backup            # backup or empty\n"
    "    engine: <engine>              # the database product\n"
    "    version: 15                   # optional; an installed one\n"
    "    tags: [latest]\n"
    "    initialDatabaseName: shop\n"
    "    backups:                      # relative to this file, else to the current directory\n"
    "      - folder: ./backups\n"
    "        file: shop.sql.gz\n";
constexpr std::string_view kCreateContainerExamples =
    "  spawnctl create data-container --image shop\n"
    "  spawnctl create data-container shop:latest --name mine --lifetime 8h\n"
    "  name=$(spawnctl create data-container -i shop -q)\n";
constexpr std::string_view kGetImageExamples =
    "  spawnctl get data-images\n"
    "  spawnctl get data-image shop:latest -o yaml\n";
constexpr std::string_view kGetContainerExamples =
    "  spawnctl get data-containers\n"
    "  spawnctl get data-container mine -o json | jq -r .connectionString\n"
    "  spawnctl get data-container mine -o url\n";

constexpr std::array<Command, 13> kCommands{{
    {"create", "data-image", "", 0, 0, "Make a data image from a backup, or an empty one",
     kCreateImageExamples, kCreateImageFlags, CreateDataImage},
    {"create", "data-container", "[<image>]", 0, 1, "Start a database of your own from a data image",
     kCreateContainerExamples, kCreateContainerFlags, CreateDataContainer},
    {"get", "data-image", "[<image>]", 0, 1, "List the data images, or show one", kGetImageExamples,
     kGetImageFlags, GetDataImages},
    {"get", "data-container", "[<container>]", 0, 1, "List the data containers, or show one",
     kGetContainerExamples, kGetContainerFlags, GetDataContainers},
    {"save", "data-container", "<container>", 1, 1, "Keep the present state as a new revision, while it runs",
     "  spawnctl save data-container mine\n  revision=$(spawnctl save data-container mine -q)\n", kSaveFlags,
     SaveDataContainer},
    {"reset", "data-container", "<container>", 1, 1,
     "Go back to the last revision saved or loaded, else to the image",
     "  spawnctl reset data-container mine\n", kResetFlags, ResetDataContainer},
    {"load", "data-container", "<container>", 1, 1, "Go back to any revision",
     "  spawnctl load data-container mine --revision rev.1\n", kLoadFlags, LoadDataContainer},
    {"graduate", "data-container", "<container>", 1, 1, "Make a revision into a data image",
     "  spawnctl graduate data-container mine\n"
     "  spawnctl graduate data-container mine --revision rev.1 --name shop-migrated --tag next\n",
     kGraduateFlags, GraduateDataContainer},
    {"delete", "data-image", "<image>...", 1, kAnyNumber, "Delete data images that no container uses",
     "  spawnctl delete data-image shop:old 10007\n", kDeleteFlags, DeleteDataImages},
    {"delete", "data-container", "<container>...", 1, kAnyNumber, "Stop and delete data containers",
     "  spawnctl delete data-container mine yours\n", kDeleteFlags, DeleteDataContainers},
    {"auth", "", "", 0, 0, "Check that the daemon answers, and for whom it takes you", "", {}, Authenticate},
    {"onboard", "", "", 0, 0, "The same as auth", "", {}, Authenticate},
    {"version", "", "", 0, 0, "Show the versions of spawnctl and the daemon", "", kVersionFlags, ShowVersion},
}};

constexpr std::array<Resource, 2> kResources{{
    {"data-image", "data-images", "di"},
    {"data-container", "data-containers", "dc"},
}};

}  // namespace

std::span<const Flag> CommonFlags() {
  return kCommonFlags;
}
std::span<const Command> Commands() {
  return kCommands;
}
std::span<const Resource> Resources() {
  return kResources;
}

}  // namespace spawnd::client
