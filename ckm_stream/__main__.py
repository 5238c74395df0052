"""``python -m ckm_stream``: the same as ``ckm``."""

from ckm_stream.cli import main

if __name__ == "__main__":
    main()
