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
