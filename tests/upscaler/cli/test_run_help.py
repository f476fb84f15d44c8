"""`upscaler run --help`: the models, and options by what they are about."""

from upscaler.cli.run import run
from upscaler.cli.run_help import GROUPS
from upscaler.models import packaged_models


def test_every_option_has_one_group():
    options = [param.name for param in run.params if param.opts[0][0] == "-"]
    assert sorted(options) == sorted(name for names in GROUPS.values() for name in names)


def test_the_help_names_the_models_and_the_groups(command):
    code, out, _ = command("run", "--help")
    assert code == 0
    lines = out.splitlines()
    assert all(f"{title}:" in lines for title in GROUPS)
    for name in ("auto", *{model.spec.name for model in packaged_models()}):
        assert any(line.split()[:1] == [name] for line in lines)
