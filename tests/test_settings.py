from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from hedgerow.errors import SettingsError
from hedgerow.matching.videos import VideoRule
from hedgerow.media import MediaLimits
from hedgerow.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("HEDGEROW_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _every_field(model: type[BaseModel]) -> list[tuple[str, str | None]]:
    fields = []
    for name, field in model.model_fields.items():
        fields.append((name, field.description))
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            fields += [(f"{name}.{inner}", text) for inner, text in _every_field(field.annotation)]
    return fields


def test_without_any_source_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.data == Path("hedgerow-data")
    assert (settings.threshold, settings.minimum_quality) == (31, 50)
    assert settings.database_url is None


def test_jobs_are_the_cores_that_this_process_may_use() -> None:
    assert load_settings().jobs == len(os.sched_getaffinity(0))


def test_media_limits_default_to_those_of_the_media_room() -> None:
    assert load_settings().media_limits() == MediaLimits()


def test_when_two_videos_match_is_by_default_as_the_matching_room_says() -> None:
    assert load_settings().video_rule() == VideoRule()


def test_when_two_videos_match_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_VIDEOS_QUERY_SHARE", "0.8")
    Path("hedgerow.toml").write_text("[videos]\nsegment_looks = 5\n")
    assert load_settings().video_rule() == VideoRule(query_share=0.8, segment_looks=5)


def test_the_environment_names_a_setting_and_a_setting_of_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_DATA", "elsewhere")
    monkeypatch.setenv("HEDGEROW_MINIMUM_QUALITY", "60")
    monkeypatch.setenv("HEDGEROW_DATABASE_URL", "postgresql://h/d")
    monkeypatch.setenv("HEDGEROW_MEDIA_SIZE_BYTES", "1000")
    settings = load_settings()
    assert settings.data == Path("elsewhere")
    assert settings.minimum_quality == 60
    assert settings.database_url == "postgresql://h/d"
    assert settings.media.size_bytes == 1000
    assert settings.media_limits().size_bytes == 1000


def test_the_caller_goes_before_the_environment_before_the_data_folder_before_the_current_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("there").mkdir()
    Path("hedgerow.toml").write_text(
        'data = "there"\nthreshold = 1\njobs = 1\nminimum_quality = 1\n[media]\nframes = 1'
    )
    assert load_settings().threshold == 1
    Path("there/hedgerow.toml").write_text("threshold = 2\njobs = 2\n[media]\npixels = 2\n")
    settings = load_settings()
    assert (settings.threshold, settings.jobs, settings.minimum_quality) == (2, 2, 1)
    assert (settings.media.pixels, settings.media.frames) == (2, 1)
    monkeypatch.setenv("HEDGEROW_THRESHOLD", "3")
    monkeypatch.setenv("HEDGEROW_JOBS", "3")
    assert (load_settings(jobs=4).threshold, load_settings(jobs=4).jobs) == (3, 4)


def test_the_data_folder_that_the_caller_names_has_its_own_file() -> None:
    Path("mine").mkdir()
    Path("mine/hedgerow.toml").write_text("threshold = 9")
    assert load_settings(data=Path("mine")).threshold == 9
    assert load_settings().threshold == 31


def test_none_from_the_caller_is_no_wish() -> None:
    assert load_settings(threshold=None).threshold == 31


def test_a_section_from_the_caller_leaves_the_rest_of_the_section_alone() -> None:
    Path("hedgerow.toml").write_text("[media]\nframes = 7\n")
    settings = load_settings(media={"pixels": 5})
    assert (settings.media.pixels, settings.media.frames) == (5, 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", 65), ("threshold", -1), ("threshold", "many"), ("minimum_quality", 101), ("jobs", 0)],
)
def test_a_value_out_of_range_is_refused_by_the_setting_s_name(name: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(**{name: value})
    assert caught.value.setting == name


def test_a_bad_value_in_a_section_is_named_with_its_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_MEDIA_PIXELS", "0")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.setting == "media.pixels"


def test_a_section_in_the_environment_that_is_no_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_MEDIA", "small")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.setting == "media"


@pytest.mark.parametrize("text", ["treshold = 20", "[media]\npixel = 3\n"])
def test_a_misspelt_setting_in_a_file_is_refused(text: str) -> None:
    Path("hedgerow.toml").write_text(text)
    with pytest.raises(SettingsError, match="no such setting"):
        load_settings()


@pytest.mark.parametrize("content", [b"threshold = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(content: bytes) -> None:
    Path("hedgerow.toml").write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.setting == "hedgerow.toml"


def test_a_file_inside_a_data_folder_cannot_name_another_data_folder() -> None:
    Path("hedgerow-data").mkdir()
    Path("hedgerow-data/hedgerow.toml").write_text('data = "elsewhere"')
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.setting == "data"


def test_an_error_does_not_repeat_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_THRESHOLD", "hunter2")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_settings_never_change() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.threshold = 3  # type: ignore[misc]  # what is tested


def test_the_database_address_is_not_shown() -> None:
    assert "secret" not in repr(load_settings(database_url="postgresql://u:secret@h/d"))


@pytest.mark.parametrize(("name", "description"), _every_field(Settings))
def test_every_setting_is_described_in_a_sentence(name: str, description: str | None) -> None:
    assert description
    assert description.endswith(".")
