"""Generated from elasticsearch.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "4cef9a624ed65e2a1ced7ba2d36e6cf0"
KIND = "20220615-4-little"
STATES = {
    '^/': (32, [14, 4, 0, 1, 1, 6, 0, 16, 47, 1], 0, {}),
    '^[^/?# ]+(?=\\n?\\Z)': (32, [14, 4, 0, 1, 4294967295, 6, 0, 24, 17, 1, 4294967295, 13, 12, 21, 9, 0, 2147516425, 0, 0, 0, 0, 0, 0, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
    '^[a-z0-9][a-z0-9_.-]{0,199}(?=\\n?\\Z)': (32, [14, 4, 0, 1, 200, 6, 0, 13, 8, 22, 97, 122, 22, 48, 57, 0, 24, 16, 0, 199, 13, 11, 9, 0, 67067904, 2147483648, 134217726, 0, 0, 0, 0, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
    '^https?://[^ ]+(?=\\n?\\Z)': (32, [14, 4, 0, 8, 4294967295, 6, 0, 16, 104, 16, 116, 16, 116, 16, 112, 24, 6, 0, 1, 16, 115, 1, 16, 58, 16, 47, 16, 47, 24, 6, 1, 4294967295, 20, 32, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
}

PATTERNS = Patterns(STATES if pattern_kind() == KIND else {})


def validate(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['urls']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'urls' in data_keys:
            data_keys.remove('urls')
            data__urls = data['urls']
            validate___definitions_s0(data__urls)
        if 'index' in data_keys:
            data_keys.remove('index')
            data__index = data['index']
            validate___definitions_s2(data__index)
        if 'rotate' in data_keys:
            data_keys.remove('rotate')
            data__rotate = data['rotate']
            validate___definitions_s3(data__rotate)
        if 'template' in data_keys:
            data_keys.remove('template')
            data__template = data['template']
            validate___definitions_s4(data__template)
        if 'pipeline' in data_keys:
            data_keys.remove('pipeline')
            data__pipeline = data['pipeline']
            validate___definitions_s5(data__pipeline)
        if 'max_request_bytes' in data_keys:
            data_keys.remove('max_request_bytes')
            data__maxrequestbytes = data['max_request_bytes']
            validate___definitions_s6(data__maxrequestbytes)
        if 'api_key' in data_keys:
            data_keys.remove('api_key')
            data__apikey = data['api_key']
            validate___definitions_s7(data__apikey)
        if 'basic' in data_keys:
            data_keys.remove('basic')
            data__basic = data['basic']
            validate___definitions_s8(data__basic)
        if 'bearer' in data_keys:
            data_keys.remove('bearer')
            data__bearer = data['bearer']
            validate___definitions_s7(data__bearer)
        if 'headers' in data_keys:
            data_keys.remove('headers')
            data__headers = data['headers']
            validate___definitions_s12(data__headers)
        if 'secret_headers' in data_keys:
            data_keys.remove('secret_headers')
            data__secretheaders = data['secret_headers']
            validate___definitions_s12(data__secretheaders)
        if 'gzip' in data_keys:
            data_keys.remove('gzip')
            data__gzip = data['gzip']
            validate___definitions_s4(data__gzip)
        if 'tls' in data_keys:
            data_keys.remove('tls')
            data__tls = data['tls']
            validate___definitions_s17(data__tls)
        if 'proxy' in data_keys:
            data_keys.remove('proxy')
            data__proxy = data['proxy']
            validate___definitions_s7(data__proxy)
        if 'environment_proxies' in data_keys:
            data_keys.remove('environment_proxies')
            data__environmentproxies = data['environment_proxies']
            validate___definitions_s4(data__environmentproxies)
        if 'max_answer_bytes' in data_keys:
            data_keys.remove('max_answer_bytes')
            data__maxanswerbytes = data['max_answer_bytes']
            validate___definitions_s26(data__maxanswerbytes)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s26(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1024:
            raise Refused
        if data > 67108864:
            raise Refused
    return data

def validate___definitions_s17(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'ca_file' in data_keys:
            data_keys.remove('ca_file')
            data__cafile = data['ca_file']
            validate___definitions_s18(data__cafile)
        if 'cert_file' in data_keys:
            data_keys.remove('cert_file')
            data__certfile = data['cert_file']
            validate___definitions_s18(data__certfile)
        if 'key_file' in data_keys:
            data_keys.remove('key_file')
            data__keyfile = data['key_file']
            validate___definitions_s18(data__keyfile)
        if 'min_version' in data_keys:
            data_keys.remove('min_version')
            data__minversion = data['min_version']
            validate___definitions_s21(data__minversion)
        if 'server_name' in data_keys:
            data_keys.remove('server_name')
            data__servername = data['server_name']
            validate___definitions_s7(data__servername)
        if 'verify' in data_keys:
            data_keys.remove('verify')
            data__verify = data['verify']
            validate___definitions_s4(data__verify)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s21(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == '1.2' or (isinstance(data, str) and data == '1.3')):
        raise Refused
    return data

def validate___definitions_s18(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
        if not PATTERNS['^/'].search(data):
            raise Refused
    return data

def validate___definitions_s12(data):
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
                validate___definitions_s10(data_value)
    return data

def validate___definitions_s10(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    return data

def validate___definitions_s8(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['user', 'password']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'user' in data_keys:
            data_keys.remove('user')
            data__user = data['user']
            validate___definitions_s7(data__user)
        if 'password' in data_keys:
            data_keys.remove('password')
            data__password = data['password']
            validate___definitions_s10(data__password)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s7(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
    return data

def validate___definitions_s6(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 65536:
            raise Refused
        if data > 104857600:
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
        if not PATTERNS['^[^/?# ]+(?=\\n?\\Z)'].search(data):
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
    if not (isinstance(data, str) and data == 'data_stream' or (isinstance(data, str) and data == 'none') or (isinstance(data, str) and data == 'year') or (isinstance(data, str) and data == 'month') or (isinstance(data, str) and data == 'day')):
        raise Refused
    return data

def validate___definitions_s2(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^[a-z0-9][a-z0-9_.-]{0,199}(?=\\n?\\Z)'].search(data):
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
        if data_len > 32:
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
        if not PATTERNS['^https?://[^ ]+(?=\\n?\\Z)'].search(data):
            raise Refused
    return data
