# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must agree with each other and is written in different places.

Everything is found by looking, so that a new module, role or playbook is held to all of it.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.playbook.task import Task
from jinja2 import Environment

from ansible_collections.coffer.velero.plugins.module_utils import _profile
from ansible_collections.coffer.velero.plugins.plugin_utils import _known_variables, _variables

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
TESTS = ROOT / "tests"
COLLECTION = "ansible_collections.coffer.velero.plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py") if path.stem != "__init__")
ACTIONS = sorted(path.stem for path in (PLUGINS / "action").glob("*.py") if path.stem != "__init__")
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml"))
SOURCES = sorted(str(path.relative_to(PLUGINS)) for path in PLUGINS.rglob("*.py"))
RUNTIME = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())

DOCUMENTS = ("DOCUMENTATION", "EXAMPLES", "RETURN")
PEERS = ("amazon.aws", "kubernetes.core")
MODULE_LINES = 60
FUNCTION_LINES = 40
FILE_LINES = 350
PLAYBOOK_LINES = 40


def load(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


@cache
def module(name: str) -> Any:
    return importlib.import_module(f"{COLLECTION}.modules.{name}")


@cache
def nodes(source: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse((PLUGINS / source).read_text())))


@cache
def tokens(source: str) -> list[tokenize.TokenInfo]:
    with (PLUGINS / source).open("rb") as file:
        return list(tokenize.tokenize(file.readline))


# --- modules: documentation and argument spec ------------------------------------------------------------------------


@cache
def fragment(name: str) -> dict[str, Any]:
    """``amazon.aws.common.modules`` is the member MODULES of the file ``common.py``."""
    namespace, collection, file, *member = name.split(".")
    place = f"ansible_collections.{namespace}.{collection}.plugins.doc_fragments.{file}"
    text = getattr(importlib.import_module(place).ModuleDocFragment, (member or ["DOCUMENTATION"])[0].upper())
    return load(text) or {}


@cache
def documentation(name: str) -> dict[str, Any]:
    """A module's documentation with its fragments; what it says itself wins."""
    own = load(module(name).DOCUMENTATION)
    whole: dict[str, Any] = {"options": {}, "attributes": {}}
    for part in [*map(fragment, own.get("extends_documentation_fragment", [])), own]:
        for section in ("options", "attributes"):
            whole[section].update(part.get(section) or {})
    return {**own, **whole}


def documented(option: Mapping[str, Any]) -> dict[str, Any]:
    return _comparable(option, option.get("suboptions"), documented)


def specified(option: Mapping[str, Any]) -> dict[str, Any]:
    return _comparable(option, option.get("options"), specified)


def _comparable(option: Mapping[str, Any], inner: Mapping[str, Any] | None, of: Any) -> dict[str, Any]:
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "default": option.get("default"),
        "choices": list(option["choices"]) if option.get("choices") else None,
        "aliases": sorted(option.get("aliases") or []),
        "required": bool(option.get("required", False)),
        "suboptions": {name: of(value) for name, value in inner.items()} if inner else None,
    }


@pytest.mark.parametrize("name", MODULES)
def test_options_are_documented_as_they_are(name: str) -> None:
    docs = {option: documented(value) for option, value in documentation(name)["options"].items()}
    spec = {option: specified(value) for option, value in module(name).SPEC.options.items()}
    assert docs == spec


@pytest.mark.parametrize("name", MODULES)
def test_constraints_name_options(name: str) -> None:
    spec = module(name).SPEC
    named = {
        option
        for group in (*spec.mutually_exclusive, *spec.required_together, *spec.required_one_of)
        for option in group
    }
    named |= {option for trigger, _value, group in spec.required_if for option in (trigger, *group)}
    named |= {option for trigger, group in spec.required_by.items() for option in (trigger, *group)}
    assert named <= set(spec.options)


def action_group(name: str) -> list[str]:
    return [group for group, members in RUNTIME["action_groups"].items() if name in members]


