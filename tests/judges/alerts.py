"""The alerts before promtool: as a file, and with series that should and should not raise them."""

import shutil
import sys
import tempfile
from pathlib import Path

from tools import CHART, ROOT, judged, run


def main():
    promtool = Path(run(sys.executable, ROOT / "tests/judges/debian.py", "prometheus").strip(), "promtool")
    alerts, cases = CHART / "files/alerts.yaml", ROOT / "tests/judges/alerts_test.yaml"
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", alerts)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(alerts, folder)
        shutil.copy(cases, folder)
        run(promtool, "test", "rules", Path(folder, cases.name))
    # Each has a case in which it fires.
    known = {line.split()[-1] for line in alerts.read_text().splitlines() if "- alert:" in line}
    raised = cases.read_text().split("alertname: ")[1:]
    fired = {text.split()[0] for text in raised if text.split("\n", 2)[1].strip() == "exp_alerts:"}
    judged("alerts without a case that raises them", known - fired, set())


main()
