"""What a skill's file says about itself, read without running it."""

import ast
import importlib.util
import os
import sys

FACTS = ("name", "description", "version", "aliases", "triggers", "priority")
ENTRIES = ("skill.py", "main.py", "__init__.py")


def entry_of(path):
    """The file to run: the path itself, or a folder's skill.py, main.py, __init__.py or only Python file."""
    if os.path.isfile(path):
        return path
    for name in ENTRIES:
        if os.path.isfile(os.path.join(path, name)):
            return os.path.join(path, name)
    files = [name for name in sorted(os.listdir(path)) if name.endswith(".py")]
    if len(files) == 1:
        return os.path.join(path, files[0])
    raise ValueError(f"no {ENTRIES[0]} in the folder")


def read_facts(entry):
    """The literal facts of the first class based on BaseSkill, and whether it handles messages."""
    with open(entry, "rb") as file:
        tree = ast.parse(file.read(), entry)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(_last_name(base) == "BaseSkill" for base in node.bases):
            methods = {one.name for one in node.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}
            return {**_facts_of(node), "class": node.name, "handles": "handle_message" in methods}
    return {"handles": False}


def missing_imports(entry):
    """Top-level modules that the file imports and that cannot be found. Finding a module does not run it."""
    with open(entry, "rb") as file:
        tree = ast.parse(file.read(), entry)
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    sys.path.insert(0, os.path.dirname(entry))
    return sorted(name for name in names if importlib.util.find_spec(name) is None)


def _facts_of(node):
    facts = {}
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            _take(facts, statement.targets[0].id, statement.value)
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
            for position, value in enumerate(call.args[: len(FACTS)]):
                _take(facts, FACTS[position], value)
            for keyword in call.keywords:
                _take(facts, keyword.arg, keyword.value)
    return facts


def _take(facts, name, value):
    if name not in FACTS:
        return
    try:
        facts[name] = ast.literal_eval(value)
    except ValueError:
        pass


def _last_name(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
