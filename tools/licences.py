"""
Licences of what is installed with the package, as SPDX expressions, and which of them may be.

    python -m tools.licences

prints each run-time dependency's licence and ends with 1 if one is not allowed. What a package's
metadata says is believed; where it says too little, ``STATED`` says what its licence file does.
"""

import sys
from importlib import metadata
from typing import Final

from tools.locks import Pin, read_lock
from tools.project import ROOT

#: What may be installed beside Apache-2.0 software, and why if that is not obvious.
ALLOWED: Final = {
    "0BSD": "permissive",
    "Apache-2.0": "permissive, ours too",
    "BSD-2-Clause": "permissive",
    "BSD-3-Clause": "permissive",
    "CC0-1.0": "public domain",
    "ISC": "permissive",
    "LGPL-3.0-only": (
        "psycopg alone: imported unmodified, installed from its own wheel, exchangeable for "
        "another build, and not distributed with us"
    ),
    "LicenseRef-Repoze": "permissive: BSD's terms, and changed files say that they were changed",
    "MIT": "permissive",
    "MIT-0": "permissive",
    "MPL-2.0": "by file: changes to its own files stay open, ours are not concerned",
    "PSF-2.0": "permissive",
    "Zlib": "permissive",
}

#: SPDX expressions of packages whose metadata have no unambiguous one; read in their licence files.
#: Wheels may carry more than their own code: scipy's OpenBLAS (BSD-3-Clause) and libgfortran (GPL
#: with the exception that lets anybody link it), psycopg-binary's libpq and OpenSSL.
STATED: Final = {
    "colorama": "BSD-3-Clause",  # Windows alone, so never installed where we run
    "faust-streaming": "BSD-3-Clause",
    "mode-streaming": "BSD-3-Clause",
    "python-snappy": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "uvloop": "MIT OR Apache-2.0",
    "venusian": "LicenseRef-Repoze",
}

_CLASSIFIERS: Final = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}


class UnknownLicenceError(LookupError):
    """Neither the metadata nor ``STATED`` say what a package's licence is."""


def licence_of(name: str) -> str:
    """
    Return the SPDX expression of a package's licence.

    Raises:
        UnknownLicenceError: If its metadata have none, or it is not installed, and it is not among
            those that are ``STATED``.
    """
    if name in STATED:
        return STATED[name]
    said = said_by_metadata(name)
    if said is None:
        raise UnknownLicenceError(
            f"{name} does not say its licence, or is not installed: read it, and add it to STATED"
        )
    return said


def said_by_metadata(name: str) -> str | None:
    """Return the SPDX expression that an installed package states; None if it states none."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    if expressions := about.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = [each for each in about.get_all("Classifier") or () if "License ::" in each]
    if len(classifiers) == 1 and classifiers[0] in _CLASSIFIERS:
        return _CLASSIFIERS[classifiers[0]]
    fields = about.get_all("License") or [""]
    return str(fields[0]) if fields[0] in ALLOWED and not classifiers else None


def is_allowed(expression: str) -> bool:
    """
    Tell whether an SPDX expression lets a package be installed with ours.

    Raises:
        ValueError: If it has parentheses or exceptions, which nobody has had so far.
    """
    if "(" in expression or " WITH " in expression:
        raise ValueError(f"{expression!r} has to be read by a person")
    # AND binds closer than OR.
    return any(
        all(part.strip() in ALLOWED for part in choice.split(" AND "))
        for choice in expression.split(" OR ")
    )


def runtime_pins() -> list[Pin]:
    """Return the pins of ``requirements/runtime.txt``."""
    return read_lock((ROOT / "requirements" / "runtime.txt").read_text())


def main() -> int:
    """Print each licence; exit code 1 if one is not allowed."""
    code = 0
    for pin in runtime_pins():
        expression = licence_of(pin.name)
        verdict = "" if is_allowed(expression) else "  NOT ALLOWED"
        code |= bool(verdict)
        sys.stdout.write(f"{pin.name} {pin.version}: {expression}{verdict}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
