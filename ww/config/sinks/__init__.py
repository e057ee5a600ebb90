"""The settings that each built-in sink adds to the delivery options: TYPE.json, and the code generated from it, TYPE_check.py."""
