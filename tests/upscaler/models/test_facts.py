from upscaler import list_models
from upscaler.models import packaged_models


def test_every_packaged_model_has_its_facts():
    facts = {(each.name, each.scale): each for each in list_models()}
    assert len(facts) == len(packaged_models())
    for model in packaged_models():
        each = facts[model.spec.name, model.spec.scale]
        assert each.psnr["Set5"] > 30 and each.parameters > 10_000 and each.purpose
