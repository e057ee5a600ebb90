"""What a monitor may print: health, or text; nothing that it prints is an error of ww."""

from __future__ import annotations

import pytest

from ww.clib import BadJson, json_dumps, json_loads
from ww.instance.masking import TOO_DEEP, mask_value
from ww.instance.watch import read_health
from ww.supervise import child

ODD = {
    "a number too large for a float": '{"a":1e999}',
    "a number with too many digits": '{"a":' + "9" * 5000 + "}",
    "half a character": '{"a":"\\ud800"}',
    "half a character in a key": '{"\\udfff":1}',
    "not a number": '{"a":NaN}',
    "infinity": '{"a":-Infinity}',
    "nested 985 deep": '{"a":' * 985 + "1" + "}" * 985,
    "nested 33 deep": '{"a":' * 33 + "1" + "}" * 33,
    "nested 33 deep, and empty": '{"a":' * 32 + "[]" + "}" * 32,
    "nested beyond any recursion": '{"a":' + "[" * 200_000,
}


@pytest.mark.rule("D-hook-harmless")
@pytest.mark.parametrize("what", ODD)
def test_odd_output_of_a_monitor_is_kept_as_text(what: str) -> None:
    health, complaint = read_health([ODD[what]])
    assert health == {"output": ODD[what][:4096]}
    assert "kept as text" in complaint


@pytest.mark.rule("D-hook-harmless")
@pytest.mark.parametrize("letter", ["x", "é", "\x01", "\U0001f600"])
def test_health_that_an_event_could_not_hold_is_kept_as_text(letter: str) -> None:
    text = json_dumps({"a": letter * (49152 // len(letter.encode()))})
    for outputs in ([text], [text[: len(text) // 2] + '"}', '{"b":"' + text[len(text) // 2 :]]):
        health, complaint = read_health(outputs)
        assert health == {"output": health["output"]}
        assert len(str(health["output"])) <= 4096
        assert "48 KiB" in complaint
    short = {"a": "x" * 49000}
    assert read_health([json_dumps(short)]) == (short, "")


@pytest.mark.rule("WW-21", "D-probe-monitor-numbers")
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"a":[],"n":9007199254740993,"m":-0.1,"k":123456789012345678901234567890}',
        '{"a":' * 32 + "1" + "}" * 32,
        '{"a":1.5e300,"b":"\\ud83d\\ude00"}',
    ],
)
def test_any_other_object_is_health_as_it_is(text: str) -> None:
    assert read_health([text]) == (json_loads(text), "")


def test_half_a_character_in_text_that_is_no_json_can_still_be_passed_on() -> None:
    health, _ = read_health(["\udcff"])
    assert json_dumps(health).encode() == b'{"output":"?"}'


@pytest.mark.parametrize(
    ("text", "words"), [("[1e999]", "too large"), ("[-1e999]", "too large"), ("9" * 5000, "too many digits")]
)
def test_numbers_that_python_cannot_hold_are_bad_json(text: str, words: str) -> None:
    with pytest.raises(BadJson, match=words):
        json_loads(text)


@pytest.mark.rule("D-secret-masked")
def test_masking_goes_down_only_so_far() -> None:
    def nest(levels: int) -> object:
        value: object = "secret"
        for _ in range(levels):
            value = [value]
        return value

    def mask(text: str) -> str:
        return text.replace("secret", "***")

    assert "secret" not in str(mask_value(nest(10_000), mask))
    assert TOO_DEEP in str(mask_value(nest(65), mask))
    assert "***" in str(mask_value(nest(64), mask))


@pytest.mark.rule("D-spawn-outcomes")
@pytest.mark.parametrize(("argument", "value"), [("\ud800", ""), ("", "\ud800")])
def test_what_cannot_be_encoded_is_refused(argument: str, value: str) -> None:
    outcome = child.spawn(child.Command(("/bin/true", argument), {"X": value}))
    assert isinstance(outcome, child.Refused)
    assert "cannot be passed on" in outcome.words()