@pytest.mark.parametrize("name", MODULES)
def test_attributes_are_declared(name: str) -> None:
    attributes = documentation(name)["attributes"]
    assert set(attributes) >= {"check_mode", "diff_mode", "idempotent", "action_group"}
    assert [text for text, value in attributes.items() if value.get("support") not in ("full", "N/A")] == []
    assert attributes["check_mode"]["support"] == "full"
    assert attributes["action_group"]["membership"] == [f"coffer.velero.{group}" for group in action_group(name)]


@pytest.mark.parametrize("name", MODULES)
def test_documentation_is_whole(name: str) -> None:
    docs = documentation(name)
    assert docs["module"] == name
    assert {"short_description", "version_added", "description", "author"} <= set(docs)
    assert [option for option, value in docs["options"].items() if not value.get("description")] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_returned_value_has_a_sample(name: str) -> None:
    values = load(module(name).RETURN)
    for value, described in values.items():
        assert {"description", "returned", "type", "sample"} <= set(described), value
    kinds = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}
    wrong = [
        value for value, described in values.items() if not isinstance(described["sample"], kinds[described["type"]])
    ]
    assert wrong == []


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_valid_tasks(name: str) -> None:
    tasks = load(module(name).EXAMPLES)
    seen = [(action, arguments) for task in tasks for action, arguments in _actions(task)]
    assert [action for action, dummy in seen if action.count(".") < 2] == [], "not a full name"
    ours = [arguments or {} for action, arguments in seen if action == f"coffer.velero.{name}"]
    assert ours, "no example of the module itself"
    for action, arguments in seen:
        if action.startswith("coffer.velero."):
            assert _faults(action.rpartition(".")[2], arguments or {}) == []
    assert all(task.get("name") for task in tasks)


