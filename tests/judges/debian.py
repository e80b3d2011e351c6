"""Prints the folder of the programs of a Debian package, unpacked once into the user's cache folder: debian.py PACKAGE

Not installed: prometheus would be started as a service.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import CACHE, run


def main():
    package = sys.argv[1]
    folder = CACHE / "judges" / f"debian-{package}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as fetched:
            download = ["apt-get", "download", "--quiet", package]
            if subprocess.run(download, cwd=fetched, capture_output=True).returncode:
                run("apt-get", "update", "--quiet")
                run(*download, cwd=fetched)
            [archive] = Path(fetched).glob("*.deb")
            unpacked = Path(fetched, "unpacked")
            run("dpkg-deb", "--extract", archive, unpacked)
            # Only now there is a folder of the right name: an interrupted fetch leaves nothing that looks finished.
            os.rename(unpacked, folder)
    print(folder / "usr/bin")


main()
