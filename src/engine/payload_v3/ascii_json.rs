//! JSON without characters beyond ASCII, for clients that misread them.
//!
//! Clients 1.x decode the text of a polling answer from UTF-8 twice, and nothing in a handshake tells them from
//! 2.x. `\u20ac` instead of `€` means the same JSON to all of them.

use std::borrow::Cow;

/// The packet with its JSON in ASCII. What isn't a Socket.IO packet, and a namespace's name, stay as they are.
pub(super) fn escape(packet: &[u8]) -> Cow<'_, [u8]> {
    if packet.is_ascii() {
        return Cow::Borrowed(packet);
    }
    let Some((head, json)) = json_start(packet).and_then(|start| packet.split_at_checked(start)) else {
        return Cow::Borrowed(packet);
    };
    let Ok(json) = std::str::from_utf8(json) else {
        return Cow::Borrowed(packet);
    };
    let mut escaped = Vec::with_capacity(packet.len() * 2);
    escaped.extend_from_slice(head);
    // JSON has such characters only inside its strings, so all of them may be escaped.
    for character in json.chars() {
        push_ascii(character, &mut escaped);
    }
    Cow::Owned(escaped)
}

/// Where the JSON begins in `4<type>[<attachments>-][/<namespace>,][<ack id>]<JSON>`.
fn json_start(packet: &[u8]) -> Option<usize> {
    let [b'4', b'0'..=b'6', ..] = packet else {
        return None;
    };
    let attachments = 2 + leading_digits(&packet[2..]);
    let mut at = if packet.get(attachments) == Some(&b'-') {
        attachments + 1
    } else {
        2
    };
    if packet.get(at) == Some(&b'/') {
        at += memchr::memchr(b',', &packet[at..])? + 1;
    }
    at += leading_digits(&packet[at..]);
    matches!(packet.get(at), Some(b'[' | b'{' | b'"')).then_some(at)
}

fn leading_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn push_ascii(character: char, out: &mut Vec<u8>) {
    if let Ok(ascii) = u8::try_from(character)
        && ascii.is_ascii()
    {
        out.push(ascii);
        return;
    }
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        out.extend([12, 8, 4, 0].map(|shift| b"0123456789abcdef"[usize::from(*unit >> shift & 0xf)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(packet: &str) -> String {
        String::from_utf8(escape(packet.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn json_is_escaped_and_nothing_else() {
        let cases = [
            (r#"42["é"]"#, r#"42["\u00e9"]"#),
            (r#"42["a","😀\n"]"#, r#"42["a","\ud83d\ude00\n"]"#),
            (r#"42/ñ,["é"]"#, r#"42/ñ,["\u00e9"]"#),
            (r#"42/a"ñ",7["é"]"#, r#"42/a"ñ",7["\u00e9"]"#),
            (r#"4312["é"]"#, r#"4312["\u00e9"]"#),
            (
                r#"4521-/ñ,12["é",{"_placeholder":true}]"#,
                r#"4521-/ñ,12["\u00e9",{"_placeholder":true}]"#,
            ),
            (r#"44"é""#, r#"44"\u00e9""#),
            (r#"44{"message":"é"}"#, r#"44{"message":"\u00e9"}"#),
        ];
        for (packet, ascii) in cases {
            assert_eq!(escaped(packet), ascii);
        }
    }

    #[test]
    fn what_is_no_socket_io_json_stays() {
        for packet in [
            "4€",
            "4€\"é\"",
            "47[\"é\"]",
            "40/ñ,",
            "40/ñ",
            "42é[]",
            "2é",
            "6",
            "42[\"ascii\"]",
            "",
        ] {
            assert_eq!(escaped(packet), packet);
        }
        assert_eq!(*escape(b"42[\"\xff\"]"), *b"42[\"\xff\"]");
    }

    proptest::proptest! {
        #[test]
        fn escaped_json_means_the_same(text in ".{0,20}") {
            let json = serde_json::to_string(&[&text]).unwrap();
            let packet = escaped(&format!("42{json}"));
            proptest::prop_assert!(packet.is_ascii());
            let read: Vec<String> = serde_json::from_str(&packet[2..]).unwrap();
            proptest::prop_assert_eq!(read, [text]);
        }
    }
}
