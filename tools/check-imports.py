#!/usr/bin/env python3
"""The rules of imports in src/: between folders they point down, and nowhere do they run in a circle.

    tools/check-imports.py [--self-test] [--list] [SRC]

Says each breach; exit status 1 if there is any. A name that a `mod.rs` re-exports counts as an import of the file that defines it. Tests
may import what they like. `--list` prints all imports, `--self-test` runs the check on small trees that break the rules.
"""
import re
import sys
import tempfile
from pathlib import Path

# What the files of a folder may import from; `tcl.event` is one module of `tcl`. The client needs events and timers, no words.
ALLOWED = {
    "classes": ["bridge", "client", "engine", "rules", "tcl"],
    "bridge": ["client", "engine", "rules", "tcl"],
    "client": ["engine", "rules", "tcl.event", "tcl.script"],
    "engine": [],
    "rules": [],
    "tcl": [],
}


def code_of(text):
    """The text without comments, strings and tests."""
    text = re.sub(r'r?"(?:\\.|[^"\\])*"', '""', re.sub(r"//[^\n]*", "", text), flags=re.S)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"#\[cfg\(test\)\]\s*mod \w+;", "", text)
    at = text.find("#[cfg(test)]\nmod ")
    return text if at < 0 else text[:at]


def tree_paths(tree):
    """The paths of a use tree such as `a::{b, c::{self, D}}`, as lists of names."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        return [[part.strip() for part in tree.split(" as ")[0].split("::")]]
    head = [part.strip() for part in tree[:brace].rstrip(": ").split("::") if part.strip()]
    inner, depth, start, parts = tree[brace + 1:tree.rindex("}")], 0, 0, []
    for i, c in enumerate(inner + ","):
        depth += (c == "{") - (c == "}")
        if c == "," and depth == 0:
            if inner[start:i].strip():
                parts.append(inner[start:i])
            start = i + 1
    return [head + [] if path == ["self"] else head + path for part in parts for path in tree_paths(part)]


class Module:
    def __init__(self, path, text):
        self.path = path
        code = code_of(text)
        self.children = re.findall(r"\bmod (\w+);", code)
        self.exports, self.uses = {}, []
        for visibility, tree in re.findall(r"(pub(?:\([^)]*\))?\s+)?use ([^;]+);", code):
            for names in tree_paths(tree):
                if visibility:
                    self.exports[names[-1]] = names
                self.uses.append((bool(visibility), names))
        rest = re.sub(r"use [^;]+;", "", code)
        for names in re.findall(r"\b(?:crate|super|self)(?:::\w+)+", rest):
            self.uses.append((False, names.split("::")))
        for child in self.children:
            for names in re.findall(rf"(?<![\w:]){child}(?:::\w+)+", rest):
                self.uses.append((False, ["self"] + names.split("::")))


def read(src):
    modules = {}
    for file in sorted(src.rglob("*.rs")):
        parts = list(file.relative_to(src).with_suffix("").parts)
        if parts[-1] in ("mod", "lib"):
            parts.pop()
        if not (parts and (parts[-1].endswith("_tests") or parts[-1] == "tests")):
            modules[tuple(parts)] = Module(tuple(parts), file.read_text())
    return modules


def absolute(module, names):
    """The names from the crate's root on; None for other crates."""
    if names[0] == "crate":
        return names[1:]
    base, names = list(module.path), list(names)
    if names[0] == "self":
        return base + names[1:]
    if names[0] == "super":
        while names and names[0] == "super":
            base, names = base[:-1], names[1:]
        return base + names
    return base + names if names[0] in module.children else None


def resolve(modules, names, seen=()):
    """The module that defines what the path names."""
    at = ()
    for i, name in enumerate(names):
        if at + (name,) in modules:
            at += (name,)
            continue
        exported = modules[at].exports.get(name)
        if exported and (at, name) not in seen:
            path = absolute(modules[at], exported)
            if path is not None:
                return resolve(modules, path + names[i + 1:], seen + ((at, name),))
        break
    return at


def edges_of(modules):
    edges = {path: set() for path in modules}
    for path, module in modules.items():
        for exported, names in module.uses:
            names = absolute(module, names)
            if names is None or exported:
                continue
            target = resolve(modules, names)
            if target != path:
                edges[path].add(target)
    return edges


def circles(edges):
    """Strongly connected modules (Tarjan)."""
    index, low, stack, found, count = {}, {}, [], [], [0]

    def visit(node):
        index[node] = low[node] = count[0]
        count[0] += 1
        stack.append(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while True:
                group.append(stack.pop())
                if group[-1] == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def show(path):
    return "::".join(path) or "lib"


def check(src):
    modules = read(src)
    edges = edges_of(modules)
    breaches = []
    for path in sorted(edges):
        for target in sorted(edges[path]):
            if not path or not target or path[0] == target[0]:
                continue
            allowed = ALLOWED.get(path[0], [])
            if not any(target[:len(rule.split("."))] == tuple(rule.split(".")) for rule in allowed):
                breaches.append(f"{show(path)} imports {show(target)}: {path[0]} may not")
    for group in circles(edges):
        breaches.append("circle: " + ", ".join(map(show, group)))
    return breaches, edges


def self_test():
    trees = {
        "circle: rules::a, rules::b": {"lib.rs": "mod rules;", "rules/mod.rs": "pub mod a; pub mod b; pub mod c;",
            "rules/a.rs": "use super::b::B;", "rules/b.rs": "use crate::rules::c::A;", "rules/c.rs": "", "rules/unused.rs": ""},
        "circle: client, client::a": {"lib.rs": "mod client;", "client/mod.rs": "mod a; pub struct S; fn f() { a::g() }",
            "client/a.rs": "use super::S; pub fn g() {}"},
        "tcl imports rules: tcl may not": {"lib.rs": "mod rules; mod tcl;", "tcl/mod.rs": "use crate::rules::X;", "rules/mod.rs": "pub struct X;"},
        "client::a imports tcl::obj: client may not": {"lib.rs": "mod client; mod tcl;", "tcl/mod.rs": "mod obj; pub use obj::Obj;",
            "tcl/obj.rs": "pub struct Obj;", "client/mod.rs": "mod a;", "client/a.rs": "use crate::tcl::Obj;"},
        None: {"lib.rs": "mod client; mod tcl;", "tcl/mod.rs": "pub mod event; mod x; pub use x::X;", "tcl/event.rs": "use super::X;",
            "tcl/x.rs": "#[cfg(test)]\nmod tests { use crate::client::A; }", "client/mod.rs": "mod a; pub use a::A;",
            "client/a.rs": "use crate::tcl::event::later; // crate::bridge::x"},
    }
    trees["circle: rules::a, rules::b"]["rules/c.rs"] = "pub use super::a::A;"
    for wanted, files in trees.items():
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                file = Path(folder, name)
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            found = check(Path(folder))[0]
            if found != ([wanted] if wanted else []):
                sys.exit(f"check-imports: self-test: {wanted}: found {found}")


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if "--self-test" in sys.argv:
        self_test()
    src = Path(words[0]) if words else Path(__file__).resolve().parent.parent / "src"
    breaches, edges = check(src)
    if "--list" in sys.argv:
        for path in sorted(edges):
            print(show(path), "->", ", ".join(map(show, sorted(edges[path]))))
    for breach in breaches:
        print(breach, file=sys.stderr)
    sys.exit(1 if breaches else 0)


main()
