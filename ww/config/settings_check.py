"""Generated from settings.schema.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "475e336233313f49c8be0858455f8944"
KIND = "20220615-4-little"
STATES = {
    '^(SIG)?(RTM(IN|AX)([+-][0-9]+)?|[A-Z][A-Z0-9]{0,9})(?=\\n?\\Z)': (32, [14, 4, 0, 1, 4294967295, 6, 0, 23, 13, 0, 1, 17, 0, 16, 83, 16, 73, 16, 71, 17, 1, 18, 17, 2, 7, 56, 16, 82, 16, 84, 16, 77, 17, 4, 7, 7, 16, 73, 16, 78, 15, 9, 7, 16, 65, 16, 88, 15, 2, 0, 17, 5, 23, 25, 0, 1, 17, 6, 13, 6, 16, 43, 16, 45, 0, 24, 10, 1, 4294967295, 13, 5, 22, 48, 57, 0, 1, 17, 7, 18, 15, 25, 23, 13, 5, 22, 65, 90, 0, 24, 13, 0, 9, 13, 8, 22, 65, 90, 22, 48, 57, 0, 1, 15, 2, 0, 17, 3, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 4, {}),
    '^(stop|restart|reload|hook|forward|ignore|rewrite:(SIG)?[A-Z0-9+]+)(?=\\n?\\Z)': (32, [14, 4, 0, 4, 4294967295, 6, 0, 17, 0, 7, 11, 16, 115, 16, 116, 16, 111, 16, 112, 15, 128, 17, 16, 114, 16, 101, 16, 115, 16, 116, 16, 97, 16, 114, 16, 116, 15, 111, 15, 16, 114, 16, 101, 16, 108, 16, 111, 16, 97, 16, 100, 15, 96, 11, 16, 104, 16, 111, 16, 111, 16, 107, 15, 85, 17, 16, 102, 16, 111, 16, 114, 16, 119, 16, 97, 16, 114, 16, 100, 15, 68, 15, 16, 105, 16, 103, 16, 110, 16, 111, 16, 114, 16, 101, 15, 53, 51, 16, 114, 16, 101, 16, 119, 16, 114, 16, 105, 16, 116, 16, 101, 16, 58, 23, 13, 0, 1, 17, 2, 16, 83, 16, 73, 16, 71, 17, 3, 18, 24, 16, 1, 4294967295, 13, 11, 9, 0, 67045376, 134217726, 0, 0, 0, 0, 0, 0, 1, 15, 2, 0, 17, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 2, {}),
    '^(unix:/.+|.+:[0-9]+)(?=\\n?\\Z)': (32, [14, 4, 0, 3, 4294967295, 6, 0, 17, 0, 7, 21, 16, 117, 16, 110, 16, 105, 16, 120, 16, 58, 16, 47, 24, 5, 1, 4294967295, 2, 1, 15, 24, 22, 24, 5, 1, 4294967295, 2, 1, 16, 58, 24, 10, 1, 4294967295, 13, 5, 22, 48, 57, 0, 1, 15, 2, 0, 17, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 1, {}),
    '^0?[0-7]{3}(?=\\n?\\Z)': (32, [14, 4, 0, 3, 4, 6, 0, 24, 6, 0, 1, 16, 48, 1, 24, 10, 3, 3, 13, 5, 22, 48, 55, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
    '^[0-9A-Za-z.:_-]{1,253}(?=\\n?\\Z)': (32, [14, 4, 0, 1, 253, 6, 0, 24, 16, 1, 253, 13, 11, 9, 0, 134176768, 2281701374, 134217726, 0, 0, 0, 0, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
    '^[^=\\u0000]+(?=\\n?\\Z)': (32, [14, 4, 0, 1, 4294967295, 6, 0, 24, 12, 1, 4294967295, 13, 7, 21, 16, 61, 16, 0, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
    '^[^\\u0000]*(?=\\n?\\Z)': (32, [14, 4, 0, 0, 4294967295, 6, 0, 24, 6, 0, 4294967295, 20, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
    '^[a-z0-9][a-z0-9._-]{0,63}(?=\\n?\\Z)': (32, [14, 4, 0, 1, 64, 6, 0, 13, 8, 22, 97, 122, 22, 48, 57, 0, 24, 16, 0, 63, 13, 11, 9, 0, 67067904, 2147483648, 134217726, 0, 0, 0, 0, 0, 1, 4, 12, 0, 24, 6, 0, 1, 16, 10, 1, 6, 7, 1, 1], 0, {}),
    '^https?://': (32, [14, 4, 0, 7, 8, 6, 0, 16, 104, 16, 116, 16, 116, 16, 112, 24, 6, 0, 1, 16, 115, 1, 16, 58, 16, 47, 16, 47, 1], 0, {}),
}

PATTERNS = Patterns(STATES if pattern_kind() == KIND else {})


def validate(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'service' in data_keys:
            data_keys.remove('service')
            data__service = data['service']
            validate___definitions_s0(data__service)
        if 'instance' in data_keys:
            data_keys.remove('instance')
            data__instance = data['instance']
            validate___definitions_s1(data__instance)
        if 'labels' in data_keys:
            data_keys.remove('labels')
            data__labels = data['labels']
            validate___definitions_s2(data__labels)
        if 'log' in data_keys:
            data_keys.remove('log')
            data__log = data['log']
            validate___definitions_s5(data__log)
        if 'hooks' in data_keys:
            data_keys.remove('hooks')
            data__hooks = data['hooks']
            validate___definitions_s8(data__hooks)
        if 'kill_grace_s' in data_keys:
            data_keys.remove('kill_grace_s')
            data__killgraces = data['kill_grace_s']
            validate___definitions_s11(data__killgraces)
        if 'monitor' in data_keys:
            data_keys.remove('monitor')
            data__monitor = data['monitor']
            validate___definitions_s65(data__monitor)
        if 'restart' in data_keys:
            data_keys.remove('restart')
            data__restart = data['restart']
            validate___definitions_s70(data__restart)
        if 'stop' in data_keys:
            data_keys.remove('stop')
            data__stop = data['stop']
            validate___definitions_s78(data__stop)
        if 'data' in data_keys:
            data_keys.remove('data')
            data__data = data['data']
            validate___definitions_s81(data__data)
        if 'svcup' in data_keys:
            data_keys.remove('svcup')
            data__svcup = data['svcup']
            validate___definitions_s84(data__svcup)
        if 'journal' in data_keys:
            data_keys.remove('journal')
            data__journal = data['journal']
            validate___definitions_s87(data__journal)
        if 'reporter' in data_keys:
            data_keys.remove('reporter')
            data__reporter = data['reporter']
            validate___definitions_s91(data__reporter)
        if 'probes' in data_keys:
            data_keys.remove('probes')
            data__probes = data['probes']
            validate___definitions_s95(data__probes)
        if 'termination_log' in data_keys:
            data_keys.remove('termination_log')
            data__terminationlog = data['termination_log']
            validate___definitions_s100(data__terminationlog)
        if 'services' in data_keys:
            data_keys.remove('services')
            data__services = data['services']
            validate___definitions_s105(data__services)
        if 'signals' in data_keys:
            data_keys.remove('signals')
            data__signals = data['signals']
            validate___definitions_s155(data__signals)
        if 'sinks' in data_keys:
            data_keys.remove('sinks')
            data__sinks = data['sinks']
            validate___definitions_s158(data__sinks)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s158(data):
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
                validate___definitions_s160(data_value)
        data_len = len(data)
        if data_len != 0:
            data_property_names = True
            for data_key in data:
                try:
                    validate___definitions_s106(data_key)
                except (Refused, Refused):
                    data_property_names = False
            if not data_property_names:
                raise Refused
    return data

def validate___definitions_s106(data):
    if is_reference(data):
        return
    if isinstance(data, str):
        if not PATTERNS['^[a-z0-9][a-z0-9._-]{0,63}(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s160(data):
    if is_reference(data):
        return
    validate___definitions_s161(data)
    return data

def validate___definitions_s161(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['type']) - data.keys()
        if data__missing_keys:
            raise Refused
        data_keys = set(data.keys())
        if 'type' in data_keys:
            data_keys.remove('type')
            data__type = data['type']
            validate___definitions_s162(data__type)
        if 'enabled' in data_keys:
            data_keys.remove('enabled')
            data__enabled = data['enabled']
            validate___definitions_s71(data__enabled)
        if 'required' in data_keys:
            data_keys.remove('required')
            data__required = data['required']
            validate___definitions_s71(data__required)
        if 'kinds' in data_keys:
            data_keys.remove('kinds')
            data__kinds = data['kinds']
            validate___definitions_s165(data__kinds)
        if 'batch' in data_keys:
            data_keys.remove('batch')
            data__batch = data['batch']
            validate___definitions_s167(data__batch)
        if 'timeout_s' in data_keys:
            data_keys.remove('timeout_s')
            data__timeouts = data['timeout_s']
            validate___definitions_s171(data__timeouts)
        if 'retry' in data_keys:
            data_keys.remove('retry')
            data__retry = data['retry']
            validate___definitions_s172(data__retry)
        if 'breaker' in data_keys:
            data_keys.remove('breaker')
            data__breaker = data['breaker']
            validate___definitions_s175(data__breaker)
        if 'max_bytes_per_s' in data_keys:
            data_keys.remove('max_bytes_per_s')
            data__maxbytespers = data['max_bytes_per_s']
            validate___definitions_s178(data__maxbytespers)
        if 'dead_letter' in data_keys:
            data_keys.remove('dead_letter')
            data__deadletter = data['dead_letter']
            validate___definitions_s179(data__deadletter)
    return data

def validate___definitions_s179(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'max_bytes' in data_keys:
            data_keys.remove('max_bytes')
            data__maxbytes = data['max_bytes']
            validate___definitions_s180(data__maxbytes)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s180(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 1099511627776:
            raise Refused
    return data

def validate___definitions_s178(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 1000000000000:
            raise Refused
    return data

def validate___definitions_s175(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'failures' in data_keys:
            data_keys.remove('failures')
            data__failures = data['failures']
            validate___definitions_s176(data__failures)
        if 'open_s' in data_keys:
            data_keys.remove('open_s')
            data__opens = data['open_s']
            validate___definitions_s177(data__opens)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s177(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 86400:
            raise Refused
    return data

def validate___definitions_s176(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1:
            raise Refused
        if data > 1000000:
            raise Refused
    return data

def validate___definitions_s172(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'first_s' in data_keys:
            data_keys.remove('first_s')
            data__firsts = data['first_s']
            validate___definitions_s138(data__firsts)
        if 'max_s' in data_keys:
            data_keys.remove('max_s')
            data__maxs = data['max_s']
            validate___definitions_s174(data__maxs)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s174(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0.01:
            raise Refused
        if data > 86400:
            raise Refused
    return data

def validate___definitions_s138(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0.01:
            raise Refused
        if data > 3600:
            raise Refused
    return data

def validate___definitions_s171(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0.1:
            raise Refused
        if data > 600:
            raise Refused
    return data

def validate___definitions_s167(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'max_events' in data_keys:
            data_keys.remove('max_events')
            data__maxevents = data['max_events']
            validate___definitions_s168(data__maxevents)
        if 'max_bytes' in data_keys:
            data_keys.remove('max_bytes')
            data__maxbytes = data['max_bytes']
            validate___definitions_s169(data__maxbytes)
        if 'wait_s' in data_keys:
            data_keys.remove('wait_s')
            data__waits = data['wait_s']
            validate___definitions_s170(data__waits)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s170(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 60:
            raise Refused
    return data

def validate___definitions_s169(data):
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

def validate___definitions_s168(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1:
            raise Refused
        if data > 10000:
            raise Refused
    return data

def validate___definitions_s165(data):
    if is_reference(data):
        return
    if not isinstance(data, (list, tuple)):
        raise Refused
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 1:
            raise Refused

        def fn(var):
            return frozenset(dict(((k, fn(v)) for k, v in var.items())).items()) if hasattr(var, 'items') else tuple((fn(v) for v in var)) if isinstance(var, (dict, list)) else (bool, var) if isinstance(var, bool) else var
        if data_len > len(set((fn(data_x) for data_x in data))):
            raise Refused
        for data_x, data_item in enumerate(data):
            validate___definitions_s166(data_item)
    return data

def validate___definitions_s166(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if not (isinstance(data, str) and data == 'state' or (isinstance(data, str) and data == 'health') or (isinstance(data, str) and data == 'gap') or (isinstance(data, str) and data == 'notice')):
        raise Refused
    return data

def validate___definitions_s71(data):
    if is_reference(data):
        return
    if not isinstance(data, bool):
        raise Refused
    return data

def validate___definitions_s162(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^[a-z0-9][a-z0-9._-]{0,63}(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s155(data):
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
                validate___definitions_s157(data_value)
        data_len = len(data)
        if data_len != 0:
            data_property_names = True
            for data_key in data:
                try:
                    validate___definitions_s156(data_key)
                except (Refused, Refused):
                    data_property_names = False
            if not data_property_names:
                raise Refused
    return data

def validate___definitions_s156(data):
    if is_reference(data):
        return
    if isinstance(data, str):
        if not PATTERNS['^(SIG)?(RTM(IN|AX)([+-][0-9]+)?|[A-Z][A-Z0-9]{0,9})(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s157(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^(stop|restart|reload|hook|forward|ignore|rewrite:(SIG)?[A-Z0-9+]+)(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s105(data):
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
                validate___definitions_s107(data_value)
        data_len = len(data)
        if data_len != 0:
            data_property_names = True
            for data_key in data:
                try:
                    validate___definitions_s106(data_key)
                except (Refused, Refused):
                    data_property_names = False
            if not data_property_names:
                raise Refused
    return data

def validate___definitions_s107(data):
    if is_reference(data):
        return
    validate___definitions_s108(data)
    return data

def validate___definitions_s108(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'enabled' in data_keys:
            data_keys.remove('enabled')
            data__enabled = data['enabled']
            validate___definitions_s71(data__enabled)
        if 'type' in data_keys:
            data_keys.remove('type')
            data__type = data['type']
            validate___definitions_s110(data__type)
        if 'command' in data_keys:
            data_keys.remove('command')
            data__command = data['command']
            validate___definitions_s111(data__command)
        if 'env' in data_keys:
            data_keys.remove('env')
            data__env = data['env']
            validate___definitions_s113(data__env)
        if 'user' in data_keys:
            data_keys.remove('user')
            data__user = data['user']
            validate___definitions_s116(data__user)
        if 'cwd' in data_keys:
            data_keys.remove('cwd')
            data__cwd = data['cwd']
            validate___definitions_s86(data__cwd)
        if 'umask' in data_keys:
            data_keys.remove('umask')
            data__umask = data['umask']
            validate___definitions_s118(data__umask)
        if 'limits' in data_keys:
            data_keys.remove('limits')
            data__limits = data['limits']
            validate___definitions_s119(data__limits)
        if 'after' in data_keys:
            data_keys.remove('after')
            data__after = data['after']
            validate___definitions_s128(data__after)
        if 'readiness' in data_keys:
            data_keys.remove('readiness')
            data__readiness = data['readiness']
            validate___definitions_s130(data__readiness)
        if 'stop' in data_keys:
            data_keys.remove('stop')
            data__stop = data['stop']
            validate___definitions_s140(data__stop)
        if 'restart' in data_keys:
            data_keys.remove('restart')
            data__restart = data['restart']
            validate___definitions_s144(data__restart)
        if 'essential' in data_keys:
            data_keys.remove('essential')
            data__essential = data['essential']
            validate___definitions_s71(data__essential)
        if 'success_codes' in data_keys:
            data_keys.remove('success_codes')
            data__successcodes = data['success_codes']
            validate___definitions_s146(data__successcodes)
        if 'backoff_s' in data_keys:
            data_keys.remove('backoff_s')
            data__backoffs = data['backoff_s']
            validate___definitions_s148(data__backoffs)
        if 'limit' in data_keys:
            data_keys.remove('limit')
            data__limit = data['limit']
            validate___definitions_s149(data__limit)
        if 'watchdog_s' in data_keys:
            data_keys.remove('watchdog_s')
            data__watchdogs = data['watchdog_s']
            validate___definitions_s11(data__watchdogs)
        if 'reload' in data_keys:
            data_keys.remove('reload')
            data__reload = data['reload']
            validate___definitions_s151(data__reload)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s151(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'keys' in data_keys:
            data_keys.remove('keys')
            data__keys = data['keys']
            validate___definitions_s85(data__keys)
        if 'signal' in data_keys:
            data_keys.remove('signal')
            data__signal = data['signal']
            validate___definitions_s116(data__signal)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s85(data):
    if is_reference(data):
        return
    if not isinstance(data, (list, tuple)):
        raise Refused
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        for data_x, data_item in enumerate(data):
            validate___definitions_s86(data_item)
    return data

def validate___definitions_s149(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, type(None))) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 100000:
            raise Refused
    return data

def validate___definitions_s148(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float, type(None))) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 31536000:
            raise Refused
    return data

def validate___definitions_s146(data):
    if is_reference(data):
        return
    if not isinstance(data, (list, tuple)):
        raise Refused
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        for data_x, data_item in enumerate(data):
            validate___definitions_s147(data_item)
    return data

def validate___definitions_s147(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 255:
            raise Refused
    return data

def validate___definitions_s144(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'always' or (isinstance(data, str) and data == 'on-failure') or (isinstance(data, str) and data == 'never') or (data is None)):
        raise Refused
    return data

def validate___definitions_s140(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'signal' in data_keys:
            data_keys.remove('signal')
            data__signal = data['signal']
            validate___definitions_s86(data__signal)
        if 'timeout_s' in data_keys:
            data_keys.remove('timeout_s')
            data__timeouts = data['timeout_s']
            validate___definitions_s11(data__timeouts)
        if 'to' in data_keys:
            data_keys.remove('to')
            data__to = data['to']
            validate___definitions_s143(data__to)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s143(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'group' or (isinstance(data, str) and data == 'process')):
        raise Refused
    return data

def validate___definitions_s130(data):
    if is_reference(data):
        return
    if not isinstance(data, (dict, type(None))):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'http' in data_keys:
            data_keys.remove('http')
            data__http = data['http']
            validate___definitions_s131(data__http)
        if 'tcp' in data_keys:
            data_keys.remove('tcp')
            data__tcp = data['tcp']
            validate___definitions_s132(data__tcp)
        if 'command' in data_keys:
            data_keys.remove('command')
            data__command = data['command']
            validate___definitions_s133(data__command)
        if 'file' in data_keys:
            data_keys.remove('file')
            data__file = data['file']
            validate___definitions_s86(data__file)
        if 'notify' in data_keys:
            data_keys.remove('notify')
            data__notify = data['notify']
            validate___definitions_s136(data__notify)
        if 'delay_s' in data_keys:
            data_keys.remove('delay_s')
            data__delays = data['delay_s']
            validate___definitions_s11(data__delays)
        if 'interval_s' in data_keys:
            data_keys.remove('interval_s')
            data__intervals = data['interval_s']
            validate___definitions_s138(data__intervals)
        if 'timeout_s' in data_keys:
            data_keys.remove('timeout_s')
            data__timeouts = data['timeout_s']
            validate___definitions_s11(data__timeouts)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s136(data):
    if is_reference(data):
        return
    if not (isinstance(data, bool) and data is True):
        raise Refused
    return data

def validate___definitions_s133(data):
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
            validate___definitions_s100(data_item)
    return data

def validate___definitions_s132(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^(unix:/.+|.+:[0-9]+)(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s131(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^https?://'].search(data):
            raise Refused
    return data

def validate___definitions_s128(data):
    if is_reference(data):
        return
    if not isinstance(data, (list, tuple)):
        raise Refused
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        for data_x, data_item in enumerate(data):
            validate___definitions_s100(data_item)
    return data

def validate___definitions_s119(data):
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
                validate___definitions_s121(data_value)
        data_len = len(data)
        if data_len != 0:
            data_property_names = True
            for data_key in data:
                try:
                    validate___definitions_s120(data_key)
                except (Refused, Refused):
                    data_property_names = False
            if not data_property_names:
                raise Refused
    return data

def validate___definitions_s120(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'as' or (isinstance(data, str) and data == 'core') or (isinstance(data, str) and data == 'cpu') or (isinstance(data, str) and data == 'data') or (isinstance(data, str) and data == 'fsize') or (isinstance(data, str) and data == 'locks') or (isinstance(data, str) and data == 'memlock') or (isinstance(data, str) and data == 'msgqueue') or (isinstance(data, str) and data == 'nice') or (isinstance(data, str) and data == 'nofile') or (isinstance(data, str) and data == 'nproc') or (isinstance(data, str) and data == 'rss') or (isinstance(data, str) and data == 'rtprio') or (isinstance(data, str) and data == 'rttime') or (isinstance(data, str) and data == 'sigpending') or (isinstance(data, str) and data == 'stack')):
        raise Refused
    return data

def validate___definitions_s121(data):
    if is_reference(data):
        return
    data_one_of_count1 = 0
    if data_one_of_count1 < 2:
        try:
            validate___definitions_s122(data)
            data_one_of_count1 += 1
        except (Refused, Refused):
            pass
    if data_one_of_count1 < 2:
        try:
            validate___definitions_s123(data)
            data_one_of_count1 += 1
        except (Refused, Refused):
            pass
    if data_one_of_count1 < 2:
        try:
            validate___definitions_s124(data)
            data_one_of_count1 += 1
        except (Refused, Refused):
            pass
    if data_one_of_count1 != 1:
        raise Refused
    return data

def validate___definitions_s124(data):
    if is_reference(data):
        return
    if not isinstance(data, (list, tuple)):
        raise Refused
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 2:
            raise Refused
        if data_len > 2:
            raise Refused
        for data_x, data_item in enumerate(data):
            validate___definitions_s125(data_item)
    return data

def validate___definitions_s125(data):
    if is_reference(data):
        return
    data_one_of_count2 = 0
    if data_one_of_count2 < 2:
        try:
            validate___definitions_s122(data)
            data_one_of_count2 += 1
        except (Refused, Refused):
            pass
    if data_one_of_count2 < 2:
        try:
            validate___definitions_s123(data)
            data_one_of_count2 += 1
        except (Refused, Refused):
            pass
    if data_one_of_count2 != 1:
        raise Refused
    return data

def validate___definitions_s123(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'unlimited'):
        raise Refused
    return data

def validate___definitions_s122(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
    return data

def validate___definitions_s118(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^0?[0-7]{3}(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s86(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
    return data

def validate___definitions_s116(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
    return data

def validate___definitions_s113(data):
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
                validate___definitions_s115(data_value)
        data_len = len(data)
        if data_len != 0:
            data_property_names = True
            for data_key in data:
                try:
                    validate___definitions_s114(data_key)
                except (Refused, Refused):
                    data_property_names = False
            if not data_property_names:
                raise Refused
    return data

def validate___definitions_s114(data):
    if is_reference(data):
        return
    if isinstance(data, str):
        if not PATTERNS['^[^=\\u0000]+(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s115(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    return data

def validate___definitions_s111(data):
    if is_reference(data):
        return
    if not isinstance(data, (list, tuple, type(None))):
        raise Refused
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 1:
            raise Refused
        for data_x, data_item in enumerate(data):
            validate___definitions_s100(data_item)
    return data

def validate___definitions_s110(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'service' or (isinstance(data, str) and data == 'oneshot')):
        raise Refused
    return data

def validate___definitions_s100(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    return data

def validate___definitions_s95(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'http' in data_keys:
            data_keys.remove('http')
            data__http = data['http']
            validate___definitions_s96(data__http)
        if 'file' in data_keys:
            data_keys.remove('file')
            data__file = data['file']
            validate___definitions_s103(data__file)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s103(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
        if not PATTERNS['^[^\\u0000]*(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s96(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'host' in data_keys:
            data_keys.remove('host')
            data__host = data['host']
            validate___definitions_s97(data__host)
        if 'port' in data_keys:
            data_keys.remove('port')
            data__port = data['port']
            validate___definitions_s98(data__port)
        if 'token' in data_keys:
            data_keys.remove('token')
            data__token = data['token']
            validate___definitions_s99(data__token)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s99(data):
    if is_reference(data):
        return
    if not isinstance(data, (dict, type(None))):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_len = len(data)
        if data_len < 1:
            raise Refused
        if data_len > 1:
            raise Refused
        data_keys = set(data.keys())
        if '$secret' in data_keys:
            data_keys.remove('$secret')
            data__secret = data['$secret']
            validate___definitions_s100(data__secret)
        if '$file' in data_keys:
            data_keys.remove('$file')
            data__file = data['$file']
            validate___definitions_s100(data__file)
        if '$env' in data_keys:
            data_keys.remove('$env')
            data__env = data['$env']
            validate___definitions_s100(data__env)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s98(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, type(None))) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1:
            raise Refused
        if data > 65535:
            raise Refused
    return data

def validate___definitions_s97(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        if not PATTERNS['^[0-9A-Za-z.:_-]{1,253}(?=\\n?\\Z)'].search(data):
            raise Refused
    return data

def validate___definitions_s91(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'memory_bytes' in data_keys:
            data_keys.remove('memory_bytes')
            data__memorybytes = data['memory_bytes']
            validate___definitions_s92(data__memorybytes)
        if 'flush_s' in data_keys:
            data_keys.remove('flush_s')
            data__flushs = data['flush_s']
            validate___definitions_s93(data__flushs)
        if 'required_timeout_s' in data_keys:
            data_keys.remove('required_timeout_s')
            data__requiredtimeouts = data['required_timeout_s']
            validate___definitions_s66(data__requiredtimeouts)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s66(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0.1:
            raise Refused
        if data > 31536000:
            raise Refused
    return data

def validate___definitions_s93(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 3600:
            raise Refused
    return data

def validate___definitions_s92(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 67108864:
            raise Refused
        if data > 1099511627776:
            raise Refused
    return data

def validate___definitions_s87(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'max_bytes' in data_keys:
            data_keys.remove('max_bytes')
            data__maxbytes = data['max_bytes']
            validate___definitions_s88(data__maxbytes)
        if 'max_age_s' in data_keys:
            data_keys.remove('max_age_s')
            data__maxages = data['max_age_s']
            validate___definitions_s89(data__maxages)
        if 'reserve_bytes' in data_keys:
            data_keys.remove('reserve_bytes')
            data__reservebytes = data['reserve_bytes']
            validate___definitions_s90(data__reservebytes)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s90(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 1073741824:
            raise Refused
    return data

def validate___definitions_s89(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data > 3153600000:
            raise Refused
        if data <= 0:
            raise Refused
    return data

def validate___definitions_s88(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1048576:
            raise Refused
        if data > 1099511627776:
            raise Refused
    return data

def validate___definitions_s84(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'pidfiles' in data_keys:
            data_keys.remove('pidfiles')
            data__pidfiles = data['pidfiles']
            validate___definitions_s85(data__pidfiles)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s81(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'shared' in data_keys:
            data_keys.remove('shared')
            data__shared = data['shared']
            validate___definitions_s71(data__shared)
        if 'lock_wait_s' in data_keys:
            data_keys.remove('lock_wait_s')
            data__lockwaits = data['lock_wait_s']
            validate___definitions_s11(data__lockwaits)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s78(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'budget_s' in data_keys:
            data_keys.remove('budget_s')
            data__budgets = data['budget_s']
            validate___definitions_s79(data__budgets)
        if 'drain_s' in data_keys:
            data_keys.remove('drain_s')
            data__drains = data['drain_s']
            validate___definitions_s11(data__drains)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s79(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1:
            raise Refused
        if data > 31536000:
            raise Refused
    return data

def validate___definitions_s70(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'warmup' in data_keys:
            data_keys.remove('warmup')
            data__warmup = data['warmup']
            validate___definitions_s71(data__warmup)
        if 'backoff_s' in data_keys:
            data_keys.remove('backoff_s')
            data__backoffs = data['backoff_s']
            validate___definitions_s11(data__backoffs)
        if 'backoff_max_s' in data_keys:
            data_keys.remove('backoff_max_s')
            data__backoffmaxs = data['backoff_max_s']
            validate___definitions_s11(data__backoffmaxs)
        if 'jitter' in data_keys:
            data_keys.remove('jitter')
            data__jitter = data['jitter']
            validate___definitions_s74(data__jitter)
        if 'reset_after_s' in data_keys:
            data_keys.remove('reset_after_s')
            data__resetafters = data['reset_after_s']
            validate___definitions_s11(data__resetafters)
        if 'window_s' in data_keys:
            data_keys.remove('window_s')
            data__windows = data['window_s']
            validate___definitions_s11(data__windows)
        if 'limit' in data_keys:
            data_keys.remove('limit')
            data__limit = data['limit']
            validate___definitions_s77(data__limit)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s77(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 100000:
            raise Refused
    return data

def validate___definitions_s74(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 1:
            raise Refused
    return data

def validate___definitions_s65(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'interval_s' in data_keys:
            data_keys.remove('interval_s')
            data__intervals = data['interval_s']
            validate___definitions_s66(data__intervals)
        if 'failure_threshold' in data_keys:
            data_keys.remove('failure_threshold')
            data__failurethreshold = data['failure_threshold']
            validate___definitions_s67(data__failurethreshold)
        if 'success_threshold' in data_keys:
            data_keys.remove('success_threshold')
            data__successthreshold = data['success_threshold']
            validate___definitions_s67(data__successthreshold)
        if 'grace_s' in data_keys:
            data_keys.remove('grace_s')
            data__graces = data['grace_s']
            validate___definitions_s11(data__graces)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s67(data):
    if is_reference(data):
        return
    if not isinstance(data, int) and (not (isinstance(data, float) and data.is_integer())) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 1:
            raise Refused
        if data > 1000:
            raise Refused
    return data

def validate___definitions_s11(data):
    if is_reference(data):
        return
    if not isinstance(data, (int, float, float)) or isinstance(data, bool):
        raise Refused
    if isinstance(data, (int, float, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise Refused
        if data > 31536000:
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
        if 'boot' in data_keys:
            data_keys.remove('boot')
            data__boot = data['boot']
            validate___definitions_s9(data__boot)
        if 'firstboot' in data_keys:
            data_keys.remove('firstboot')
            data__firstboot = data['firstboot']
            validate___definitions_s9(data__firstboot)
        if 'upgrade' in data_keys:
            data_keys.remove('upgrade')
            data__upgrade = data['upgrade']
            validate___definitions_s9(data__upgrade)
        if 'svcup' in data_keys:
            data_keys.remove('svcup')
            data__svcup = data['svcup']
            validate___definitions_s9(data__svcup)
        if 'warmup' in data_keys:
            data_keys.remove('warmup')
            data__warmup = data['warmup']
            validate___definitions_s9(data__warmup)
        if 'monitor' in data_keys:
            data_keys.remove('monitor')
            data__monitor = data['monitor']
            validate___definitions_s9(data__monitor)
        if 'svcdown' in data_keys:
            data_keys.remove('svcdown')
            data__svcdown = data['svcdown']
            validate___definitions_s9(data__svcdown)
        if 'lifecycle' in data_keys:
            data_keys.remove('lifecycle')
            data__lifecycle = data['lifecycle']
            validate___definitions_s9(data__lifecycle)
        if 'pushstats' in data_keys:
            data_keys.remove('pushstats')
            data__pushstats = data['pushstats']
            validate___definitions_s9(data__pushstats)
        if 'backup' in data_keys:
            data_keys.remove('backup')
            data__backup = data['backup']
            validate___definitions_s9(data__backup)
        if 'restore' in data_keys:
            data_keys.remove('restore')
            data__restore = data['restore']
            validate___definitions_s9(data__restore)
        if 'reload' in data_keys:
            data_keys.remove('reload')
            data__reload = data['reload']
            validate___definitions_s9(data__reload)
        if 'signal' in data_keys:
            data_keys.remove('signal')
            data__signal = data['signal']
            validate___definitions_s9(data__signal)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s9(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'timeout_s' in data_keys:
            data_keys.remove('timeout_s')
            data__timeouts = data['timeout_s']
            validate___definitions_s10(data__timeouts)
        if 'retries' in data_keys:
            data_keys.remove('retries')
            data__retries = data['retries']
            validate___definitions_s12(data__retries)
        if 'retry_delay_s' in data_keys:
            data_keys.remove('retry_delay_s')
            data__retrydelays = data['retry_delay_s']
            validate___definitions_s10(data__retrydelays)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s12(data):
    if is_reference(data):
        return
    validate___definitions_s13(data)
    return data

def validate___definitions_s13(data):
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

def validate___definitions_s10(data):
    if is_reference(data):
        return
    validate___definitions_s11(data)
    return data

def validate___definitions_s5(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'format' in data_keys:
            data_keys.remove('format')
            data__format = data['format']
            validate___definitions_s6(data__format)
        if 'level' in data_keys:
            data_keys.remove('level')
            data__level = data['level']
            validate___definitions_s7(data__level)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s7(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'info' or (isinstance(data, str) and data == 'debug') or (isinstance(data, str) and data == 'warning') or (data is None)):
        raise Refused
    return data

def validate___definitions_s6(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'plain' or (isinstance(data, str) and data == 'json')):
        raise Refused
    return data

def validate___definitions_s2(data):
    if is_reference(data):
        return
    if not isinstance(data, dict):
        raise Refused
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_len = len(data)
        if data_len > 64:
            raise Refused
        data_keys = set(data.keys())
        for data_key in data_keys:
            if data_key not in []:
                data_value = data.get(data_key)
                validate___definitions_s4(data_value)
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
        data_len = len(data)
        if data_len > 128:
            raise Refused
    return data

def validate___definitions_s4(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len > 256:
            raise Refused
    return data

def validate___definitions_s1(data):
    if is_reference(data):
        return
    if not isinstance(data, (str, type(None))):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
        if data_len > 200:
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
        if data_len > 200:
            raise Refused
    return data
