"""Generated from postgres.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "bb883ae0d59acf67c0ea79f7c1e2b60f"
KIND = "20220615-4-little"
STATES = {
}

PATTERNS = Patterns(STATES if pattern_kind() == KIND else {})


def validate(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['host', 'database', 'user']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'host' in data_keys:
            data_keys.remove('host')
            data__host = data['host']
            validate___definitions_s0(data__host)
        if 'port' in data_keys:
            data_keys.remove('port')
            data__port = data['port']
            validate___definitions_s1(data__port)
        if 'database' in data_keys:
            data_keys.remove('database')
            data__database = data['database']
            validate___definitions_s0(data__database)
        if 'user' in data_keys:
            data_keys.remove('user')
            data__user = data['user']
            validate___definitions_s0(data__user)
        if 'password' in data_keys:
            data_keys.remove('password')
            data__password = data['password']
            validate___definitions_s4(data__password)
        if 'schema' in data_keys:
            data_keys.remove('schema')
            data__schema = data['schema']
            validate___definitions_s5(data__schema)
        if 'table' in data_keys:
            data_keys.remove('table')
            data__table = data['table']
            validate___definitions_s5(data__table)
        if 'create' in data_keys:
            data_keys.remove('create')
            data__create = data['create']
            validate___definitions_s7(data__create)
        if 'tls' in data_keys:
            data_keys.remove('tls')
            data__tls = data['tls']
            validate___definitions_s8(data__tls)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s8(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'mode' in data_keys:
            data_keys.remove('mode')
            data__mode = data['mode']
            validate___definitions_s9(data__mode)
        if 'ca_file' in data_keys:
            data_keys.remove('ca_file')
            data__cafile = data['ca_file']
            validate___definitions_s10(data__cafile)
        if 'certificate_file' in data_keys:
            data_keys.remove('certificate_file')
            data__certificatefile = data['certificate_file']
            validate___definitions_s10(data__certificatefile)
        if 'key_file' in data_keys:
            data_keys.remove('key_file')
            data__keyfile = data['key_file']
            validate___definitions_s10(data__keyfile)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s10(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    return data

def validate___definitions_s9(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if not (isinstance(data, str) and data == 'disable' or (isinstance(data, str) and data == 'prefer') or (isinstance(data, str) and data == 'require') or (isinstance(data, str) and data == 'verify-ca') or (isinstance(data, str) and data == 'verify-full')):
        raise Refused
    return data

def validate___definitions_s7(data):
    if is_reference(data):
        return
    if not isinstance(data, bool):
        raise Refused
    return data

def validate___definitions_s5(data):
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

def validate___definitions_s4(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    return data

def validate___definitions_s1(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1:
            raise Refused
        if data > 65535:
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
    return data
