//! JSONP polling: payloads inside a script, for clients without cross-origin requests.
//!
//! Only the envelope differs from ordinary polling; the payload inside is text of either protocol.

use smol_str::SmolStr;

/// More digits than any counter of callbacks has; the rest is dropped, since the index is kept for a
/// session's life and repeated in each of its answers.
const MAX_INDEX_DIGITS: usize = 20;

/// The callback of a session that was opened with `j` in its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jsonp {
    index: SmolStr,
}

impl Jsonp {
    /// The callback that `j` names. Only its digits count: the client runs the answer as a script, so nothing
    /// else of the query may get into it.
    pub(crate) fn from_query(j: &str) -> Self {
        let digits = j.chars().filter(char::is_ascii_digit).take(MAX_INDEX_DIGITS);
        Self {
            index: digits.collect(),
        }
    }
}

/// A payload as a script that hands it to the client's callback.
///
/// U+2028 and U+2029 end a line in the JavaScript of old browsers, so they can't stand in a string literal.
pub(crate) fn wrap(body: &str, callback: &Jsonp) -> String {
    let mut literal = serde_json::to_string(body).expect("invariant: every string is JSON");
    for (separator, escape) in [('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")] {
        if literal.contains(separator) {
            literal = literal.replace(separator, escape);
        }
    }
    format!("___eio[{}]({literal});", callback.index)
}

/// The payload in the form that a JSONP client posts, field `d`.
///
/// `None` if the field is missing or repeated: Node ignores such a form, and still answers `ok`.
pub(crate) fn unwrap_form(body: &[u8]) -> Option<String> {
    let mut fields = form_urlencoded::parse(body).filter(|(name, _)| name == "d");
    let (_, payload) = fields.next()?;
    fields.next().is_none().then(|| unescape_newlines(&payload))
}

/// Undoes the client's escaping of newlines, which old text areas would have turned into CRLF: `\n` was a
/// newline, and `\\n` was `\n`. A longer run of backslashes lost one to the client likewise.
fn unescape_newlines(payload: &str) -> String {
    let mut plain = String::with_capacity(payload.len());
    let mut rest = payload;
    while let Some(start) = rest.find('\\') {
        let run = rest[start..].bytes().take_while(|byte| *byte == b'\\').count();
        let (before, after) = (&rest[..start], &rest[start + run..]);
        plain.push_str(before);
        match after.strip_prefix('n') {
            Some(after) => {
                push_newline_escape(run, &mut plain);
                rest = after;
            }
            None => {
                plain.push_str(&rest[start..start + run]);
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// What `run` backslashes and an `n` stand for.
fn push_newline_escape(run: usize, plain: &mut String) {
    if run == 1 {
        plain.push('\n');
    } else {
        plain.extend(std::iter::repeat_n('\\', run - 1));
        plain.push('n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::packet::Packet;
    use crate::engine::payload_v3;

    /// The index in the query, the payload, and the script that Node's server answers.
    const SCRIPTS: &[(&str, &str, &str)] = &[
        ("0", "6:4hello2:4€", r#"___eio[0]("6:4hello2:4€");"#),
        (
            "3",
            "31:42[\"echo\",\"line1\\nline2 \u{2028} end\"]",
            r#"___eio[3]("31:42[\"echo\",\"line1\\nline2 \u2028 end\"]");"#,
        ),
        (
            "5",
            "40{\"sid\":\"b3xAUE903HSRheXVAAAA\"}\u{1e}42[\"a\",\"€\u{2028}\"]\u{1e}451-[\"b\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQI=",
            r#"___eio[5]("40{\"sid\":\"b3xAUE903HSRheXVAAAA\"}\u001e42[\"a\",\"€\u2028\"]\u001e451-[\"b\",{\"_placeholder\":true,\"num\":0}]\u001ebAQI=");"#,
        ),
        ("abc7", "1:6\u{2029}", r#"___eio[7]("1:6\u2029");"#),
        ("", "1:6", r#"___eio[]("1:6");"#),
    ];

    #[test]
    fn a_payload_is_wrapped_as_node_wraps_it() {
        for (j, payload, script) in SCRIPTS {
            assert_eq!(wrap(payload, &Jsonp::from_query(j)), *script);
        }
    }

    #[test]
    fn nothing_but_digits_gets_into_the_script() {
        let script = wrap("1:6", &Jsonp::from_query("1](alert(2));//\u{663}"));
        assert_eq!(script, r#"___eio[12]("1:6");"#);
        let endless = Jsonp::from_query(&"9".repeat(60_000));
        assert_eq!(endless.index.len(), MAX_INDEX_DIGITS);
    }

    #[test]
    fn a_posted_form_gives_the_payload_back() {
        let body = b"d=31%3A42%5B%22echo%22%2C%22line1%5C%5Cnline2%20%E2%80%A8%20end%22%5D";
        assert_eq!(
            unwrap_form(body).as_deref(),
            Some("31:42[\"echo\",\"line1\\nline2 \u{2028} end\"]")
        );
        // The length in front counts what is left after unescaping.
        let payload = unwrap_form(body).unwrap();
        assert!(payload_v3::decode_text(&payload).eq([Ok(Packet::Text(&payload[4..]))]));
        assert_eq!(unwrap_form(b"x=1&d=a+b&").as_deref(), Some("a b"));
        assert_eq!(unwrap_form(b"d=").as_deref(), Some(""));
    }

    #[test]
    fn a_form_without_exactly_one_payload_is_ignored() {
        for body in [&b""[..], b"e=1:6", b"d=1:6&d=1:6"] {
            assert_eq!(unwrap_form(body), None);
        }
    }

    #[test]
    fn backslashes_before_n_follow_nodes_two_replacements() {
        let cases = [
            (r"a\nb", "a\nb"),
            (r"a\\nb", r"a\nb"),
            (r"a\\\nb", r"a\\nb"),
            (r"\n\n\\n", "\n\n\\n"),
            (r#"\"\\"#, r#"\"\\"#),
            (r"\tn", r"\tn"),
            ("n", "n"),
        ];
        for (escaped, plain) in cases {
            assert_eq!(unescape_newlines(escaped), plain, "{escaped}");
        }
    }
}
