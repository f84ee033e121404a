#!/usr/bin/env python3
"""The shape of the tree in figures: files, functions, comments, and what includes what.

    figures.py [REPO]             the table
    figures.py --check REPO       from meson: the same, and the exit code says whether the limits below hold

Production code is the C++ of the folders that law_test.py knows, tests apart. A box is one of those folders, but for
daemon/ and engines/, in which each room and each product is a box of its own. A unit is x.h with x.cc. An arrow leads
from who includes to what is included; floors are the boxes on the longest way down. Functions are found by their
braces, as clang-format sets them: it is no parser of C++, so it is tried on small texts whose figures are known, before
every count (as each law is on text that breaks it).
"""

import collections
import os
import re
import signal
import sys

sys.dont_write_bytecode = True  # the tree stays as it is
from law_test import CODE_FOLDERS, arrows_go_down, includes, is_cpp, rooms_include_downwards, tree

WITH_ROOMS = ("daemon", "engines")
LONG_FUNCTION = 50
# What has been reached, and is kept. A circle of units is units that include each other, however far around.
MOST_UNITS_IN_A_CIRCLE = 1
MOST_LONG_FUNCTIONS = 1

# What is no code: comments, and strings and numbers, in which braces and quotes mean nothing.
LITERALS = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"'
    r"|\b\d[\w.]*(?:'\w+)*|'(?:\\.|[^'\\\n])+'", re.S)
TYPE = re.compile(r"^(?:template\s*<.*>\s*)?(?:typedef\s+)?(?:extern\s+)?(namespace|class|struct|union|enum)\b", re.S)
ACCESS = re.compile(r"(?:\s*(?:public|private|protected)\s*:)*\s*")


