"""
Chinese words by jieba, for discovery and retraining; what reads a stream of texts needs none.

jieba comes with the extra ``text``. Its dictionary is in the package, nothing is downloaded.
"""

import logging
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import import_module
from types import ModuleType

from ckm_stream.errors import ConfigurationError


def load_extra(module: str) -> ModuleType:
    """
    Import *module* of the extra ``text``, without the warnings that it has for its own authors.

    Raises:
        ConfigurationError: If it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # jieba 0.42.1 has invalid escapes in its patterns and asks for pkg_resources.
            warnings.simplefilter("ignore")
            return import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{module} is not installed ({error}); install it with `pip install 'ckm-stream[text]'`"
        ) from error


@lru_cache(maxsize=1)
def chinese_segmenter() -> Callable[[str], Iterable[str]]:
    """
    Return the function that cuts a Chinese text into its words; the first call takes a second.

    Raises:
        ConfigurationError: If the extra ``text`` is not installed.
    """
    jieba = load_extra("jieba")
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    # `initialize` would unmarshal a cache of a known name in the shared temporary folder, which
    # anybody on the machine can have put there.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    cut: Callable[[str], Iterable[str]] = tokenizer.cut
    return cut
