"""The documentation says what the program does."""

from __future__ import annotations

import ast
import importlib
import json
import math
import re
from pathlib import Path

import pytest
import yaml

from benchmarks import returns, studies as simulated_studies
from benchmarks.calibration.report import with_tables
from benchmarks.diagnosis.report import with_tables as with_diagnosis_tables
from rlx.algorithms import algorithms
from rlx.cli import COMMANDS, CONTEXT, cli, reference as commands
from rlx.config import BUILT_IN, COMMON, Metric, reference
from rlx.config.presets import reference as presets
from rlx.config.schema import Parameters
from rlx.diagnosis import reference as rules
from rlx.report import documents
from tests.conftest import REPOSITORY


def test_the_configuration_reference_is_current() -> None:
    assert (REPOSITORY / "docs" / "configuration.md").read_text() == reference.settings_page(), (
        "run: python -m rlx.config.reference > docs/configuration.md"
    )


def test_the_page_of_presets_is_current() -> None:
    assert (REPOSITORY / "docs" / "presets.md").read_text() == presets.presets_page(presets.recorded()), (
        "run: python -m rlx.config.presets.reference > docs/presets.md"
    )


@pytest.mark.parametrize("path", sorted((REPOSITORY / "benchmarks").rglob("*.py")), ids=lambda path: path.stem)
def test_benchmarks_import_what_there_is(path: Path) -> None:
    """Also inside functions, which no test calls."""
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    for node in imports:
        if node.module and node.module.partition(".")[0] in ("rlx", "benchmarks"):
            module = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}")


def test_the_pages_of_commands_and_json_are_current() -> None:
    assert (REPOSITORY / "docs" / "cli.md").read_text() == commands.commands_page(), (
        "run: python -m rlx.cli.reference > docs/cli.md"
    )
    assert (REPOSITORY / "docs" / "json.md").read_text() == documents.render_documents(), (
        "run: python -m rlx.report.documents > docs/json.md"
    )


def test_the_page_of_rules_is_current() -> None:
    assert (REPOSITORY / "docs" / "rules.md").read_text() == rules.render_rules(), (
        "run: python -m rlx.diagnosis.reference > docs/rules.md"
    )


def test_the_tables_of_the_diagnosis_are_those_measured() -> None:
    page = (REPOSITORY / "docs" / "diagnosis.md").read_text()
    results = json.loads((REPOSITORY / "benchmarks" / "diagnosis" / "results.json").read_text())
    assert page == with_diagnosis_tables(page, results), "run: python -m benchmarks.diagnosis --write"


def test_the_table_of_returns_is_that_measured() -> None:
    page, kept = (REPOSITORY / "docs" / "engine.md").read_text(), json.loads(returns.RESULTS.read_text())
    assert {*kept} == {*returns.OWN}
    assert page == returns.with_table(page, kept), "run: python -m benchmarks.returns --table"


def test_the_table_of_studies_has_every_kind_that_is_simulated() -> None:
    page = (REPOSITORY / "docs" / "studies.md").read_text()
    inside = page.partition("<!-- studies: begin -->")[2].partition("<!-- studies: end -->")[0]
    command, *rows = [line for line in inside.splitlines() if line.strip()]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
    assert [each[0] for each in cells] == list(simulated_studies.KINDS), "run: python -m benchmarks.studies --write"
    (studies,) = {each[1] for each in cells}
    assert f"--studies {studies}`" in command
    assert all(float(each[2].rstrip("%")) <= 5.0 for each in cells if each[0].startswith("noise"))
    assert all(float(each[3].rstrip("%")) >= 75.0 for each in cells if each[0].startswith("one true gain"))


def test_every_setting_has_a_meaning() -> None:
    assert "|  |" not in reference.settings_page()


def test_the_tables_of_the_statistics_are_those_measured() -> None:
    page = (REPOSITORY / "docs" / "statistics.md").read_text()
    results = json.loads((REPOSITORY / "benchmarks" / "calibration" / "results.json").read_text())
    assert page == with_tables(page, results), "run: python -m benchmarks.calibration --write"


def test_error_rates_that_were_measured_keep_their_bounds() -> None:
    """What tests of verdicts only smoke is measured by `python -m benchmarks.calibration`, 20 to 200 times as often."""
    results = json.loads((REPOSITORY / "benchmarks" / "calibration" / "results.json").read_text())["verdicts"]
    bounded = [row for row in results if row["goal"].startswith("≤ 0.05")]
    assert {"one candidate", "six candidates", "sequential", "at the minimum effect"} <= {
        row["table"] for row in bounded
    }
    for row in bounded:
        assert row["share"] <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / row["repeats"]), row


def test_every_metric_is_documented() -> None:
    text = (REPOSITORY / "docs" / "files.md").read_text()
    own: dict[str, Metric] = {}  # not those of a page that another test of this process has imported
    for name in BUILT_IN:
        own = {**algorithms()[name].metrics, **own}
    lacking = [key for key, metric in {**own, **COMMON}.items() if f"| `{key}` | {metric.summary} |" not in text]
    assert lacking == []


def test_params_yaml_shows_valid_values_of_every_section() -> None:
    data = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    Parameters.model_validate(data)
    own = {
        "run_name",
        "portable",
        "log",
        "launch",
    }  # a run's own, and what a machine's owner wants otherwise than by default
    assert set(data) == set(Parameters.model_fields) - own


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_and_a_place_in_the_readme(name: str) -> None:
    import click

    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    text = command.get_help(click.Context(command, info_name=f"rlx {name}", **CONTEXT))
    assert re.search(rf"Example:\n\s+rlx {name}", text)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert f"rlx {name}" in (REPOSITORY / "README.md").read_text()


def test_ci_and_readme_install_and_test_the_same_way() -> None:
    readme, ci = (REPOSITORY / "README.md").read_text(), (REPOSITORY / ".ci" / "run").read_text()
    assert 'pip install -c constraints.txt -e ".[dev]" && pytest' in readme
    assert '--constraint constraints.txt --editable ".[dev]"\n' in ci
    assert "\npytest --durations" in ci
    assert "torch==2.13.0" in (REPOSITORY / "constraints.txt").read_text().splitlines()


def test_links_lead_somewhere() -> None:
    outside = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")]
    rooms = (REPOSITORY / "src" / "rlx").glob("*/README.md")
    for page in [*outside, *rooms, *(REPOSITORY / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
