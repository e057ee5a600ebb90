"""Generated from file.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "d453e3d6c862d3ef4e5d2c48a2ba7fe2"
KIND = "20220615-4-little"
STATES = {
    '(^|/)[.][.](?=\\n?\\Z)': (32, [14, 4, 0, 2, 3, 17, 0, 7, 5, 6, 0, 15, 7, 5, 16, 47, 15, 2, 0, 17, 1, 16, 46, 16, 46, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 1, {}),
    '(^|/)[.][.]/': (32, [14, 4, 0, 3, 4, 17, 0, 7, 5, 6, 0, 15, 7, 5, 16, 47, 15, 2, 0, 17, 1, 16, 46, 16, 46, 16, 47, 1], 1, {}),
    '^0?[0-7]{3}(?=\\n?\\Z)': (32, [14, 4, 0, 3, 4, 6, 0, 24, 6, 0, 1, 16, 48, 1, 24, 10, 3, 3, 13, 5, 22, 48, 55, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
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
        if 'max_bytes' in data_keys:
            data_keys.remove('max_bytes')
            data__maxbytes = data['max_bytes']
            validate___definitions_s4(data__maxbytes)
        if 'keep' in data_keys:
            data_keys.remove('keep')
            data__keep = data['keep']
            validate___definitions_s5(data__keep)
        if 'fsync' in data_keys:
            data_keys.remove('fsync')
            data__fsync = data['fsync']
            validate___definitions_s6(data__fsync)
        if 'mode' in data_keys:
            data_keys.remove('mode')
            data__mode = data['mode']
            validate___definitions_s7(data__mode)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s7(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^0?[0-7]{3}(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s6(data):
    if is_reference(data):
        return
    if not isinstance(data, bool):
        raise Refused
    return data

def validate___definitions_s5(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 1000:
            raise Refused
    return data

def validate___definitions_s4(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 4096:
            raise Refused
        if data > 1099511627776:
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
