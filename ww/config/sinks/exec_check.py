"""Generated from exec.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "644d980575aad0eb79797db3bfe23219"
KIND = "20220615-4-little"
STATES = {
    '^[^=\\u0000]+(?=\\n?\\Z)': (32, [14, 4, 0, 1, 4294967295, 6, 0, 24, 12, 1, 4294967295, 13, 7, 21, 16, 61, 16, 0, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
}

PATTERNS = Patterns(STATES if pattern_kind() == KIND else {})


def validate(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['command']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'command' in data_keys:
            data_keys.remove('command')
            data__command = data['command']
            validate___definitions_s0(data__command)
        if 'env' in data_keys:
            data_keys.remove('env')
            data__env = data['env']
            validate___definitions_s2(data__env)
        if 'cwd' in data_keys:
            data_keys.remove('cwd')
            data__cwd = data['cwd']
            validate___definitions_s1(data__cwd)
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
    return data

def validate___definitions_s2(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        for data_key in data_keys:
            if data_key not in []:
                data_value = data.get(data_key)
                validate___definitions_s4(data_value)
        data_len = len(data)
        if data_len != 0:
            data_property_names = True
            for data_key in data:
                try:
                    validate___definitions_s3(data_key)
                except (Refused, Refused):
                    data_property_names = False
            if not data_property_names:
                raise Refused
    return data

def validate___definitions_s3(data):
    if is_reference(data):
        return
    if isinstance(data, str):
        if not PATTERNS['^[^=\\u0000]+(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s4(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    return data

def validate___definitions_s0(data):
    if is_reference(data):
        return
    if not isinstance(data, (list, tuple)):
        raise Refused
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 1:
            raise Refused
        for data_x, data_item in enumerate(data):
            validate___definitions_s1(data_item)
    return data
