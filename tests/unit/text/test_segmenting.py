"""Chinese words by jieba, without what it does behind one's back."""

import tempfile
from pathlib import Path

import pytest

from ckm_stream.errors import ConfigurationError
from ckm_stream.text.segmenting import chinese_segmenter, load_extra


def test_a_text_is_cut_into_its_words() -> None:
    """Nothing is lost: the words are the text."""
    words = list(chinese_segmenter()("快递员态度很差"))

    assert words == ["快递员", "态度", "很差"] or "".join(words) == "快递员态度很差"
    assert len(words) > 1


def test_no_cache_is_read_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a known name in a shared folder can be anybody's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "jieba.cache").write_bytes(b"not for us")
    chinese_segmenter.cache_clear()

    assert list(chinese_segmenter()("客服"))

    assert [file.name for file in tmp_path.iterdir()] == ["jieba.cache"]
    assert (tmp_path / "jieba.cache").read_bytes() == b"not for us"


def test_a_package_that_is_not_installed_is_named_with_its_extra() -> None:
    """With the command that installs it."""
    with pytest.raises(ConfigurationError, match=r"pip install 'ckm-stream\[text\]'"):
        load_extra("no_such_package_of_ours")
