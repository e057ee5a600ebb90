"""Generated from zookeeper.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "369f5a2eadb5a79552947b9342fa754e"
KIND = "20220615-4-little"
STATES = {
    '^(/[^/\\u0000-\\u0020]+)+(?=\\n?\\Z)': (32, [14, 4, 0, 2, 4294967295, 6, 0, 23, 23, 1, 4294967295, 17, 0, 16, 47, 24, 13, 1, 4294967295, 13, 8, 21, 16, 47, 22, 0, 32, 0, 1, 17, 1, 18, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 1, {}),
    '^/': (32, [14, 4, 0, 1, 1, 6, 0, 16, 47, 1], 0, {}),
    '^[^/@,\\s]+:[0-9]{1,5}(?=\\n?\\Z)': (32, [14, 4, 0, 3, 4294967295, 6, 0, 24, 19, 1, 4294967295, 13, 14, 21, 9, 0, 36864, 1, 0, 0, 0, 0, 0, 8, 12, 0, 1, 16, 58, 24, 10, 1, 5, 13, 5, 22, 48, 57, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
}

PATTERNS = Patterns(STATES if pattern_kind() == KIND else {})


def validate(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['hosts']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'hosts' in data_keys:
            data_keys.remove('hosts')
            data__hosts = data['hosts']
            validate___definitions_s0(data__hosts)
        if 'chroot' in data_keys:
            data_keys.remove('chroot')
            data__chroot = data['chroot']
            validate___definitions_s2(data__chroot)
        if 'prefix' in data_keys:
            data_keys.remove('prefix')
            data__prefix = data['prefix']
            validate___definitions_s3(data__prefix)
        if 'session_s' in data_keys:
            data_keys.remove('session_s')
            data__sessions = data['session_s']
            validate___definitions_s4(data__sessions)
        if 'user' in data_keys:
            data_keys.remove('user')
            data__user = data['user']
            validate___definitions_s5(data__user)
        if 'password' in data_keys:
            data_keys.remove('password')
            data__password = data['password']
            validate___definitions_s6(data__password)
        if 'readers' in data_keys:
            data_keys.remove('readers')
            data__readers = data['readers']
            validate___definitions_s7(data__readers)
        if 'tls' in data_keys:
            data_keys.remove('tls')
            data__tls = data['tls']
            validate___definitions_s8(data__tls)
        if 'ca_file' in data_keys:
            data_keys.remove('ca_file')
            data__cafile = data['ca_file']
            validate___definitions_s9(data__cafile)
        if 'cert_file' in data_keys:
            data_keys.remove('cert_file')
            data__certfile = data['cert_file']
            validate___definitions_s9(data__certfile)
        if 'key_file' in data_keys:
            data_keys.remove('key_file')
            data__keyfile = data['key_file']
            validate___definitions_s9(data__keyfile)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s9(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^/'].search(data):
            raise Refused
    return data

def validate___definitions_s8(data):
    if is_reference(data):
        return
    if not isinstance(data, bool):
        raise Refused
    return data

def validate___definitions_s7(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'anyone' or (isinstance(data, str) and data == 'owner')):
        raise Refused
    return data

def validate___definitions_s6(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    return data

def validate___definitions_s5(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
    return data

def validate___definitions_s4(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1:
            raise Refused
        if data > 3600:
            raise Refused
    return data

def validate___definitions_s3(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^(/[^/\\u0000-\\u0020]+)+(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s2(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^(/[^/\\u0000-\\u0020]+)+(?=\\n?\\Z)'].search(data):
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
        if not PATTERNS['^[^/@,\\s]+:[0-9]{1,5}(?=\\n?\\Z)'].search(data):
            raise Refused
    return data
