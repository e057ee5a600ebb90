"""Generated from etcd.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "11dd7b3bf88d993a296abaf6497d91a4"
KIND = "20220615-4-little"
STATES = {
    '^/': (32, [14, 4, 0, 1, 1, 6, 0, 16, 47, 1], 0, {}),
    '^/[^\\u0000-\\u0020]*(?=\\n?\\Z)': (32, [14, 4, 0, 1, 4294967295, 6, 0, 16, 47, 24, 11, 0, 4294967295, 13, 6, 21, 22, 0, 32, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
    '^https?://[^/@?#]+(?=\\n?\\Z)': (32, [14, 4, 0, 8, 4294967295, 6, 0, 16, 104, 16, 116, 16, 116, 16, 112, 24, 6, 0, 1, 16, 115, 1, 16, 58, 16, 47, 16, 47, 24, 17, 1, 4294967295, 13, 12, 21, 9, 0, 2147516424, 1, 0, 0, 0, 0, 0, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
}

PATTERNS = Patterns(STATES if pattern_kind() == KIND else {})


def validate(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['endpoints']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'endpoints' in data_keys:
            data_keys.remove('endpoints')
            data__endpoints = data['endpoints']
            validate___definitions_s0(data__endpoints)
        if 'prefix' in data_keys:
            data_keys.remove('prefix')
            data__prefix = data['prefix']
            validate___definitions_s2(data__prefix)
        if 'ttl_s' in data_keys:
            data_keys.remove('ttl_s')
            data__ttls = data['ttl_s']
            validate___definitions_s3(data__ttls)
        if 'last' in data_keys:
            data_keys.remove('last')
            data__last = data['last']
            validate___definitions_s4(data__last)
        if 'ring' in data_keys:
            data_keys.remove('ring')
            data__ring = data['ring']
            validate___definitions_s5(data__ring)
        if 'user' in data_keys:
            data_keys.remove('user')
            data__user = data['user']
            validate___definitions_s6(data__user)
        if 'password' in data_keys:
            data_keys.remove('password')
            data__password = data['password']
            validate___definitions_s7(data__password)
        if 'ca_file' in data_keys:
            data_keys.remove('ca_file')
            data__cafile = data['ca_file']
            validate___definitions_s8(data__cafile)
        if 'cert_file' in data_keys:
            data_keys.remove('cert_file')
            data__certfile = data['cert_file']
            validate___definitions_s8(data__certfile)
        if 'key_file' in data_keys:
            data_keys.remove('key_file')
            data__keyfile = data['key_file']
            validate___definitions_s8(data__keyfile)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s8(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^/'].search(data):
            raise Refused
    return data

def validate___definitions_s7(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    return data

def validate___definitions_s6(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
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
        if data > 10000:
            raise Refused
    return data

def validate___definitions_s4(data):
    if is_reference(data):
        return
    if not isinstance(data, bool):
        raise Refused
    return data

def validate___definitions_s3(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 2:
            raise Refused
        if data > 86400:
            raise Refused
    return data

def validate___definitions_s2(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^/[^\\u0000-\\u0020]*(?=\\n?\\Z)'].search(data):
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
        if data_len > 16:
            raise Refused
        for data_x, data_item in enumerate(data):
            validate___definitions_s1(data_item)
    return data

def validate___definitions_s1(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^https?://[^/@?#]+(?=\\n?\\Z)'].search(data):
            raise Refused
    return data