def _actions(task: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in task.items():
        if key in ("block", "rescue", "always"):
            for inner in value:
                yield from _actions(inner)
        elif key not in Task.fattributes and not key.startswith("with_"):
            yield key, value


def _faults(name: str, arguments: Mapping[str, Any]) -> list[str]:
    """What the validation of the module says; a template may become anything."""
    spec = module(name).SPEC.arguments()
    options = spec.pop("argument_spec")
    names = set(options) | {alias for option in options.values() for alias in option.get("aliases", [])}
    unknown = sorted(set(arguments) - names)
    if unknown or "{{" in str(arguments):
        return unknown
    result = ArgumentSpecValidator(options, **spec).validate(dict(arguments))
    return list(result.error_messages)


# --- filters and lookups: their pages --------------------------------------------------------------------------------


def _of_file(path: Path) -> dict[str, Callable[..., Any]]:
    plugins: dict[str, Callable[..., Any]] = (
        importlib.import_module(f"{COLLECTION}.filter.{path.stem}").FilterModule().filters()
    )
    return plugins


FILTERS = {name: build for path in (PLUGINS / "filter").glob("*.py") for name, build in _of_file(path).items()}
#: What the variables of a profile are called where a page tells of them.
FIELDS = set(_profile.StorageProfile.__dataclass_fields__)


def test_every_filter_has_its_page() -> None:
    assert {page.stem for page in (PLUGINS / "filter").glob("*.yml")} == set(FILTERS)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_examples_of_a_filter_work(name: str) -> None:
    page = load((PLUGINS / "filter" / f"{name}.yml").read_text())
    assert page["DOCUMENTATION"]["name"] == name
    jinja = Environment(autoescape=False)
    jinja.filters.update({f"coffer.velero.{known}": build for known, build in FILTERS.items()})
    registered = {"key": {"planned": {"before": {"days": 365}, "after": {"days": 180}}}}
    tasks = load(page["EXAMPLES"])
    built = [
        jinja.compile_expression(text.strip())(**{**registered, **task.get("vars", {})})
        for task in tasks
        for text in expressions(task)
        if f"coffer.velero.{name}" in text
    ]
    assert built
    assert all(built)


OPTIONS: dict[str, dict[str, Any]] = {
    "audit_alarms": {"schedule_hours": 24},
    "audit_dashboard": {"schedule_hours": 24},
    "audit_event_rules": {"topic_arn": "arn:aws:sns:eu-central-1:111122223333:velero-acme-backups"},
}


OF_A_PROFILE = [
    name
    for name in FILTERS
    if "_velero.profile" in (PLUGINS / "filter" / f"{name}.yml").read_text().split("EXAMPLES")[0]
]


@pytest.mark.parametrize("name", OF_A_PROFILE)
def test_refusal_of_a_profile_is_a_filter_error(name: str) -> None:
    for values, text in (
        ({}, "velero_account_id: it is not set. Give the 12 digits of the account, quoted; "),
        ("acme-backups", "A storage profile is a dictionary of bucket, region, account_id and so on."),
        (None, "A storage profile is a dictionary of bucket, region, account_id and so on."),
    ):
        with pytest.raises(AnsibleFilterError, match=text):
            FILTERS[name](values, **OPTIONS.get(name, {}))


def test_page_of_a_profile_names_every_field() -> None:
    described = " ".join(fragment("coffer.velero._velero.profile")["options"]["_input"]["description"])
    assert [field for field in FIELDS if f"C({field})" not in described] == []


# --- modules: how they are built -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_action_plugin_runs_the_module(name: str) -> None:
    action = importlib.import_module(f"{COLLECTION}.action.{name}").ActionModule
    assert action.MODULE is module(name)


def test_no_action_plugin_without_its_module() -> None:
    assert ACTIONS == MODULES


def test_plugins_load_without_the_clients() -> None:
    """What is missing is said by the task in a sentence; or the task is handed over to a Python that has it."""
    imports = ", ".join(f"{COLLECTION}.{kind}.{name}" for kind in ("action", "modules") for name in MODULES)
    code = f"import sys; sys.modules.update(boto3=None, botocore=None, kubernetes=None); import {imports}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


#: Without a connection, and so without a group.
LOCAL_MODULES = {"evidence_report"}


@pytest.mark.parametrize("name", sorted(set(MODULES) - LOCAL_MODULES))
def test_module_is_in_one_action_group(name: str) -> None:
    assert len(action_group(name)) == 1
    door = {"aws": "_aws", "k8s": "_kube"}[action_group(name)[0]]
    assert f"{COLLECTION}.module_utils.{door}" in imports(f"modules/{name}.py")


def test_no_action_group_names_what_is_not_there() -> None:
    members = [name for group in RUNTIME["action_groups"].values() for name in group if isinstance(name, str)]
    assert sorted(members) == sorted(set(MODULES) - LOCAL_MODULES)


def test_action_groups_extend_those_of_the_peers() -> None:
    extended = {
        group: [name for member in members if isinstance(member, dict) for name in member["metadata"]["extend_group"]]
        for group, members in RUNTIME["action_groups"].items()
    }
    assert extended == {"aws": ["amazon.aws.aws"], "k8s": ["kubernetes.core.k8s"]}


def code_lines(source: str, *, without: tuple[str, ...] = ()) -> int:
    """Lines that hold code: no comments, no docstrings, no blank lines and no documents of a module."""
    text = (PLUGINS / source).read_text()
    lines = set()
    for token in tokens(source):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in nodes(source):
        is_document = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in without
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_document or is_docstring:
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    rows = text.splitlines()
    return sum(bool(rows[number - 1].strip()) for number in lines if number <= len(rows))


@pytest.mark.parametrize("name", MODULES)
def test_module_is_thin(name: str) -> None:
    assert code_lines(f"modules/{name}.py", without=DOCUMENTS) <= MODULE_LINES


# --- the whole of plugins/ -------------------------------------------------------------------------------------------


@cache
def imports(source: str) -> frozenset[str]:
    found = set()
    for node in nodes(source):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return frozenset(found)


@cache
def names(source: str) -> frozenset[str]:
    """Every name in the code of a file, and every text that is nothing but a name."""
    found = {token.string for token in tokens(source) if token.type == tokenize.NAME}
    texts = {token.string.strip("\"'") for token in tokens(source) if token.type == tokenize.STRING}
    return frozenset(found | texts)


@pytest.mark.parametrize(
    ("forbidden", "allowed"),
    [
        ({"check_mode", "_diff", "_ansible_check_mode"}, {"module_utils/_runner.py", "plugin_utils/_controller.py"}),
        ({"AnsibleModule"}, {"module_utils/_runner.py"}),
    ],
    ids=["check and diff mode", "AnsibleModule"],
)
def test_only_the_runner_knows(forbidden: set[str], allowed: set[str]) -> None:
    assert [source for source in SOURCES if source not in allowed and names(source) & forbidden] == []


@pytest.mark.parametrize(
    ("packages", "allowed"),
    [
        ({"boto3", "botocore"}, {"module_utils/_aws.py"}),
        ({"kubernetes", "urllib3"}, {"module_utils/_kube.py"}),
        ({"jinja2", "markupsafe"}, {"module_utils/_report/html.py"}),
    ],
    ids=["boto3", "kubernetes", "jinja2"],
)
def test_one_door(packages: set[str], allowed: set[str]) -> None:
    users = [source for source in SOURCES if {name.split(".")[0] for name in imports(source)} & packages]
    assert set(users) <= allowed


def test_nothing_of_ansible_below_the_runner() -> None:
    below = [s for s in SOURCES if s.startswith("module_utils/") and s != "module_utils/_runner.py"]
    assert [source for source in below if any(name.split(".")[0] == "ansible" for name in imports(source))] == []


def test_of_other_collections_only_what_is_a_dependency() -> None:
    used = {
        ".".join(name.split(".")[1:3])
        for source in SOURCES
        for name in imports(source)
        if name.startswith("ansible_collections.")
    }
    dependencies = yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"]
    assert used <= {"coffer.velero", *dependencies}
    assert set(dependencies) == set(PEERS)


@pytest.mark.parametrize("source", SOURCES)
def test_functions_are_short(source: str) -> None:
    long = {}
    for node in nodes(source):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documented = ast.get_docstring(node, clean=False)
            lines = (node.end_lineno or 0) - node.lineno + 1 - (documented.count("\n") + 1 if documented else 0)
            if lines > FUNCTION_LINES:
                long[node.name] = lines
    assert long == {}


@pytest.mark.parametrize("source", [source for source in SOURCES if source.startswith("module_utils/")])
def test_files_are_short(source: str) -> None:
    assert code_lines(source, without=("TEMPLATE",)) <= FILE_LINES


# --- tests: that of a file is found by its name ----------------------------------------------------------------------

#: What sends requests and decides little, beside ``api.py`` and ``*_api.py``, with the test of the module that runs it.
TESTED_THROUGH_A_MODULE = {
    "module_utils/_objects/boto3_scanner.py": "test_object_encryption_info_engines.py",
    "module_utils/_objects/process_pool.py": "test_object_encryption_info_engines.py",
    "module_utils/_objects/worker.py": "test_object_encryption_info_engines.py",
    "module_utils/_usage/event_history.py": "test_kms_usage_info.py",
    "module_utils/_usage/logs_insights.py": "test_kms_usage_info.py",
}
#: Modules whose tests are in a file that is not called like them.
TESTED_ELSEWHERE = {"backup_metadata_info": "e2e/test_backup_restore.py", "restore": "integration/test_backup.py"}
DECIDING = [
    source
    for source in SOURCES
    if source.startswith(("module_utils/", "plugin_utils/", "filter/", "lookup/"))
    and not source.endswith("api.py")
    and source not in TESTED_THROUGH_A_MODULE
    and any(isinstance(node, ast.FunctionDef) and node.name != "filters" for node in nodes(source))
]


def unit_test(source: str) -> str:
    folder, _slash, name = source.rpartition("/")
    return f"unit/plugins/{folder}/test_{name}"


@pytest.mark.parametrize("source", DECIDING)
def test_unit_test_has_the_name_of_its_file(source: str) -> None:
    assert (TESTS / unit_test(source)).exists()


def test_every_unit_test_has_its_file() -> None:
    """What follows the name tells several tests of one file apart: ``test__policy_properties.py``."""
    known = {unit_test(source).removesuffix(".py") for source in SOURCES}
    found = {str(path.relative_to(TESTS).with_suffix("")) for path in (TESTS / "unit/plugins").rglob("test_*.py")}
    assert {name for name in found - known if not any(name.startswith(f"{one}_") for one in known)} == set()


@pytest.mark.parametrize("name", MODULES)
def test_integration_test_has_the_name_of_its_module(name: str) -> None:
    assert f'"{name}"' in (TESTS / TESTED_ELSEWHERE.get(name, f"integration/test_{name}.py")).read_text()


def test_what_is_tested_elsewhere_is_there() -> None:
    assert set(TESTED_THROUGH_A_MODULE) <= set(SOURCES)
    assert set(TESTED_ELSEWHERE) <= set(MODULES)
    assert [name for name in TESTED_THROUGH_A_MODULE.values() if not (TESTS / "integration" / name).exists()] == []


# --- roles -----------------------------------------------------------------------------------------------------------


def role_file(role: str, path: str) -> Any:
    file = ROOT / "roles" / role / path
    return load(file.read_text()) if file.exists() else None


def argument_specs(role: str) -> dict[str, Any]:
    return dict(role_file(role, "meta/argument_specs.yml")["argument_specs"])


@cache
def tasks(role: str) -> dict[str, list[dict[str, Any]]]:
    """The tasks of each file of a role, those in blocks too."""
    folder = ROOT / "roles" / role / "tasks"
    return {path.stem: list(_flat(load(path.read_text()))) for path in sorted(folder.glob("*.yml"))}


def _flat(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        for key in ("block", "rescue", "always"):
            yield from _flat(entry.get(key, []))


@pytest.mark.parametrize("role", ROLES)
def test_role_has_its_pages(role: str) -> None:
    missing = [
        name
        for name in ("README.md", "meta/main.yml", "meta/argument_specs.yml")
        if not (ROOT / "roles" / role / name).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_has_an_argument_spec(role: str) -> None:
    """What the role itself does not import is there for others; of the rest, what it says is there for them too."""
    included = {
        str(value["file"] if isinstance(value, dict) else value).removesuffix(".yml")
        for entries in tasks(role).values()
        for task in entries
        for key, value in task.items()
        if key in ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")
    }
    assert set(tasks(role)) - included <= set(argument_specs(role)) <= set(tasks(role))


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_argument_spec(role: str) -> None:
    specs = argument_specs(role)
    described = {name: option for spec in specs.values() for name, option in spec.get("options", {}).items()}
    defaults = role_file(role, "defaults/main.yml") or {}
    # A template in a spec would fail in place of what it is made of: the validation has no words for that.
    plain = {name: value for name, value in defaults.items() if "velero_" not in str(value)}
    assert plain == {name: option["default"] for name, option in described.items() if "default" in option}
    assert defaults.keys() <= described.keys()
    assert [name for name, option in described.items() if option.get("required", False) and "default" in option] == []


@pytest.mark.parametrize("role", ROLES)
def test_argument_specs_are_whole(role: str) -> None:
    for entry, spec in argument_specs(role).items():
        assert {"short_description", "description", "options"} <= set(spec), entry
        for name, option in spec["options"].items():
            assert {"description", "type"} <= set(option), name


def variables(role: str) -> Iterator[str]:
    """Every variable that a role sets."""
    yield from role_file(role, "defaults/main.yml") or {}
    yield from role_file(role, "vars/main.yml") or {}
    yield from (name for spec in argument_specs(role).values() for name in spec.get("options", {}))
    for entries in tasks(role).values():
        for task in entries:
            # What it asks of the role that all others depend on.
            given = "ansible.builtin.include_role" in task or "block" in task
            yield from (name for name in task.get("vars", {}) if not (given and name.startswith("__velero_")))
            yield from (name for name in task.get("ansible.builtin.set_fact", {}) if name != "cacheable")
            yield from (task[key] for key in ("register",) if key in task)
            yield from (
                task["loop_control"]["loop_var"] for key in ("loop_control",) if "loop_var" in task.get(key, {})
            )


@pytest.mark.parametrize("role", ROLES)
def test_variables_start_with_the_name_of_the_role(role: str) -> None:
    names = set(variables(role)) - {"velero_plan_active"}  # which any of them may set for a part of it
    assert [name for name in names if not re.match(rf"(__)?{role}(_|$)", name)] == []


USED = re.compile(r"(?<![.\w/-])velero_[a-z0-9_]+")


def _used() -> dict[str, set[str]]:
    """The variables ``velero_*`` that are read anywhere, and where."""
    files = [
        *(ROOT / "playbooks").glob("*.yml"),
        *(ROOT / "roles").glob("*/tasks/*.yml"),
        *(ROOT / "roles").glob("*/vars/*.yml"),
    ]
    used: dict[str, set[str]] = {}
    for file in files:
        text = re.sub(r"(?m)^\s*(#.*|- role: .*|tags: \[.*)$", "", file.read_text())
        for name in USED.findall(text):
            used.setdefault(name, set()).add(str(file.relative_to(ROOT)))
    for name in _variables.PROFILE_FIELDS:
        used.setdefault(_profile.VARIABLE_PREFIX + name, set()).add("the profile")
    return used


def test_every_shared_variable_is_documented() -> None:
    known = set(argument_specs("velero")["main"]["options"]) | {name for role in ROLES for name in variables(role)}
    assert {name: places for name, places in _used().items() if name not in known | set(ROLES)} == {}


def test_every_variable_is_known_to_the_check_of_misspelt_ones() -> None:
    options = {name for role in ROLES for spec in argument_specs(role).values() for name in spec.get("options", {})}
    others = {name for role in ROLES for name in variables(role) if not name.startswith("__")} - options
    assert options == _known_variables.OPTIONS
    assert others == _known_variables.FOUND


def test_every_documented_variable_is_used() -> None:
    assert sorted(set(argument_specs("velero")["main"]["options"]) - set(_used())) == []


CONVERTED = {"bool": "bool", "int": "int", "float": "float"}
CONDITIONS = ("when", "that", "changed_when", "failed_when", "until")


def expressions(entry: Any, *, condition: bool = False) -> Iterator[str]:
    """What is templated below an entry; a text that is one variable alone is cast by the module that gets it."""
    if isinstance(entry, Mapping):
        for key, value in entry.items():
            yield from expressions(value, condition=key in CONDITIONS)
    elif isinstance(entry, list):
        for value in entry:
            yield from expressions(value, condition=condition)
    elif isinstance(entry, str):
        yield from [entry] if condition else re.findall(r"\{\{(?!\s*\w+\s*\}\}$)(.*?)\}\}", entry, re.DOTALL)


@pytest.mark.parametrize("role", ["", *ROLES])
def test_a_switch_may_be_given_as_text(role: str) -> None:
    """As surveys and ``-e name=false`` do. Validation takes it, Jinja takes every text for true."""
    options = {
        name: option
        for role in ROLES
        for spec in argument_specs(role).values()
        for name, option in spec["options"].items()
    }
    converted = {name: CONVERTED[option["type"]] for name, option in options.items() if option["type"] in CONVERTED}
    folders = [ROOT / "roles" / role / folder for folder in ("tasks", "vars")] if role else [ROOT / "playbooks"]
    texts = [
        text for folder in folders for path in folder.glob("*.yml") for text in expressions(load(path.read_text()))
    ]
    assert texts or role == "velero"
    bare = {
        name: text
        for text in texts
        for name in re.findall(r"\w+", text)
        if name in converted
        and re.search(
            rf"(?<!\w){name}(?!\w)(?! \| ((default\(true\) \| )?{converted[name]}(?!\w)|default\(none\)))", text
        )
    }
    assert bare == {}


# --- playbooks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_are_short(playbook: str) -> None:
    assert len((ROOT / "playbooks" / playbook).read_text().splitlines()) <= PLAYBOOK_LINES


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_use_full_names(playbook: str) -> None:
    plays = load((ROOT / "playbooks" / playbook).read_text())
    roles = [entry["role"] if isinstance(entry, dict) else entry for play in plays for entry in play.get("roles", [])]
    assert [role for role in roles if not role.startswith("coffer.velero.")] == []
    assert [role for role in roles if role.rpartition(".")[2] not in ROLES] == []
