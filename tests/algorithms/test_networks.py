"""Backbones and heads: what each makes of each space, and which weights they begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from rlx.algorithms import algorithm
from rlx.config import RunConfig, own_settings
from rlx.errors import PolicyUnusable
from rlx.policies import backbone, compose, head
from tests.conftest import REPOSITORY

VECTOR, IMAGE = spaces.Box(-1, 1, (4,), np.float32), spaces.Box(0, 255, (36, 40, 3), np.uint8)
DICT = spaces.Dict({"eye": IMAGE, "arm": spaces.Box(-1, 1, (2, 3)), "mode": spaces.Discrete(5, start=2)})
FLAT = {"net": spaces.Discrete(3), "go": spaces.Box(-1, 1, (2, 2), np.float32)}


def config(**policy: Any) -> RunConfig:
    return RunConfig.model_validate({"policy": policy})


def drawn(space: spaces.Space[Any], rows: int = 5) -> Any:
    space.seed(1)
    if isinstance(space, spaces.Dict):
        return {key: drawn(one, rows) for key, one in space.items()}
    return np.stack([np.asarray(space.sample()) for _ in range(rows)])


def test_jax_reads_no_dictionary_with_other_parts_than_vectors() -> None:
    vectors = spaces.Dict({"arm": VECTOR, "leg": spaces.MultiBinary(3)})
    own_settings("sbx_sac")
    asked = RunConfig.model_validate({"algo": {"name": "sbx_sac"}, "policy": {"type": "mlp"}})
    misfit = algorithm("sbx_sac").misfit
    assert misfit is not None
    assert misfit(asked, vectors, FLAT["go"]) is None
    told = misfit(asked, spaces.Dict({**vectors.spaces, "mode": spaces.Discrete(3)}), FLAT["go"])
    assert told is not None
    assert told[0] == ("algo", "name")
    assert "'mode' is none; encode it in a wrapper (env.wrappers), or use sac" in told[1]


@pytest.mark.parametrize("space", [VECTOR, IMAGE, DICT, spaces.Discrete(7), spaces.MultiDiscrete([2, 3])])
@pytest.mark.parametrize(
    ("kind", "action", "shape"),
    [
        ("policy", FLAT["net"], (5,)),
        ("policy", FLAT["go"], (5, 2, 2)),
        ("value", None, (5,)),
        ("q_values", FLAT["net"], (5, 3)),
    ],
)
def test_every_head_stands_on_every_backbone(space: Any, kind: str, action: Any, shape: tuple[int, ...]) -> None:
    network = compose(backbone(config(type="cnn"), space), head(kind, action))
    said = network(drawn(space))
    told = said.sample() if kind == "policy" else said
    assert tuple(told.shape) == shape
    if kind == "policy":
        assert said.log_prob(told).shape == (5,), "one probability per action, whatever its shape"
        assert said.entropy().shape == (5,)


def test_what_policy_says_is_what_is_built() -> None:
    chosen = config(
        hidden_sizes={"actor": [8], "critic": [16, 4]}, activation="relu", log_std_init=-1.5, ortho_init=False
    )
    actor = compose(backbone(chosen, VECTOR), head("policy", FLAT["go"]))
    critic = compose(backbone(chosen, VECTOR, role="critic"), head("value"))
    widths = [
        [layer.out_features for layer in net.modules() if isinstance(layer, nn.Linear)] for net in (actor, critic)
    ]
    assert widths == [[8, 4], [16, 4, 1]]
    assert any(isinstance(layer, nn.ReLU) for layer in actor.modules())
    assert actor.head.log_std.tolist() == [[-1.5, -1.5], [-1.5, -1.5]]
    plain = config(hidden_sizes=[], type="mlp")
    assert backbone(plain, IMAGE).features_dim == 36 * 40 * 3
    assert backbone(config(hidden_sizes=[], type="cnn"), IMAGE).features_dim == 512


@pytest.mark.parametrize(("kind", "gain"), [("policy", 0.01), ("value", 1.0), ("q_values", 1.0)])
def test_weights_begin_orthogonal_where_that_is_wanted(kind: str, gain: float) -> None:
    network = compose(backbone(config(hidden_sizes=[4]), VECTOR), head(kind, FLAT["net"]))
    hidden, last = network.backbone.layers[0].weight, network.head.layer.weight
    torch.testing.assert_close(hidden @ hidden.T, 2 * torch.eye(4))
    torch.testing.assert_close(last @ last.T, gain**2 * torch.eye(len(last)))
    torch.manual_seed(3)
    mine = nn.Linear(4, 4)
    torch.manual_seed(3)
    theirs = backbone(config(hidden_sizes=[4], ortho_init=False), VECTOR).layers[0]
    torch.testing.assert_close(mine.weight, theirs.weight)


def test_images_are_seen_with_their_channels_in_front_and_divided_by_255() -> None:
    network = backbone(config(hidden_sizes=[], type="cnn"), IMAGE)
    first = spaces.Box(0, 255, (3, 36, 40), np.uint8)
    other = backbone(config(hidden_sizes=[], type="cnn"), first)
    other.load_state_dict(network.state_dict())
    seen = drawn(IMAGE)
    torch.testing.assert_close(network(seen), other(seen.transpose(0, 3, 1, 2)))
    flat = backbone(config(hidden_sizes=[], type="mlp"), first)
    torch.testing.assert_close(flat(seen.transpose(0, 3, 1, 2)).max(), torch.tensor(seen.max() / 255.0).float())


def test_a_network_of_the_projects_own_takes_the_backbones_place() -> None:
    chosen = config(type="residual", kwargs={"width": 24}, hidden_sizes=[6])
    network = compose(backbone(chosen, VECTOR, REPOSITORY), head("q_values", FLAT["net"]))
    assert type(network.backbone.seen).__name__ == "Residual"
    assert network.backbone.layers[0].in_features == 24
    assert network(drawn(VECTOR)).shape == (5, 3)
    with pytest.raises(PolicyUnusable, match="there is no network 'residul'; did you mean residual"):
        backbone(config(type="residul"), VECTOR, REPOSITORY)


def test_modules_of_ones_own_are_composed_as_they_are() -> None:
    network = compose(nn.Flatten(), nn.Linear(4, 2))
    assert network(torch.zeros(3, 4)).shape == (3, 2)


@pytest.mark.parametrize(
    ("kind", "action"), [("q_values", FLAT["go"]), ("categorical", FLAT["go"]), ("gaussian", FLAT["net"])]
)
def test_a_head_that_does_not_fit_the_actions_is_refused(kind: str, action: Any) -> None:
    with pytest.raises(ValueError, match=f"a {kind} head is not for the actions"):
        head(kind, action)
    with pytest.raises(ValueError, match="there is no head 'advantage'; one of policy"):
        head("advantage", action)


def test_asking_for_a_network_is_what_imports_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    text = "import sys, rlx.policies, rlx.algorithms.registry; rlx.policies.register; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert told.stdout.strip() == "False"
