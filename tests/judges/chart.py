"""The rendered chart before two judges: kubernetes-validate (the schemas of Kubernetes) and checkov (security)."""

import json
import subprocess
import sys
import tempfile

from tools import from_pypi, judged, rendered, run

# By values file: the findings of checkov that stay, each with its reason.
WAIVERS = {
    "default": {
        # No CPU limit: a throttled operator renews its lease too late and loses it. A value sets one.
        "CKV_K8S_11",
        # IfNotPresent with the fixed tag of a release: a node that has the image works while the registry does not.
        "CKV_K8S_15",
        # A client of the Kubernetes API: its pod needs the token; the ServiceAccount gives it to no other.
        "CKV_K8S_38",
        # There is no public image whose digest could be the default. A value sets one.
        "CKV_K8S_43",
    },
    "full": {
        # As above.
        "CKV_K8S_38",
    },
}
# The oldest that the chart takes, and the one that the tests run on.
KUBERNETES = ["1.33", "1.36"]


def main():
    checkov = from_pypi("checkov==3.3.30") / "checkov"
    validate = from_pypi("kubernetes-validate==1.37.0") / "kubernetes-validate"
    with tempfile.TemporaryDirectory() as folder:
        for values, waived in WAIVERS.items():
            file = rendered(values, folder)
            for version in KUBERNETES:
                # It does not know the kinds of others, and would warn of each.
                run(validate, "--strict", "--quiet", "--no-warn", "-k", version, file)
            offline = ["--skip-download", "--framework", "kubernetes", "--output", "json", "--file", file]
            said = subprocess.run([checkov, *offline], text=True, stdout=subprocess.PIPE).stdout
            report = json.loads(said)
            if report["summary"]["passed"] < 50:
                sys.exit(f"checkov has not looked: {said}")
            found = {check["check_id"] for check in report["results"]["failed_checks"]}
            judged(f"chart with {values} values", found, waived)


main()
