/// `./dev bench [--json FILE] [row or group...]`: measures, prints one table, exits 0 also when a target is
/// missed: a bench tells, it does not judge.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tests/bench/groups.h"

namespace spawnd::bench {

void Say(const std::string& text) {
  fmt::print(stderr, "{}\n", text);
}

namespace {

std::string Json(const std::vector<Row>& rows) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.StartArray();
  for (const Row& row : rows) {
    writer.StartObject();
    writer.Key("row");
    writer.String(row.name.c_str());
    writer.Key("value");
    writer.Double(row.value);
    writer.Key("unit");
    writer.String(row.unit.c_str());
    writer.Key("baseline");
    writer.String(row.baseline.c_str());
    writer.Key("ratio");
    row.ratio ? writer.Double(*row.ratio) : writer.Null();
    writer.Key("target");
    writer.String(row.target.c_str());
    writer.Key("met");
    row.met ? writer.Bool(*row.met) : writer.Null();
    writer.Key("runs");
    writer.Uint64(row.runs);
    writer.Key("spread");
    writer.String(row.spread.c_str());
    writer.EndObject();
  }
  writer.EndArray();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

void PrintTable(const std::vector<Row>& rows) {
  fmt::print("{:<28} {:>10} {:<6} {:>7} {:<24} {:<14} {:<5} {:>4} {}\n", "ROW", "VALUE", "UNIT", "RATIO",
             "TO", "TARGET", "MET", "RUNS", "SPREAD");
  for (const Row& row : rows) {
    const std::string ratio = row.ratio ? fmt::format("{:.2f}", *row.ratio) : "-";
    const std::string met = row.met ? (*row.met ? "yes" : "NO") : "-";
    fmt::print("{:<28} {:>10.2f} {:<6} {:>7} {:<24} {:<14} {:<5} {:>4} {}\n", row.name, row.value, row.unit,
               ratio, row.baseline.empty() ? "-" : row.baseline, row.target.empty() ? "-" : row.target, met,
               row.runs, row.spread);
  }
}

struct Arguments {
  std::string spawnd;
  std::string json_path;
  std::vector<std::string> names;  ///< of rows or groups; empty: all
};

bool Has(const RowGroup& group, const std::string& name) {
  return group.name == name || std::find(group.rows.begin(), group.rows.end(), name) != group.rows.end();
}

int Run(const Arguments& arguments) {
  Context context(arguments.spawnd);
  const std::vector<RowGroup> groups{CreateGroup(context),  EnginesGroup(context),   ManyGroup(context),
                                     PoolGroup(context),    RevisionsGroup(context), ChainGroup(context),
                                     PgbenchGroup(context), SpaceGroup(context),     MemoryGroup(context),
                                     StandbyGroup(context), PeersGroup(context)};
  for (const std::string& name : arguments.names) {
    if (std::any_of(groups.begin(), groups.end(), [&](const RowGroup& g) { return Has(g, name); })) continue;
    Say("error: no row or group '" + name + "'; there are:");
    for (const RowGroup& group : groups) {
      Say(fmt::format("  {:<10} {}: {}", group.name, group.description, fmt::join(group.rows, " ")));
    }
    return 64;
  }
  std::vector<Row> table;
  for (const RowGroup& group : groups) {
    const auto& names = arguments.names;
    const auto wanted = [&](const std::string& row) {
      return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
               return name == group.name || name == row;
             });
    };
    if (std::none_of(group.rows.begin(), group.rows.end(), wanted)) continue;
    Say(group.name + ": " + group.description);
    auto rows = group.measure();
    if (!rows) {
      Say("error: bench " + group.name + ": " + rows.error().message);
      return 1;
    }
    std::copy_if(rows->begin(), rows->end(), std::back_inserter(table),
                 [&](const Row& row) { return wanted(row.name); });
  }
  PrintTable(table);
  if (!arguments.json_path.empty()) {
    std::ofstream file(arguments.json_path);
    file << Json(table);
    if (!file.flush()) {
      Say("error: cannot write '" + arguments.json_path + "'");
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace spawnd::bench

int main(int argc, char** argv) {
  using spawnd::bench::Say;
  spawnd::bench::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if ((argument == "--spawnd" || argument == "--json") && i + 1 < argc) {
      (argument == "--json" ? arguments.json_path : arguments.spawnd) = argv[++i];
    } else if (argument.rfind("-", 0) == 0) {
      Say("usage: ./dev bench [--json FILE] [row or group...]");
      return argument == "--help" ? 0 : 64;
    } else {
      arguments.names.push_back(argument);
    }
  }
  return spawnd::bench::Run(arguments);
}
