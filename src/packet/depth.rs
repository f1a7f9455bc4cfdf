//! How deeply JSON is nested, told without parsing it.

/// Whether arrays and objects stand in one another more than `max` times somewhere in this text, if it is JSON.
///
/// Whatever it says of other text, the parser refuses that anyway. Text too short, or with too few brackets, is not looked
/// at more closely, so that nearly all messages cost nothing, or one pass of `memchr`.
pub(crate) fn is_nested_deeper(text: &str, max: usize) -> bool {
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

    #[test]
    fn a_megabyte_of_brackets_is_judged_at_the_limit() {
        assert!(is_nested_deeper(&"[".repeat(1_000_000), 128));
        assert!(!is_nested_deeper(&"[]".repeat(500_000), 128));
    }
}
