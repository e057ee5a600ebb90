"""Generated from settings.schema.json by scripts/settings-check; do not edit."""
# mypy: ignore-errors

from ww.clib import pattern_kind
from ww.config.checking import Patterns, Refused, is_reference

MADE_FROM = "b41a27eaa611705a9f085157f5d03740"
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
            validate___definitions_s4(data__log)
        if 'hooks' in data_keys:
            data_keys.remove('hooks')
            data__hooks = data['hooks']
            validate___definitions_s7(data__hooks)
        if 'kill_grace_s' in data_keys:
            data_keys.remove('kill_grace_s')
            data__killgraces = data['kill_grace_s']
            validate___definitions_s10(data__killgraces)
        if 'monitor' in data_keys:
            data_keys.remove('monitor')
            data__monitor = data['monitor']
            validate___definitions_s56(data__monitor)
        if 'restart' in data_keys:
            data_keys.remove('restart')
            data__restart = data['restart']
            validate___definitions_s61(data__restart)
        if 'stop' in data_keys:
            data_keys.remove('stop')
            data__stop = data['stop']
            validate___definitions_s69(data__stop)
        if 'data' in data_keys:
            data_keys.remove('data')
            data__data = data['data']
            validate___definitions_s72(data__data)
        if 'svcup' in data_keys:
            data_keys.remove('svcup')
            data__svcup = data['svcup']
            validate___definitions_s75(data__svcup)
        if 'journal' in data_keys:
            data_keys.remove('journal')
            data__journal = data['journal']
            validate___definitions_s78(data__journal)
        if 'termination_log' in data_keys:
            data_keys.remove('termination_log')
            data__terminationlog = data['termination_log']
            validate___definitions_s3(data__terminationlog)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s3(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
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
        if 'max_bytes' in data_keys:
            data_keys.remove('max_bytes')
            data__maxbytes = data['max_bytes']
            validate___definitions_s79(data__maxbytes)
        if 'reserve_bytes' in data_keys:
            data_keys.remove('reserve_bytes')
            data__reservebytes = data['reserve_bytes']
            validate___definitions_s80(data__reservebytes)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s80(data):
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

def validate___definitions_s79(data):
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

def validate___definitions_s75(data):
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
            validate___definitions_s76(data__pidfiles)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s76(data):
    if is_reference(data):
        return
    if not isinstance(data, (list, tuple)):
        raise Refused
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        for data_x, data_item in enumerate(data):
            validate___definitions_s77(data_item)
    return data

def validate___definitions_s77(data):
    if is_reference(data):
        return
    if not isinstance(data, str):
        raise Refused
    if isinstance(data, str):
        data_len = len(data)
        if data_len < 1:
            raise Refused
    return data

def validate___definitions_s72(data):
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
            validate___definitions_s62(data__shared)
        if 'lock_wait_s' in data_keys:
            data_keys.remove('lock_wait_s')
            data__lockwaits = data['lock_wait_s']
            validate___definitions_s10(data__lockwaits)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s62(data):
    if is_reference(data):
        return
    if not isinstance(data, bool):
        raise Refused
    return data

def validate___definitions_s69(data):
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
            validate___definitions_s70(data__budgets)
        if 'drain_s' in data_keys:
            data_keys.remove('drain_s')
            data__drains = data['drain_s']
            validate___definitions_s10(data__drains)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s70(data):
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

def validate___definitions_s61(data):
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
            validate___definitions_s62(data__warmup)
        if 'backoff_s' in data_keys:
            data_keys.remove('backoff_s')
            data__backoffs = data['backoff_s']
            validate___definitions_s10(data__backoffs)
        if 'backoff_max_s' in data_keys:
            data_keys.remove('backoff_max_s')
            data__backoffmaxs = data['backoff_max_s']
            validate___definitions_s10(data__backoffmaxs)
        if 'jitter' in data_keys:
            data_keys.remove('jitter')
            data__jitter = data['jitter']
            validate___definitions_s65(data__jitter)
        if 'reset_after_s' in data_keys:
            data_keys.remove('reset_after_s')
            data__resetafters = data['reset_after_s']
            validate___definitions_s10(data__resetafters)
        if 'window_s' in data_keys:
            data_keys.remove('window_s')
            data__windows = data['window_s']
            validate___definitions_s10(data__windows)
        if 'limit' in data_keys:
            data_keys.remove('limit')
            data__limit = data['limit']
            validate___definitions_s68(data__limit)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s68(data):
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

def validate___definitions_s65(data):
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

def validate___definitions_s56(data):
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
            validate___definitions_s57(data__intervals)
        if 'failure_threshold' in data_keys:
            data_keys.remove('failure_threshold')
            data__failurethreshold = data['failure_threshold']
            validate___definitions_s58(data__failurethreshold)
        if 'success_threshold' in data_keys:
            data_keys.remove('success_threshold')
            data__successthreshold = data['success_threshold']
            validate___definitions_s58(data__successthreshold)
        if 'grace_s' in data_keys:
            data_keys.remove('grace_s')
            data__graces = data['grace_s']
            validate___definitions_s10(data__graces)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s58(data):
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

def validate___definitions_s57(data):
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

def validate___definitions_s10(data):
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

def validate___definitions_s7(data):
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
            validate___definitions_s8(data__boot)
        if 'firstboot' in data_keys:
            data_keys.remove('firstboot')
            data__firstboot = data['firstboot']
            validate___definitions_s8(data__firstboot)
        if 'upgrade' in data_keys:
            data_keys.remove('upgrade')
            data__upgrade = data['upgrade']
            validate___definitions_s8(data__upgrade)
        if 'svcup' in data_keys:
            data_keys.remove('svcup')
            data__svcup = data['svcup']
            validate___definitions_s8(data__svcup)
        if 'warmup' in data_keys:
            data_keys.remove('warmup')
            data__warmup = data['warmup']
            validate___definitions_s8(data__warmup)
        if 'monitor' in data_keys:
            data_keys.remove('monitor')
            data__monitor = data['monitor']
            validate___definitions_s8(data__monitor)
        if 'svcdown' in data_keys:
            data_keys.remove('svcdown')
            data__svcdown = data['svcdown']
            validate___definitions_s8(data__svcdown)
        if 'lifecycle' in data_keys:
            data_keys.remove('lifecycle')
            data__lifecycle = data['lifecycle']
            validate___definitions_s8(data__lifecycle)
        if 'pushstats' in data_keys:
            data_keys.remove('pushstats')
            data__pushstats = data['pushstats']
            validate___definitions_s8(data__pushstats)
        if 'backup' in data_keys:
            data_keys.remove('backup')
            data__backup = data['backup']
            validate___definitions_s8(data__backup)
        if 'restore' in data_keys:
            data_keys.remove('restore')
            data__restore = data['restore']
            validate___definitions_s8(data__restore)
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
        if 'timeout_s' in data_keys:
            data_keys.remove('timeout_s')
            data__timeouts = data['timeout_s']
            validate___definitions_s9(data__timeouts)
        if 'retries' in data_keys:
            data_keys.remove('retries')
            data__retries = data['retries']
            validate___definitions_s11(data__retries)
        if 'retry_delay_s' in data_keys:
            data_keys.remove('retry_delay_s')
            data__retrydelays = data['retry_delay_s']
            validate___definitions_s9(data__retrydelays)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s11(data):
    if is_reference(data):
        return
    validate___definitions_s12(data)
    return data

def validate___definitions_s12(data):
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

def validate___definitions_s9(data):
    if is_reference(data):
        return
    validate___definitions_s10(data)
    return data

def validate___definitions_s4(data):
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
            validate___definitions_s5(data__format)
        if 'level' in data_keys:
            data_keys.remove('level')
            data__level = data['level']
            validate___definitions_s6(data__level)
        if data_keys:
            raise Refused
    return data

def validate___definitions_s6(data):
    if is_reference(data):
        return
    if not (isinstance(data, str) and data == 'info' or (isinstance(data, str) and data == 'debug')):
        raise Refused
    return data

def validate___definitions_s5(data):
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
        data_keys = set(data.keys())
        for data_key in data_keys:
            if data_key not in []:
                data_value = data.get(data_key)
                validate___definitions_s3(data_value)
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
