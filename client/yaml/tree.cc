#include "client/yaml/tree.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

namespace spawnd::client {
namespace {

class TreeCopy {
 public:
  explicit TreeCopy(std::string_view name) : name_(name) {}

  Result<YamlNode> Copy(const YAML::Node& from, size_t depth) {
    YamlNode node;
    node.line = from.Mark().line + 1;
    if (depth > kMaxYamlNesting)
      return Bad(node, fmt::format("nested deeper than {} levels", kMaxYamlNesting));
    if (++count_ > kMaxYamlNodes) return Bad(node, fmt::format("more than {} values", kMaxYamlNodes));
    switch (from.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return node;
      case YAML::NodeType::Scalar:
        node.kind = YamlNode::Kind::kText;
        node.text = from.Scalar();
        return node;
      case YAML::NodeType::Sequence:
        node.kind = YamlNode::Kind::kList;
        for (const auto& item : from) {
          TRY_ASSIGN(YamlNode copy, Copy(item, depth + 1));
          node.items.push_back(std::move(copy));
        }
        return node;
      case YAML::NodeType::Map:
        node.kind = YamlNode::Kind::kMap;
        for (const auto& entry : from) {
          TRY_ASSIGN(YamlNode key, Copy(entry.first, depth + 1));
          TRY_ASSIGN(YamlNode value, Copy(entry.second, depth + 1));
          // A value that is absent has no place of its own.
          if (value.kind == YamlNode::Kind::kNull) value.line = key.line;
          node.entries.push_back({std::move(key), std::move(value)});
        }
        return node;
    }
    return node;
  }

 private:
  tl::unexpected<Error> Bad(const YamlNode& node, std::string_view what) const {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}, line {}: {}", name_, node.line, what));
  }

  std::string_view name_;
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

Error SyntaxError(std::string_view name, std::string_view text, const YAML::Exception& exception) {
  const int line = std::max(exception.mark.line, 0) + 1;
  if (const int tab = TabIndentedLine(text, line); tab > 0) {
    return {ErrorCode::kInvalidArgument, fmt::format("{}, line {}: a tab in the indentation", name, tab),
            "YAML is indented with spaces only."};
  }
  return {ErrorCode::kInvalidArgument,
          fmt::format("{}, line {}: not valid YAML: {}", name, line, exception.msg)};
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

}  // namespace

std::string_view YamlKindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kText:
      return "text";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

Result<YamlNode> ParseYaml(const std::string& text, std::string_view name) {
  if (text.size() > kMaxYamlBytes) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is larger than {} bytes", name, kMaxYamlBytes));
  }
  if (text.find('\0') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is not a text file", name), "Save it as UTF-8.");
  }
  try {
    const std::vector<YAML::Mark> starts = DocumentStarts(text).Marks();
    if (starts.empty()) return YamlNode{};
    if (starts.size() > 1 && starts[1].pos == starts[0].pos) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{}, line {}: not valid YAML: nothing can begin like this", name, starts[0].line + 1));
    }
    if (starts.size() > 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}, line {}: a second document begins; one file describes one data image",
                              name, starts[1].line + 1));
    }
    return TreeCopy(name).Copy(YAML::Load(text), 1);
  } catch (const YAML::Exception& exception) {
    return Fail(SyntaxError(name, text, exception));
  } catch (const std::exception& exception) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is not valid YAML: {}", name, exception.what()));
  }
}

}  // namespace spawnd::client
