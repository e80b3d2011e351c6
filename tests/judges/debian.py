"""Prints the folder of the programs of a Debian package, unpacked once into the user's cache folder: debian.py PACKAGE

Not installed: prometheus would be started as a service.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tools import CACHE, run


def main():
    package = sys.argv[1]
    folder = CACHE / "judges" / f"debian-{package}"
    if not (folder / "complete").exists():
        with tempfile.TemporaryDirectory() as fetched:
            download = ["apt-get", "download", "--quiet", package]
            if subprocess.run(download, cwd=fetched, capture_output=True).returncode:
                run("apt-get", "update", "--quiet")
                run(*download, cwd=fetched)
            [archive] = Path(fetched).glob("*.deb")
            run("dpkg-deb", "--extract", archive, folder)
        (folder / "complete").touch()
    print(folder / "usr/bin")


main()
