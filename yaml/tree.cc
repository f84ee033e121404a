#include "yaml/tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include "base/text.h"

namespace spawnd::yaml {
namespace {

class TreeCopy {
 public:
  explicit TreeCopy(std::string_view name) : file_{name} {}

  Result<Node> Copy(const YAML::Node& from, size_t depth) {
    Node node;
    node.line = from.Mark().line + 1;
    if (depth > kMaxNesting) return Bad(node, fmt::format("nested deeper than {} levels", kMaxNesting));
    if (++count_ > kMaxNodes) return Bad(node, fmt::format("more than {} values", kMaxNodes));
    switch (from.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return node;
      case YAML::NodeType::Scalar:
        node.kind = Node::Kind::kText;
        node.text = from.Scalar();
        return node;
      case YAML::NodeType::Sequence:
        node.kind = Node::Kind::kList;
        for (const auto& item : from) {
          TRY_ASSIGN(Node copy, Copy(item, depth + 1));
          node.items.push_back(std::move(copy));
        }
        return node;
      case YAML::NodeType::Map:
        node.kind = Node::Kind::kMap;
        for (const auto& entry : from) {
          TRY_ASSIGN(Node key, Copy(entry.first, depth + 1));
          TRY_ASSIGN(Node value, Copy(entry.second, depth + 1));
          // A value that is absent has no place of its own.
          if (value.kind == Node::Kind::kNull) value.line = key.line;
          node.entries.push_back({std::move(key), std::move(value)});
        }
        return node;
    }
    return node;
  }

 private:
  tl::unexpected<Error> Bad(const Node& node, std::string_view what) const {
    return file_.Bad(node.line, what);
  }

  const File file_;
  size_t count_ = 0;
};

/// Number of the first line up to `last` that is indented with a tab; 0 when there is none. yaml-cpp's own
/// message for that is about something else.
int TabIndentedLine(std::string_view text, int last) {
  for (int line = 1; line <= last && !text.empty(); ++line) {
    const std::string_view current = text.substr(0, text.find('\n'));
    const size_t first = current.find_first_not_of(" \t");
    if (current.substr(0, first).find('\t') != std::string_view::npos && first != std::string_view::npos)
      return line;
    text.remove_prefix(std::min(text.size(), current.size() + 1));
  }
  return 0;
}

tl::unexpected<Error> SyntaxError(const File& file, std::string_view text, const YAML::Exception& exception) {
  const int line = std::max(exception.mark.line, 0) + 1;
  if (const int tab = TabIndentedLine(text, line); tab > 0) {
    return file.Bad(tab, "a tab in the indentation", "YAML is indented with spaces only.");
  }
  return file.Bad(line, fmt::format("not valid YAML: {}", exception.msg));
}

/// Where the documents of a stream begin. Two are enough to know: of a text like "," yaml-cpp's LoadAll makes
/// empty documents without end, because none of them takes a character of it.
class DocumentStarts final : public YAML::EventHandler {
 public:
  explicit DocumentStarts(const std::string& text) : text_(text), parser_(text_) {
    while (marks_.size() < 2 && parser_.HandleNextDocument(*this)) {
    }
  }
  const std::vector<YAML::Mark>& Marks() const { return marks_; }

  void OnDocumentStart(const YAML::Mark& mark) override { marks_.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}

 private:
  std::istringstream text_;
  YAML::Parser parser_;
  std::vector<YAML::Mark> marks_;
};

std::string_view WithoutBlanksAround(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

std::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kText:
      return "text";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

Result<Node> Parse(const std::string& text, std::string_view name) {
  if (text.size() > kMaxBytes) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is larger than {} bytes", name, kMaxBytes));
  }
  if (text.find('\0') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is not a text file", name), "Save it as UTF-8.");
  }
  try {
    const std::vector<YAML::Mark> starts = DocumentStarts(text).Marks();
    if (starts.empty()) return Node{};
    if (starts.size() > 1 && starts[1].pos == starts[0].pos) {
      return File{name}.Bad(starts[0].line + 1, "not valid YAML: nothing can begin like this");
    }
    if (starts.size() > 1) {
      return File{name}.Bad(starts[1].line + 1, "a second document begins; a file has one here");
    }
    return TreeCopy(name).Copy(YAML::Load(text), 1);
  } catch (const YAML::Exception& exception) {
    return SyntaxError({name}, text, exception);
  } catch (const std::exception& exception) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is not valid YAML: {}", name, exception.what()));
  }
}

tl::unexpected<Error> File::Bad(int line, std::string_view problem, std::string hint) const {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("{}, line {}: {}", name, line, problem),
              std::move(hint));
}

Result<std::string> File::Text(const Node& value, std::string_view key) const {
  if (value.kind == Node::Kind::kText) return value.text;
  return Bad(value.line, fmt::format("'{}' must be text, found {}", key, KindName(value.kind)));
}

Result<std::vector<std::pair<std::string, int>>> File::Texts(const Node& value, std::string_view key) const {
  if (value.kind != Node::Kind::kList) {
    return Bad(value.line, fmt::format("'{}' must be a list, found {}", key, KindName(value.kind)),
               fmt::format("Write '{}: [a, b]', or one '- a' a line.", key));
  }
  std::vector<std::pair<std::string, int>> texts;
  for (const Node& item : value.items) {
    if (item.kind != Node::Kind::kText) {
      return Bad(item.line > 0 ? item.line : value.line,
                 fmt::format("'{}' must be a list of texts, found {} in it", key, KindName(item.kind)));
    }
    texts.emplace_back(WithoutBlanksAround(item.text), item.line);
  }
  return texts;
}

Result<void> File::Truth(const Node& value, std::string_view key, std::string hint, bool& out) const {
  TRY_ASSIGN(const std::string text, Text(value, key));
  const std::string word = LowerCase(WithoutBlanksAround(text));
  if (word != "true" && word != "false") {
    return Bad(value.line, fmt::format("'{}' must be true or false, found '{}'", key, text), std::move(hint));
  }
  out = word == "true";
  return {};
}

Result<void> File::ReadKeys(const Node& map, std::span<const std::string_view> names, std::string_view within,
                            const std::function<Result<void>(size_t, const Node&)>& read) const {
  std::map<std::string_view, int> lines;
  for (const auto& [key, value] : map.entries) {
    if (key.kind != Node::Kind::kText) {
      return Bad(key.line, fmt::format("expected a key, found {}", KindName(key.kind)));
    }
    const auto known = std::find(names.begin(), names.end(), key.text);
    if (known == names.end()) {
      return Bad(key.line,
                 fmt::format("unknown key '{}{}'{}", within, key.text.substr(0, 64), guess(key.text, names)),
                 fmt::format("Known keys here: {}.", fmt::join(names, ", ")));
    }
    const auto [first, is_first] = lines.emplace(key.text, key.line);
    if (!is_first) {
      return Bad(key.line,
                 fmt::format("key '{}{}' is given again, first on line {}", within, key.text, first->second),
                 "Keep one of them.");
    }
    TRY(read(static_cast<size_t>(known - names.begin()), value));
  }
  return {};
}

}  // namespace spawnd::yaml
