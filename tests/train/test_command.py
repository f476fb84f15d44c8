"""`upscaler train`: what it says, and what it keeps."""

import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from safetensors import safe_open

from upscaler.models.spec import CHECKPOINT_KEY
from upscaler_train.networks import seed, seed_architecture
from upscaler_train.recipe_file import changed, load_recipe
from upscaler_train.training.trainer import LAST


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "fats-x2"],
        ["train", "fast-x2", "--set", "schedule.minuets=1"],
        ["experiments", "4-layre", "--data", ".", "-o", "out"],
    ],
    ids=" ".join,
)
def test_what_is_misspelt_is_said_before_torch_is_imported(arguments, tmp_path):
    code = (
        "import sys\nfrom upscaler.cli.main import main\n"
        "class No:\n"
        "    def find_spec(self, name, *rest):\n"
        "        assert name != 'torch', 'imported'\n"
        "sys.meta_path.insert(0, No())\n"
        f"main({arguments!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1


def test_the_layers_of_the_seed_are_those_that_recipes_know():
    assert tuple(seed.ACTIVATIONS) == seed_architecture.ACTIVATIONS
    assert tuple(seed.NORMALISATIONS) == seed_architecture.NORMALISATIONS
    assert tuple(seed.POOLINGS) == seed_architecture.POOLINGS


def test_each_step_ends_with_the_next_ones_command(table, tmp_path, recipe_file, command):
    run = tmp_path / "my run"
    code, out, _ = command("train", recipe_file(table), "-o", run)
    assert code == 0
    assert out.splitlines()[-1] == f"next: upscaler export '{run / LAST}' -o models/"
    code, out, _ = command("export", run / LAST, "-o", tmp_path / "models")
    assert code == 0
    model = tmp_path / "models" / "tiny-x2.onnx"
    assert out.splitlines()[-1] == f"next: upscaler run photos/ large/ -m {model}"


def test_resume_keeps_what_was_set(table, tmp_path, recipe_file, command):
    pictures, table["data"]["train"] = table["data"]["train"], "nowhere"
    recipe, run = recipe_file(table), tmp_path / "run"
    options = ("--set", f"data.train={pictures}", "--set", "schedule.steps=3")
    assert command("train", recipe, "-o", run, *options)[0] == 0
    code, out, err = command("train", recipe, "-o", run, "--resume", "--set", "schedule.steps=5")
    assert code == 0, err
    assert "5 steps" in out
    assert f"not as {recipe} says now: data.train; --set changes them" in err


def described(run):
    with safe_open(run / LAST, framework="pt") as file:
        return json.loads(file.metadata()[CHECKPOINT_KEY])["training"]["data"]


def test_the_card_names_the_data_that_was_used(table, tmp_path, recipe_file, command):
    pictures = table["data"]["train"]
    table["data"] |= {"train": "nowhere", "description": "800 photographs"}
    recipe, run = recipe_file(table), tmp_path / "run"
    assert command("train", recipe, "-o", run, "--set", f"data.train={pictures}")[0] == 0
    assert described(run) == "the folder pictures"


def test_a_description_goes_with_its_folder(table, tmp_path, recipe_file):
    table["data"]["description"] = "800 photographs"
    recipe = recipe_file(table)
    (tmp_path / "other.toml").write_text("extends = 'tiny.toml'\n[data]\ntrain = 'mine'\n")
    for other in (
        load_recipe(tmp_path / "other.toml"),
        load_recipe(recipe, ("data.train=mine",)),
        changed(load_recipe(recipe), ("data.train=mine",)),
    ):
        assert (other.data.description, other.data.in_words) == ("", "the folder mine")
    own = load_recipe(recipe, ("data.train=mine", "data.description=holidays"))
    assert own.data.in_words == "holidays"
    same = load_recipe(recipe, (f"data.train={table['data']['train']}", "data.batch=2"))
    assert same.data.in_words == "800 photographs"
