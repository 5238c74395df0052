"""
The build hook: compiles ``ckm_stream/native`` where a C compiler is at hand.

Without one, or without Python's headers, the build goes on and the Python core runs instead;
``CKM_NATIVE=require`` makes that an error, ``CKM_NATIVE=skip`` leaves it out. Editable
installations get the modules beside their sources. Also ``python hatch_build.py``, after a change.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
NATIVE = ROOT / "ckm_stream" / "native"
#: The last bit is Python's only without fused products and without `exp2` for `pow(2, x)`.
C_FLAGS = ["-O2", "-g0", "-ffp-contract=off", "-fno-builtin-pow", "-fno-builtin-log"]


class NativeBuildHook(BuildHookInterface[Any]):
    """Compiles before the files of a wheel are gathered."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 -- hatchling's signature
        """Compile, and mark the wheel as one of this platform if that worked."""
        wanted = os.environ.get("CKM_NATIVE", "try")
        if self.target_name != "wheel" or wanted == "skip":
            return
        problem = compile_in_place()
        if problem is None:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"] += ["ckm_stream/native/*.so"]
        elif wanted == "require":
            raise RuntimeError(f"the compiled core was not built: {problem}")
        else:
            self.app.display_warning(f"the Python core will run, without the compiled: {problem}")


def compile_in_place() -> str | None:
    """Build every module of the compiled core; return why not, if that did not work."""
    # Another process: Cython and the compiler print, and setuptools keeps global state.
    done = subprocess.run(
        [sys.executable, __file__], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return None
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"


def main() -> None:
    """Translate what has changed to C and compile it, beside the sources."""
    from Cython.Build import cythonize  # noqa: PLC0415 -- the hook must load without it
    from setuptools import Distribution, Extension  # noqa: PLC0415 -- likewise

    os.chdir(ROOT)
    extensions = [
        Extension(
            ".".join(path.relative_to(ROOT).with_suffix("").parts),
            [str(path.relative_to(ROOT))],
            extra_compile_args=C_FLAGS,
        )
        for path in sorted(NATIVE.glob("*.pyx"))
    ]
    # No setup(): it would read pyproject.toml, which is hatchling's.
    modules = cythonize(extensions)  # type: ignore[no-untyped-call] # Cython's own
    compiled = Distribution({"name": "ckm_stream", "ext_modules": modules})
    command = compiled.get_command_obj("build_ext")
    command.inplace, command.parallel = True, os.cpu_count()
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    main()
