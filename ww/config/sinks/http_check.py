"""Generated from http.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "b2dc55566fd1c4fcca436e359c0f2f02"
KIND = "20220615-4-little"
STATES = {
    '^/': (32, [14, 4, 0, 1, 1, 6, 0, 16, 47, 1], 0, {}),
    '^https?://[^ ]+(?=\\n?\\Z)': (32, [14, 4, 0, 8, 4294967295, 6, 0, 16, 104, 16, 116, 16, 116, 16, 112, 24, 6, 0, 1, 16, 115, 1, 16, 58, 16, 47, 16, 47, 24, 6, 1, 4294967295, 20, 32, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
}

PATTERNS = Patterns(STATES if pattern_kind() == KIND else {})


def validate(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    validate___definitions_s29(data)
    validate___definitions_s32(data)
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'url' in data_keys:
            data_keys.remove('url')
            data__url = data['url']
            validate___definitions_s0(data__url)
        if 'secret_url' in data_keys:
            data_keys.remove('secret_url')
            data__secreturl = data['secret_url']
            validate___definitions_s1(data__secreturl)
        if 'mode' in data_keys:
            data_keys.remove('mode')
            data__mode = data['mode']
            validate___definitions_s2(data__mode)
        if 'method' in data_keys:
            data_keys.remove('method')
            data__method = data['method']
            validate___definitions_s3(data__method)
        if 'template' in data_keys:
            data_keys.remove('template')
            data__template = data['template']
            validate___definitions_s4(data__template)
        if 'headers' in data_keys:
            data_keys.remove('headers')
            data__headers = data['headers']
            validate___definitions_s7(data__headers)
        if 'secret_headers' in data_keys:
            data_keys.remove('secret_headers')
            data__secretheaders = data['secret_headers']
            validate___definitions_s7(data__secretheaders)
        if 'bearer' in data_keys:
            data_keys.remove('bearer')
            data__bearer = data['bearer']
            validate___definitions_s1(data__bearer)
        if 'basic' in data_keys:
            data_keys.remove('basic')
            data__basic = data['basic']
            validate___definitions_s14(data__basic)
        if 'hmac_key' in data_keys:
            data_keys.remove('hmac_key')
            data__hmackey = data['hmac_key']
            validate___definitions_s1(data__hmackey)
        if 'gzip' in data_keys:
            data_keys.remove('gzip')
            data__gzip = data['gzip']
            validate___definitions_s18(data__gzip)
        if 'tls' in data_keys:
            data_keys.remove('tls')
            data__tls = data['tls']
            validate___definitions_s19(data__tls)
        if 'proxy' in data_keys:
            data_keys.remove('proxy')
            data__proxy = data['proxy']
            validate___definitions_s1(data__proxy)
        if 'environment_proxies' in data_keys:
            data_keys.remove('environment_proxies')
            data__environmentproxies = data['environment_proxies']
            validate___definitions_s18(data__environmentproxies)
        if 'max_answer_bytes' in data_keys:
            data_keys.remove('max_answer_bytes')
            data__maxanswerbytes = data['max_answer_bytes']
            validate___definitions_s28(data__maxanswerbytes)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s28(data):
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

def validate___definitions_s19(data):
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
            validate___definitions_s20(data__cafile)
        if 'cert_file' in data_keys:
            data_keys.remove('cert_file')
            data__certfile = data['cert_file']
            validate___definitions_s20(data__certfile)
        if 'key_file' in data_keys:
            data_keys.remove('key_file')
            data__keyfile = data['key_file']
            validate___definitions_s20(data__keyfile)
        if 'min_version' in data_keys:
            data_keys.remove('min_version')
            data__minversion = data['min_version']
            validate___definitions_s23(data__minversion)
        if 'server_name' in data_keys:
            data_keys.remove('server_name')
            data__servername = data['server_name']
            validate___definitions_s1(data__servername)
        if 'verify' in data_keys:
            data_keys.remove('verify')
            data__verify = data['verify']
            validate___definitions_s18(data__verify)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s23(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == '1.2' or (isinstance(data, str) and data == '1.3')):
        raise Refused
    return data

def validate___definitions_s20(data):
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

def validate___definitions_s18(data):
    if is_reference(data):
        return
    if not isinstance(data, bool):
        raise Refused
    return data

def validate___definitions_s14(data):
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
            validate___definitions_s1(data__user)
        if 'password' in data_keys:
            data_keys.remove('password')
            data__password = data['password']
            validate___definitions_s8(data__password)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s8(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    return data

def validate___definitions_s7(data):
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
                validate___definitions_s8(data_value)
    return data

def validate___definitions_s4(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['body']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'body' in data_keys:
            data_keys.remove('body')
            data__body = data['body']
            validate___definitions_s5(data__body)
        if 'content_type' in data_keys:
            data_keys.remove('content_type')
            data__contenttype = data['content_type']
            validate___definitions_s1(data__contenttype)
        if 'headers' in data_keys:
            data_keys.remove('headers')
            data__headers = data['headers']
            validate___definitions_s7(data__headers)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s5(data):
    if is_reference(data):
        return
    return data

def validate___definitions_s3(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'POST' or (isinstance(data, str) and data == 'PUT') or (isinstance(data, str) and data == 'PATCH')):
        raise Refused
    return data

def validate___definitions_s2(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'batch' or (isinstance(data, str) and data == 'structured') or (isinstance(data, str) and data == 'binary') or (isinstance(data, str) and data == 'template')):
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

def validate___definitions_s0(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^https?://[^ ]+(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s32(data):
    if is_reference(data):
        return
    try:
        validate___definitions_s33(data)
    except (Refused, Refused):
        pass
    else:
        validate___definitions_s35(data)
    return data

def validate___definitions_s35(data):
    if is_reference(data):
        return
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['template']) - data.keys()
        if data__missing_keys:
            raise Refused
    return data

def validate___definitions_s33(data):
    if is_reference(data):
        return
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['mode']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'mode' in data_keys:
            data_keys.remove('mode')
            data__mode = data['mode']
            validate___definitions_s34(data__mode)
    return data

def validate___definitions_s34(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'template'):
        raise Refused
    return data

def validate___definitions_s29(data):
    if is_reference(data):
        return
    data_one_of_count1 = 0
    if data_one_of_count1 < 2:
        try:
            validate___definitions_s30(data)
            data_one_of_count1 += 1
        except (Refused, Refused):
            pass
    if data_one_of_count1 < 2:
        try:
            validate___definitions_s31(data)
            data_one_of_count1 += 1
        except (Refused, Refused):
            pass
    if data_one_of_count1 != 1:
        raise Refused
    return data

def validate___definitions_s31(data):
    if is_reference(data):
        return
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['secret_url']) - data.keys()
        if data__missing_keys:
            raise Refused
    return data

def validate___definitions_s30(data):
    if is_reference(data):
        return
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['url']) - data.keys()
        if data__missing_keys:
            raise Refused
    return data
