#include "engines/sample_images.h"

#include <array>

namespace spawnd::engines {
namespace {

/// `name` and `tag` as Spawn's documentation and Flyway's tutorials had them; empty: whichever it is.
struct Sample {
  std::string_view name;
  std::string_view tag;
  std::string_view hint;
};

constexpr std::array<Sample, 4> kSamples{{
    {"", "flyway-getting-started",
     "That was a public image of Spawn: an empty database 'foobardb'. Make an image with `sourceType: empty` "
     "and "
     "`initialDatabaseName: foobardb`."},
    {"", "flyway-getting-started-complete",
     "That was a public image of Spawn: the database 'foobardb' after the migrations of Flyway's first "
     "tutorial. "
     "Make an image with `sourceType: scripts`, `initialDatabaseName: foobardb` and `scriptsFolders: "
     "[./sql]`."},
    {"postgres-pagila", "",
     "That was a public image of Spawn. Make your own: `sourceType: backup` with the dump of "
     "https://github.com/devrimgunduz/pagila."},
    {"mssql-wideworldimporters", "",
     "That was a public image of Spawn. Make your own: `sourceType: backup` with WideWorldImporters-Full.bak "
     "of "
     "https://github.com/microsoft/sql-server-samples."},
}};

}  // namespace

std::string SampleImageHint(std::string_view reference) {
  const size_t colon = reference.find(':');
  const std::string_view name = reference.substr(0, colon);
  const std::string_view tag = colon == std::string_view::npos ? "" : reference.substr(colon + 1);
  for (const Sample& sample : kSamples) {
    const bool meant = sample.name.empty() ? tag == sample.tag : name == sample.name;
    if (meant) return std::string(sample.hint);
  }
  return {};
}

}  // namespace spawnd::engines
