from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow.errors import HashingError
from hedgerow.evaluation import Progress, Share, evaluate, transforms_named
from hedgerow.evaluation.measure import names_of
from hedgerow.hashing.selftest import synthetic_picture

if TYPE_CHECKING:
    from hedgerow.evaluation import Evaluation, Plan

STRANGERS = 4  # of each of the five pictures and of the near copy of one of them


def place(evaluation: Evaluation, transform: str) -> int:
    return [each.name for each in evaluation.plan.transforms].index(transform)


def test_a_copy_is_found_where_a_variant_leads_back_and_not_where_none_does(evaluation: Evaluation) -> None:
    def shares(transform: str) -> list[float | None]:
        return [evaluation.recall([place(evaluation, transform)], method).value for method in evaluation.methods]

    assert evaluation.methods == ("hedgerow exact", "hedgerow standard")
    assert shares("JPEG q50") == [1.0, 1.0]
    assert shares("mirrored") == [0.0, 1.0]
    assert shares("rotate 45°, black corners") == [0.0, 0.0]


def test_the_variant_that_led_back_is_named(evaluation: Evaluation) -> None:
    variants = evaluation.variants_of(place(evaluation, "mirrored"), "hedgerow standard")
    assert variants[0] == ("mirrored", len(evaluation.pictures))


def test_originals_of_one_scene_are_listed_apart_and_are_no_strangers(evaluation: Evaluation) -> None:
    assert [(each.one, each.other) for each in evaluation.same_scene] == [("0 again.jpg", "0.png")]
    assert evaluation.same_scene[0].distance <= 40
    entries, transforms = len(evaluation.entries), len(evaluation.plan.transforms)
    assert entries == 6
    # The other entries; less the twin, for those two; less three companions, for the collage.
    strangers = transforms * (4 * 5 + 2 * 4) - 6 * 3
    for method in evaluation.methods:
        assert evaluation.impostors[method].pairs == strangers
        assert evaluation.impostors[method].queries == transforms * entries
        assert evaluation.impostors[method].within(31) == 0
        assert int(evaluation.impostors[method].nearest.sum()) == strangers
        assert evaluation.impostors[method].of_rows(31) == Share(0, strangers)


def test_more_variants_come_nearer_to_strangers_and_cost_more_looks(evaluation: Evaluation) -> None:
    exact, standard = (evaluation.impostors[method].nearest.sum(axis=0) for method in evaluation.methods)
    assert np.flatnonzero(standard)[0] <= np.flatnonzero(exact)[0]
    assert evaluation.looks[1, 0] > 4 * evaluation.looks[0, 0]
    assert int(evaluation.single[0].sum()) == int(exact.sum())
    assert int(evaluation.single[1].sum()) > int(standard.sum())


def test_a_file_that_is_no_picture_is_left_out_with_a_reason(evaluation: Evaluation) -> None:
    assert [name for name, _ in evaluation.left_out] == ["no picture.jpg"]
    assert evaluation.left_out[0][1]


def test_the_same_pictures_give_the_same_figures_whatever_the_number_of_processes(
    evaluation: Evaluation, pictures: Path, plan: Plan
) -> None:
    again = evaluate(sorted(pictures.iterdir(), reverse=True), replace(plan, jobs=1))
    assert np.array_equal(again.distance, evaluation.distance)
    assert np.array_equal(again.query_quality, evaluation.query_quality)
    assert [again.variants[each] for each in again.variant.ravel()] == [
        evaluation.variants[each] for each in evaluation.variant.ravel()
    ]
    assert np.array_equal(again.single, evaluation.single)


def test_a_sample_is_altered_and_the_others_are_only_banked(pictures: Path, plan: Plan) -> None:
    told: list[Progress] = []
    sampled = evaluate(
        sorted(pictures.iterdir()),
        replace(plan, sample=2, transforms=transforms_named("JPEG q90")),
        on_progress=told.append,
    )
    assert len(sampled.pictures) == 2
    assert len(sampled.entries) == 6
    assert sampled.distance.shape == (2, 1, 2)
    assert [(each.stage, each.done, each.total) for each in told][-2:] == [
        ("altering and looking up", 1, 2),
        ("altering and looking up", 2, 2),
    ]


def test_what_is_too_plain_for_a_bank_stands_in_its_own_band_and_has_no_strangers(tmp_path: Path, plan: Plan) -> None:
    Image.new("L", (200, 200), 7).save(tmp_path / "flat.png")
    Image.fromarray(synthetic_picture(200, 150, 1)).save(tmp_path / "busy.png")
    found = evaluate(sorted(tmp_path.iterdir()), replace(plan, transforms=transforms_named("JPEG q90")))
    flat = found.entries.index("flat.png")
    assert found.quality[flat] == 0
    assert found.recall([0], "hedgerow exact").of == 1
    assert found.impostors["hedgerow standard"].pairs == 0


def test_one_picture_is_too_few(tmp_path: Path, plan: Plan) -> None:
    Image.new("L", (200, 200), 7).save(tmp_path / "one.png")
    with pytest.raises(HashingError):
        evaluate(list(tmp_path.iterdir()), plan)


def test_files_are_named_by_their_place_below_the_folder_they_share() -> None:
    assert names_of([Path("/x/a.jpg"), Path("/x/b.jpg")]) == ["a.jpg", "b.jpg"]
    assert names_of([Path("/x/y/a.jpg"), Path("/x/z/a.jpg")]) == ["y/a.jpg", "z/a.jpg"]


def test_a_deep_crop_is_found_where_the_bank_holds_parts(pictures: Path, plan: Plan) -> None:
    found = evaluate(
        sorted(pictures.iterdir()),
        replace(plan, transforms=transforms_named("crop 10 % per side"), levels=("standard",), with_parts=True),
    )
    assert found.levels == ("hedgerow standard",)
    assert found.methods == ("hedgerow standard", "hedgerow standard, parts banked")
    whole, parts = (found.recall([0], method).found for method in found.methods)
    assert whole < parts == 6
    bare, with_parts = (found.impostors[method] for method in found.methods)
    assert bare.pairs == with_parts.pairs
    # Parts are signals that a bank holds: copies are compared with them whatever the column takes for a match.
    assert bare.of_rows(256).of > 4 * bare.pairs
    assert np.array_equal(bare.rows, with_parts.rows)


def test_unlike_pictures_that_were_altered_alike_are_compared_too(evaluation: Evaluation) -> None:
    pairs = evaluation.alike.sum(axis=1).tolist()
    collage = place(evaluation, "collage of 4")
    # Each two of six, but not the twins; never where pictures stand beside each other.
    assert [count for number, count in enumerate(pairs) if number != collage] == [14, 14, 14]
    assert pairs[collage] == 0
    nearest = evaluation.nearest_alike()
    assert nearest is not None
    assert nearest[0] == min(int(np.flatnonzero(counts)[0]) for counts in evaluation.alike if counts.any())
