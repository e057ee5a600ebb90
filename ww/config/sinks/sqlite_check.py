"""Generated from sqlite.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "dc8b73318ed4da562514a520c330ff80"
KIND = "20220615-4-little"
STATES = {
    '^[^\\u0000]+(?=\\n?\\Z)': (32, [14, 4, 0, 1, 4294967295, 6, 0, 24, 6, 1, 4294967295, 20, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
}

PATTERNS = Patterns(STATES if pattern_kind() == KIND else {})


def validate(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['path']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'path' in data_keys:
            data_keys.remove('path')
            data__path = data['path']
            validate___definitions_s0(data__path)
        if 'table' in data_keys:
            data_keys.remove('table')
            data__table = data['table']
            validate___definitions_s1(data__table)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s1(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
        if data_len > 40:
            raise Refused
    return data

def validate___definitions_s0(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
        if not PATTERNS['^[^\\u0000]+(?=\\n?\\Z)'].search(data):
            raise Refused
    return data
