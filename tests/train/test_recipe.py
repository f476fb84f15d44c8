from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler.errors import UsageError
from upscaler_train.recipe_file import find_recipe, from_table, known, load_recipe

RECIPES = sorted((Path(__file__).parents[2] / "train" / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_the_project_is_valid(path):
    recipe = load_recipe(path)
    assert f"{recipe.name}-x{recipe.network.scale}" == path.stem
    assert recipe.data.description
    assert find_recipe(path.stem) == path


@pytest.mark.parametrize("name", known())
def test_the_recipes_to_compare_are_valid_and_say_their_name(name):
    recipe = load_recipe(find_recipe(name))
    assert Path(name).name in (recipe.name, f"{recipe.name}-x{recipe.scale}")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"nam": "x"}, "unknown key nam in the recipe; did you mean name"),
        ({"name": "x", "data": {"pach": 3}}, "unknown key data.pach .* did you mean patch"),
        ({"name": "x", "network": {"widths": [8, "a"]}}, "network.widths .* must be int, not 'a'"),
        ({"name": "x", "run": {"bf16": 1}}, "run.bf16 in the recipe must be bool, not 1"),
        ({"name": "x", "data": 3}, "must be a table"),
        ({}, "lacks name"),
        (
            {"name": "x", "data": {"batch": 0}},
            "data.batch in the recipe is 0; it must be 1 or more",
        ),
        ({"name": "x", "schedule": {"minutes": float("nan")}}, "schedule.minutes .* is nan"),
        ({"name": "x", "degradation": {"light": 2}}, "must be from 0 to 1"),
        ({"name": "x", "run": {"seed": -1}}, "run.seed .* is -1"),
        (
            {
                "name": "x",
                "schedule": {"steps": 1},
                "data": {"patch": 9},
                "optimisation": {"ms_ssim": 1},
            },
            "18 pixels are too small for MS-SSIM",
        ),
        (
            {"name": "x", "schedule": {"steps": 1}, "degradation": {"least_quality": 96}},
            "least_quality is above",
        ),
        (
            {
                "name": "x",
                "network": {"family": "seed", "size": 67},
                "schedule": {"steps": 1},
                "data": {"low": "same-size"},
            },
            "even network.size",
        ),
        ({"name": "x"}, "recipe x has no end: give schedule.steps, .epochs or .minutes"),
        ({"name": "x", "data": {"low": "big"}}, "data.low .* smaller, same-size, not 'big'"),
        ({"name": "x", "schedule": {"decay": "no"}}, "schedule.decay .* one of cosine, constant"),
        ({"name": "x", "schedule": {"steps": 1}, "data": {"low": "same-size"}}, "of scale 1"),
        ({"name": "x", "schedule": {"steps": 1}, "data": {"grey": True}}, "seed's networks only"),
        (
            {
                "name": "x",
                "network": {"scale": 1},
                "schedule": {"steps": 1},
                "data": {"low": "same-size"},
                "degradation": {"light": 0.5},
            },
            "only smaller pictures",
        ),
        (
            {
                "name": "x",
                "schedule": {"steps": 1},
                "degradation": {"light": 0.5, "rough": 0.6},
            },
            "degradation.light and .rough are more than all",
        ),
        (
            {
                "name": "x",
                "schedule": {"steps": 1},
                "data": {"pairs": "some"},
                "degradation": {"rough": 0.6},
            },
            "degraded already",
        ),
    ],
)
def test_mistakes_are_named(table, message):
    with pytest.raises(UsageError, match=message):
        from_table(table)


def test_overrides():
    overrides = ("schedule.minutes=0.0", "schedule.steps=7", "data.train=some/folder", "name=x")
    recipe = load_recipe(find_recipe("fast-x2"), overrides)
    assert (recipe.schedule.steps, recipe.data.train, recipe.name) == (7, "some/folder", "x")
    with pytest.raises(UsageError, match="name in the recipe must be str"):
        load_recipe(find_recipe("fast-x2"), ("name.x=1",))
    with pytest.raises(UsageError, match="key=value"):
        load_recipe(find_recipe("fast-x2"), ("steps",))


def test_unknown_recipes_say_what_there_is(tmp_path):
    with pytest.raises(UsageError, match="experiments/2-layer, .*fast-x2, fast-x3"):
        find_recipe("nonesuch")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(UsageError, match="is not TOML"):
        load_recipe(tmp_path / "bad.toml")


def test_a_recipe_extends_another_key_by_key(tmp_path):
    (tmp_path / "base.toml").write_text(
        "name = 'base'\n[schedule]\nsteps = 5\nwarmup = 1\n[data]\npatch = 12\n"
    )
    (tmp_path / "more.toml").write_text(
        "extends = 'base.toml'\nname = 'more'\n[schedule]\nsteps = 7\n[run]\nseed = 3\n"
    )
    recipe = load_recipe(tmp_path / "more.toml", ("schedule.warmup=2",))
    assert (recipe.name, recipe.run.seed, recipe.data.patch) == ("more", 3, 12)
    assert (recipe.schedule.steps, recipe.schedule.warmup) == (7, 2)
    (tmp_path / "self.toml").write_text("extends = 'self.toml'")
    with pytest.raises(UsageError, match="extends itself"):
        load_recipe(tmp_path / "self.toml")
    (tmp_path / "lost.toml").write_text("extends = 'nonesuch.toml'")
    with pytest.raises(UsageError, match="cannot read the recipe .*nonesuch.toml"):
        load_recipe(tmp_path / "lost.toml")
