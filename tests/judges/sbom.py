"""The bill of materials of the binary before CycloneDX's own library: its schema, and every licence and package URL."""

import sys

from tools import ROOT, from_pypi, run

JUDGE = """
import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing
from packageurl import PackageURL

text = sys.stdin.read()
if error := JsonStrictValidator(SchemaVersion.V1_5).validate_str(text):
    sys.exit(f"not as the schema says: {error}")
sbom = json.loads(text)
for part in [sbom["metadata"]["component"], *sbom["components"]]:
    if PackageURL.from_string(part["purl"]).to_string() != part["purl"]:
        sys.exit(f"written otherwise: {part['purl']}")
    for licence in part.get("licenses", []):
        if errors := get_spdx_licensing().validate(licence["expression"]).errors:
            sys.exit(f"{part['name']}: {errors}")
print(f"bill of materials: sound, with {len(sbom['components'])} components")
"""


def main():
    judge = from_pypi("cyclonedx-python-lib[json-validation]==11.12.0")
    sys.stdout.write(run(judge / "python", "-c", JUDGE, input=run(ROOT / "release/sbom")))


main()
