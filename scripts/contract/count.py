"""Prints how many cases a schemathesis report counts."""

import json
import sys

print(json.load(open(sys.argv[1]))["test_cases"]["generated"])
