"""Generated from sqlite.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "239c5a7770f3dfbd4ffd7cd2ce712437"
KIND = "20220615-4-little"
STATES = {
    '(^|/)[.][.](?=\\n?\\Z)': (32, [14, 4, 0, 2, 3, 17, 0, 7, 5, 6, 0, 15, 7, 5, 16, 47, 15, 2, 0, 17, 1, 16, 46, 16, 46, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 1, {}),
    '(^|/)[.][.]/': (32, [14, 4, 0, 3, 4, 17, 0, 7, 5, 6, 0, 15, 7, 5, 16, 47, 15, 2, 0, 17, 1, 16, 46, 16, 46, 16, 47, 1], 1, {}),
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
            validate___definitions_s4(data__table)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s4(data):
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
    try:
        validate___definitions_s1(data)
    except (Refused, Refused):
        pass
    else:
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
        if not PATTERNS['^[^\\u0000]+(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s1(data):
    if is_reference(data):
        return
    data_any_of_count1 = 0
    if not data_any_of_count1:
        try:
            validate___definitions_s2(data)
            data_any_of_count1 += 1
        except (Refused, Refused):
            pass
    if not data_any_of_count1:
        try:
            validate___definitions_s3(data)
            data_any_of_count1 += 1
        except (Refused, Refused):
            pass
    if not data_any_of_count1:
        raise Refused
    return data

def validate___definitions_s3(data):
    if is_reference(data):
        return
    if isinstance(data, str):
        if not PATTERNS['(^|/)[.][.](?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s2(data):
    if is_reference(data):
        return
    if isinstance(data, str):
        if not PATTERNS['(^|/)[.][.]/'].search(data):
            raise Refused
    return data
