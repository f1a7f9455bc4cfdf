//! How deeply JSON is nested, told without parsing it.

use std::sync::LazyLock;

/// The name under which `serde_json` passes its `RawValue` through serde.
pub(super) const RAW_JSON: &str = "$serde_json::private::RawValue";

/// Whether `serde_json::Value` reads the text under [`RAW_JSON`] as JSON of its own, with a limit of depth of its own. It does where anything in
/// the application turns on the feature `raw_value` of `serde_json`, as axum's feature `json` does.
static READS_ANEW: LazyLock<bool> = LazyLock::new(|| {
    let value = serde_json::from_str::<serde_json::Value>(r#"{"$serde_json::private::RawValue":"0"}"#);
    value.is_ok_and(|value| value.is_number())
});

/// How deeply `serde_json` reads at a time. No text that is shorter can be made into something that is nested more deeply.
const READ_AT_A_TIME: usize = 127;

/// Whether arrays and objects stand in one another more than `max` times somewhere in this text, if it is JSON, or would do so when
/// `serde_json` has made values of it: that is taken to be so wherever a key [is read anew](is_read_anew).
///
/// Whatever it says of other text, the parser refuses that anyway. Text too short, or with too few brackets, is not looked
/// at more closely, so that nearly all messages cost nothing, or two passes of `memchr`.
pub(crate) fn is_nested_deeper(text: &str, max: usize) -> bool {
    has_deeper_brackets(text, max) || has_key_read_anew(text)
}

/// Whether a text under this key would be read as JSON, at a depth that nobody has looked at. Nobody sends one in good faith.
pub(crate) fn is_read_anew(key: &str) -> bool {
    key == RAW_JSON && *READS_ANEW
}

fn has_deeper_brackets(text: &str, max: usize) -> bool {
    if text.len() <= max
        || memchr::memchr2_iter(b'[', b'{', text.as_bytes())
            .nth(max)
            .is_none()
    {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in behind_namespace(text).bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn has_key_read_anew(text: &str) -> bool {
    text.len() > READ_AT_A_TIME && *READS_ANEW && may_spell_raw_json(text) && has_key(behind_namespace(text))
}

/// Whether the key stands in this text, or something that escapes one of its characters, as nobody does who has no reason to.
fn may_spell_raw_json(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr2_iter(b'$', b'\\', bytes).any(|at| match bytes[at] {
        b'$' => bytes[at..].starts_with(RAW_JSON.as_bytes()),
        _ => matches!(bytes[at + 1..], [b'u', b'0', b'0', b'2'..=b'7', ..]),
    })
}

/// Whether an object in this JSON has the key, however that is spelled.
fn has_key(json: &str) -> bool {
    let mut rest = json;
    while let Some(start) = memchr::memchr(b'"', rest.as_bytes()) {
        let Some(length) = string_length(&rest.as_bytes()[start..]) else {
            return false;
        };
        let (string, behind) = rest[start..].split_at(length);
        if behind.trim_ascii_start().starts_with(':') && spells_raw_json(string) {
            return true;
        }
        rest = behind;
    }
    false
}

/// That of the string which begins here, with its quotation marks.
fn string_length(json: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        match json[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

fn spells_raw_json(string: &str) -> bool {
    // Each of its characters takes one byte, or six.
    let spelled = RAW_JSON.len() + 2..=6 * RAW_JSON.len() + 2;
    spelled.contains(&string.len())
        && serde_json::from_str::<String>(string).is_ok_and(|string| string == RAW_JSON)
}

/// What comes after the namespace of a packet, which may have quotation marks and brackets of its own.
fn behind_namespace(text: &str) -> &str {
    let head = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'-');
    let rest = &text[head.count()..];
    match rest.starts_with('/') {
        true => rest.split_once(',').map_or("", |(_, json)| json),
        false => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_outside_of_strings_count_and_only_while_they_are_open() {
        let cases = [
            ("", 0, false),
            ("2", 0, false),
            ("[]", 0, true),
            ("[]", 1, false),
            ("[[]]", 1, true),
            ("[[],[],{}]", 2, false),
            (r#"[{"a":[]}]"#, 2, true),
            (r#"["[[[["]"#, 1, false),
            (r#"["\"[[[["]"#, 1, false),
            (r#"["\\",[[]]]"#, 2, true),
            ("]]]][[", 1, true),
            (r#"2["event",{"a":{"b":[1]}}]"#, 4, false),
            (r#"2["event",{"a":{"b":[1]}}]"#, 3, true),
            (r#"2/a"b,["event",[[1]]]"#, 2, true),
            (r#"51-/a"b,7["event",[[1]]]"#, 2, true),
            (r#"2/a"b,["[[[["]"#, 1, false),
            ("2/[[[[,[[]]", 2, false),
            ("2/[[[[", 1, false),
        ];
        for (text, max, deeper) in cases {
            assert_eq!(is_nested_deeper(text, max), deeper, "{text} {max}");
        }
    }

    /// The tests are built with the feature `raw_value`, as applications are that have axum's `json`.
    #[test]
    fn a_key_under_which_a_text_is_read_anew_is_deeper_than_anything() {
        assert!(is_read_anew(RAW_JSON));
        let space = " ".repeat(READ_AT_A_TIME);
        let deeper = |json: &str| is_nested_deeper(&format!("{json}{space}"), usize::MAX);
        let escaped: String = RAW_JSON.bytes().map(|byte| format!("\\u{byte:04X}")).collect();
        for key in [
            RAW_JSON,
            &RAW_JSON.replace('$', "\\u0024"),
            &RAW_JSON.replace('V', "\\u0056"),
            &RAW_JSON.replace('_', "\\u005f"),
            &escaped,
        ] {
            for json in [
                format!(r#"2["event",{{"{key}":"[]"}}]"#),
                format!(r#"51-/a"b,7["\\",[{{"a":{{ "{key}"{} :"[]"}}}}]]"#, "\t\r\n"),
                format!(r#"0{{"a":"\"","{key}":"[]"}}"#),
            ] {
                assert!(deeper(&json), "{json}");
                let as_text = serde_json::to_string(&json).unwrap();
                assert!(!deeper(&format!("2[{as_text}]")), "{json}");
            }
            for json in [
                format!(r#"2["event","{key}"]"#),
                format!(r#"2["event",{{"a":"{key}"}}]"#),
                format!(r#"2["event",{{"{key}s":"[]","a{key}":"[]"}}]"#),
                format!(r#"2/"{key}":,["event"]"#),
                // Not JSON.
                format!(r#"2["event",{{"{key}"#),
                format!(r#"2["event",{{"{key}\"#),
            ] {
                assert!(!deeper(&json), "{json}");
            }
        }
    }

    /// What is refused would be read to any depth.
    #[test]
    fn a_text_that_is_read_anew_is_as_deep_as_it_likes() {
        let levels = "[".repeat(100) + &"]".repeat(100);
        let text = (0..3).fold(levels, |inside, _| {
            let key = serde_json::json!({ RAW_JSON: inside }).to_string();
            "[".repeat(100) + &key + &"]".repeat(100)
        });
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut depth = 0;
        while let Some(inside) = value.get_mut(0) {
            value = inside.take();
            depth += 1;
        }
        assert!(depth > 2 * 128, "{depth}");
        assert!(is_nested_deeper(&text, 128));
    }

    #[test]
    fn a_megabyte_of_brackets_is_judged_at_the_limit() {
        assert!(is_nested_deeper(&"[".repeat(1_000_000), 128));
        assert!(!is_nested_deeper(&"[]".repeat(500_000), 128));
    }
}
