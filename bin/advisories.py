"""What pip-audit found (JSON on standard input), in words. Exit status 1 for an advisory."""

import json
import sys

try:
    packages = json.load(sys.stdin)["dependencies"]
except (ValueError, KeyError):
    packages = []
asked = [each for each in packages if "vulns" in each]
found = [(each, one) for each in asked for one in each["vulns"]]
for package, one in found:
    mended = ", ".join(one.get("fix_versions", [])) or "no version yet"
    print(f"Advisory {one['id']}: {package['name']} {package['version']}. Fixed in {mended}.")
if not asked:
    print("Advisories: not looked up. Nobody answers here who knows them.")
else:
    print(f"Advisories: {len(asked)} of {len(packages)} packages looked up, {len(found)} found.")
sys.exit(1 if found else 0)