def code_of(text):
    """The text with comments, literals and preprocessor lines blanked; line numbers stay."""
    blank = lambda found: re.sub(r"[^\n]", " ", found.group())
    text = LITERALS.sub(blank, text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def outermost(declaration):
    """The declaration without what stands in parentheses and angle brackets."""
    previous = None
    while previous != declaration:
        previous = declaration
        declaration = re.sub(r"\([^()]*\)", "()", declaration.replace("()", "\0")).replace("\0", "()")
        declaration = re.sub(r"<[^<>()]*(?:\(\))?[^<>()]*>", "", declaration)
    return declaration


def kind_of(declaration):
    """What a brace opens that stands behind this declaration: 'scope', 'function', or 'value'."""
    if re.fullmatch(r'extern\s+', declaration):  # extern "C"
        return "scope"
    if TYPE.match(declaration) and "(" not in outermost(declaration).replace("alignas()", ""):
        return "scope"
    bare = re.sub(r"operator\s*(?:\(\)|[^\s(\w]+)", "operator", outermost(declaration))
    return "function" if "(" in bare and "=" not in bare else "value"


def functions(text):
    """(first line, lines) of each function that is defined in a file or a class. Lambdas count with their function."""
    code = code_of(text)
    scopes = []  # of the braces that are open: what each opened, and the line where its declaration begins
    begin = 0  # of the declaration that is being read
    for found in re.finditer(r"[{};]", code):
        at, mark = found.start(), found.group()
        outside = not scopes or scopes[-1][0] == "scope"
        if mark == "{":
            begin = ACCESS.match(code, begin, at).end()
            declaration = code[begin:at]
            if not outside:
                kind = "value"
            elif declaration[-1:].isspace() or declaration.strip() == "":
                kind = kind_of(declaration)
            else:
                kind = "value"  # member_{1}: clang-format sets a blank before a body only
            scopes.append((kind, code.count("\n", 0, begin) + 1))
            if kind != "value":
                begin = at + 1
        elif mark == "}" and scopes:
            kind, first_line = scopes.pop()
            if kind == "function":
                yield first_line, code.count("\n", 0, at) + 2 - first_line
            if kind != "value":
                begin = at + 1
        elif mark == ";" and outside:
            begin = at + 1


def comment_lines(text):
    """(lines that hold nothing but comment, lines with any comment)"""
    only, with_any = set(), set()
    for found in LITERALS.finditer(text):
        if found.group("comment") is None:
            continue
        first = text.count("\n", 0, found.start()) + 1
        before = text[text.rfind("\n", 0, found.start()) + 1:found.start()]
        for line in range(first, first + found.group().count("\n") + 1):
            with_any.add(line)
            if line > first or not before.strip():
                only.add(line)
    return len(only), len(with_any)


def percentile(values, percent):
    """The smallest value that so many percent are not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0


def circles(graph):
    """The strongly connected components of two or more, largest first (Tarjan's algorithm, without recursion)."""
    number, low, on_stack, stack, found = {}, {}, set(), [], []
    for root in sorted(graph):
        if root in number:
            continue
        work = [(root, iter(sorted(graph[root])))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in number:
                    number[target] = low[target] = len(number)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(sorted(graph[target]))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], number[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    component = stack[stack.index(node):]
                    del stack[stack.index(node):]
                    on_stack.difference_update(component)
                    if len(component) > 1:
                        found.append(sorted(component))
    return sorted(found, key=lambda circle: (-len(circle), circle))


def floors(graph):
    """Nodes on the longest way down. A circle stands on one floor."""
    one = {node: circle[0] for circle in circles(graph) for node in circle}
    below = collections.defaultdict(set)
    for node, targets in graph.items():
        below[one.get(node, node)] |= {one.get(t, t) for t in targets} - {one.get(node, node)}
    height = {}

    def climb(node):
        if node not in height:
            height[node] = 1 + max((climb(target) for target in below[node]), default=0)
        return height[node]

    return max((climb(node) for node in list(below)), default=0)


def graph_of(production, place_of):
    """Which places (boxes or units) include which others."""
    graph = {place_of(path): set() for path in production}
    for path, text in production.items():
        for _, quote, name in includes(text):
            if quote == '"' and name in production and place_of(name) != place_of(path):
                graph[place_of(path)].add(place_of(name))
    return graph


def box_of(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in WITH_ROOMS and len(parts) > 2 else parts[0]


def unit_of(path):
    return os.path.splitext(path)[0]


class Figures:
    """Counted once; `files` is a dictionary from path to text."""

    def __init__(self, files):
        production = {p: t for p, t in files.items() if is_cpp(p) and p.split("/")[0] in CODE_FOLDERS}
        lines = {path: text.count("\n") for path, text in production.items()}
        self.files, self.lines = len(production), sum(lines.values())
        self.file_lengths = sorted(lines.values())
        self.longest_file = max(lines, key=lines.get, default="")
        self.functions = [(length, f"{path}:{first}") for path, text in production.items()
                          for first, length in functions(text)]
        self.long_functions = sorted((f for f in self.functions if f[0] > LONG_FUNCTION), reverse=True)
        self.written = sum(bool(line.strip()) for text in production.values() for line in text.splitlines())
        comments = [comment_lines(text) for text in production.values()]
        self.comment_lines, self.lines_with_comment = (sum(c[i] for c in comments) for i in (0, 1))
        headers = [text for path, text in production.items() if path.endswith(".h")]
        self.headers, self.opened = len(headers), sum(text.startswith("//") for text in headers)
        self.test_lines = sum(text.count("\n") for path, text in files.items() if path.startswith("tests/"))
        self.folders = collections.Counter(os.path.dirname(path) for path in production)
        self.boxes = graph_of(production, box_of)
        self.units = graph_of(production, unit_of)
        self.arrows = sum(len(targets) for targets in self.boxes.values())
        self.upward = [c for path, text in production.items() for law in (arrows_go_down, rooms_include_downwards)
                       for c in law(path, text)]

    def table(self):
        lengths = [length for length, _ in self.functions]
        longest = max(self.functions, default=(0, ""))
        share = lambda part, whole: f"{100 * part / max(whole, 1):.1f} %"
        yield "files, lines", f"{self.files}, {self.lines}"
        yield "lines of a file: median, p90, max", (
            f"{percentile(self.file_lengths, 50)}, {percentile(self.file_lengths, 90)}, {max(self.file_lengths, default=0)}"
            f" ({self.longest_file})")
        yield "lines of a function: median, p99, max", (
            f"{percentile(lengths, 50)}, {percentile(lengths, 99)}, {longest[0]} ({longest[1]})")
        yield f"functions over {LONG_FUNCTION} lines", f"{len(self.long_functions)} of {len(lengths)}"
        yield "comments: lines of their own, all", (
            f"{share(self.comment_lines, self.written)}, {share(self.lines_with_comment, self.written)}")
        yield "headers that open with a comment", f"{self.opened} of {self.headers}"
        yield "lines of tests for a line", f"{self.test_lines / max(self.lines, 1):.2f}"
        yield "widest folders, files", ", ".join(f"{name} {count}" for name, count in self.folders.most_common(4))
        yield "boxes, floors, arrows", f"{len(self.boxes)}, {floors(self.boxes)}, {self.arrows}"
        yield "includes upward", str(len(self.upward))
        for what, graph in (("boxes", self.boxes), ("units", self.units)):
            found = circles(graph)
            yield f"circles of {what}", ", ".join(str(len(circle)) for circle in found) or "none"
            for circle in found:
                yield "", " ".join(circle)


SMALL_TREE = {
    "base/a.h": "/// A value.\n#pragma once\nstruct A {\n  int x{1};\n  int X() const { return x; }\n};\n",
    "base/a.cc": '#include "base/a.h"\n\nint Twice(const A& a) {  // twice\n  return 2 * a.X();\n}\n',
    "storage/b.h": '#pragma once\n#include "base/a.h"\n#include "storage/c.h"\n',
    "storage/c.h": '/// C.\n#pragma once\n#include "base/a.h"\n',
    "storage/c.cc": '#include "storage/c.h"\n#include "storage/b.h"\n',
    "daemon/d.cc": '#include "storage/b.h"\n#include <vector>\n',
    "tests/t.cc": "\n" * 30,
}
SMALL_FUNCTIONS = """
namespace n {
// int Commented() {
constexpr int kValues[] = {1, 2};
const std::map<int, int> table = Make({{1, 2}});
struct alignas(16) S final : Base<int(char)> {
  enum class E : uint8_t { kA, kB };
  explicit S(int a = 1)
      : a_(a), b_{1'000} {}
  bool operator==(const S& other) const { return a_ == other.a_; }
  void operator()() { a_ = '}'; }
  S& operator=(const S&) = default;
  std::function<void()> done{[] { Go(); }};
  int a_{};
 private:
  template <typename T = int>
  static T Of(std::span<const T> values) {
    const auto add = [&](int x) {
      return x;
    };
    if (values.empty()) {
      return {};
    }
    return add(R"({)"[0] + "\\"{"[0]);
  }
};
#define LOOP(x) \\
  for (;;) {
std::string Long(
    int a) {
  return "}";
}
}  // namespace n
"""


def wrong_on_small_text():
    """What the counting makes of text whose figures are known, and should not."""
    figures = Figures(SMALL_TREE)
    checks = [
        ("files", figures.files, 6), ("lines", figures.lines, 21),
        ("lines that are not empty", figures.written, 20),
        ("functions of the small tree", sorted(figures.functions), [(1, "base/a.h:5"), (3, "base/a.cc:3")]),
        ("comments", (figures.comment_lines, figures.lines_with_comment), (2, 3)),
        ("headers", (figures.opened, figures.headers), (2, 3)), ("lines of tests", figures.test_lines, 30),
        ("folders", figures.folders, {"base": 2, "storage": 3, "daemon": 1}),
        ("boxes", figures.boxes, {"base": set(), "storage": {"base"}, "daemon": {"storage"}}),
        ("arrows", figures.arrows, 2), ("floors", floors(figures.boxes), 3),
        ("upward", len(figures.upward), 0),
        ("circles", circles(figures.units), [["storage/b", "storage/c"]]),
        ("an include upward", len(Figures({"base/a.cc": '#include "api/b.h"\n', "daemon/http/a.cc": '#include "daemon/fsck/b.h"\n'}).upward), 2),
        ("boxes of paths", [box_of(p) for p in ("daemon/a.h", "daemon/b/a.h", "daemon/b/c/a.h", "client/b/a.h")],
         ["daemon", "daemon/b", "daemon/b", "client"]),
        ("circles of a graph", circles({1: {2}, 2: {3, 4}, 3: {1}, 4: {5}, 5: {4}, 6: {6, 1}}), [[1, 2, 3], [4, 5]]),
        ("floors over circles", floors({1: {2}, 2: {3, 4}, 3: {1}, 4: {5}, 5: {4}, 6: {1}}), 3),
        ("percentiles", [percentile(range(1, 11), p) for p in (50, 90, 99)], [5, 9, 10]),
        ("functions", sorted(functions(SMALL_FUNCTIONS)), [(8, 2), (10, 1), (11, 1), (16, 10), (29, 4)]),
    ]
    return [f"{name}: counted {counted}, should be {known}" for name, counted, known in checks if counted != known]


def broken_limits(figures):
    yield from figures.upward
    for circle in circles(figures.units):
        if len(circle) > MOST_UNITS_IN_A_CIRCLE:
            yield f"{len(circle)} units include each other: {' '.join(circle)}"
    if len(figures.long_functions) > MOST_LONG_FUNCTIONS:
        yield from (f"{where}: a function of {length} lines" for length, where in figures.long_functions)


def main(arguments):
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # | head
    check = arguments[:1] == ["--check"]
    here = os.path.dirname(os.path.abspath(__file__))
    repo = (arguments[1:] if check else arguments)[:1] or [os.path.join(here, "..", "..")]
    wrong = wrong_on_small_text()
    for complaint in wrong:
        print(f"FAIL figures of small text: {complaint}")
    if wrong:
        return 1
    figures = Figures(dict(tree(repo[0])))
    for name, value in figures.table():
        print(f"{name:40} {value}" if name else f"  {value}")
    broken = list(broken_limits(figures)) if check else []
    for complaint in broken:
        print(f"FAIL figures: {complaint}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
