"""The definitions before OpenShift's crd-schema-checker, each by itself, with all its rules."""

import os

from tools import CHART, ROOT, judged, run

# The findings that stay, each with its reason.
WAIVERS = {
    # Overrides a setting of the platform that is true or false, and can be no third thing; absent leaves it to the setting.
    "NoBools: crd/groups.apio.netaxis.be version/v1alpha1 field/^.spec.autoCreateDomain may not be a boolean",
    # The platform's own attribute, with its name and type, so that what is declared and what is sent read alike. It has no
    # default: absent, it is not sent.
    "NoBools: crd/tenants.apio.netaxis.be version/v1alpha1 field/^.spec.useCustomRoutingProfile may not be a boolean",
    # As above.
    "NoBools: crd/tenants.apio.netaxis.be version/v1alpha1 field/^.spec.useTenantLanguages may not be a boolean",
}


def main():
    checker = ROOT / "tests/judges/crd-schema-checker"
    # As the control plane is compiled, so that what both need is compiled once. Go keeps the program in a cache of its own.
    go = ["go", "run", "-C", checker, "-mod=readonly", "-trimpath", "."]
    definitions = sorted((CHART / "files/crds").glob("*.yaml"))
    found = run(*go, *definitions, env=os.environ | {"CGO_ENABLED": "0"})
    judged("definitions", set(found.splitlines()), WAIVERS)


main()
