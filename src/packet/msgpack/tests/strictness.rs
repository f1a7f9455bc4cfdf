//! What is refused, and in which words.

use super::*;

/// A packet of these members: keys and values in hexadecimal.
fn packet(members: &[(&str, &str)]) -> Bytes {
    let mut text = format!("{:02x}", 0x80 + members.len());
    for (key, value) in members {
        text += &format!("{:02x}{}{value}", 0xa0 + key.len(), to_hex(key.as_bytes()));
    }
    hex(&text)
}

/// The words of a refusal, or `ignored`, or nothing.
fn judged(message: &Bytes, protocol: Protocol) -> String {
    let judged = decode(message, protocol).and_then(|packet| match packet.kind {
        PacketType::Event => packet.body().event(protocol).map(drop),
        _ => Ok(()),
    });
    match judged {
        Ok(()) => String::new(),
        Err(error) if error.is_ignorable() => "ignored".to_owned(),
        Err(error) => error.to_string(),
    }
}

const ROOT: (&str, &str) = ("nsp", "a12f");
const EVENT: (&str, &str) = ("type", "02");
const DATA: (&str, &str) = ("data", "91a165");

/// The members, and what is said to clients of Engine.IO 3 and 4.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const CASES: &[Case] = &[
    (&[EVENT, DATA, ROOT], "", ""),
    // Any order, and the last of what stands twice.
    (&[ROOT, DATA, ("type", "63"), EVENT], "", ""),
    (&[DATA, ROOT], "invalid packet type", "invalid packet type"),
    (
        &[("type", "07"), DATA, ROOT],
        "invalid packet type",
        "invalid packet type",
    ),
    (
        &[("type", "ff"), DATA, ROOT],
        "invalid packet type",
        "invalid packet type",
    ),
    (
        &[("type", "a132"), DATA, ROOT],
        "invalid packet type",
        "invalid packet type",
    ),
    (
        &[("type", "cb4004000000000000"), DATA, ROOT],
        "invalid packet type",
        "invalid packet type",
    ),
    // 2.0 is 2 in JavaScript.
    (&[("type", "cb4000000000000000"), DATA, ROOT], "", ""),
    // Only the parser of clients 2.x has these.
    (&[("type", "05"), DATA, ROOT], "", "invalid packet type"),
    (
        &[("type", "06"), ("id", "01"), DATA, ROOT],
        "",
        "invalid packet type",
    ),
    (&[EVENT, DATA], "invalid namespace", "invalid namespace"),
    (
        &[EVENT, DATA, ("nsp", "c0")],
        "invalid namespace",
        "invalid namespace",
    ),
    (&[EVENT, ROOT], "invalid payload", "invalid payload"),
    (
        &[EVENT, ROOT, ("data", "80")],
        "invalid payload",
        "invalid payload",
    ),
    (
        &[EVENT, ROOT, ("data", "90")],
        "invalid payload",
        "invalid payload",
    ),
    (
        &[EVENT, ROOT, ("data", "91c0")],
        "invalid payload",
        "invalid payload",
    ),
    (
        &[EVENT, ROOT, ("data", "91a7636f6e6e656374")],
        "ignored",
        "invalid payload",
    ),
    (
        &[EVENT, DATA, ROOT, ("id", "a131")],
        "invalid packet id",
        "invalid packet id",
    ),
    (
        &[EVENT, DATA, ROOT, ("id", "ff")],
        "invalid packet id",
        "invalid packet id",
    ),
    (&[EVENT, DATA, ROOT, ("id", "c0")], "", ""),
    (&[EVENT, DATA, ROOT, ("id", "d40000")], "", ""),
    (&[("type", "03"), DATA, ROOT, ("id", "01")], "", ""),
    (&[("type", "03"), DATA, ROOT], "", ""),
    (
        &[("type", "03"), ("data", "a178"), ROOT, ("id", "01")],
        "invalid payload",
        "invalid payload",
    ),
    (&[("type", "00"), ROOT, ("data", "80")], "", ""),
    (&[("type", "00"), ROOT, ("data", "90")], "", "invalid payload"),
    (
        &[("type", "00"), ROOT, ("data", "a178")],
        "invalid payload",
        "invalid payload",
    ),
    (&[("type", "01"), ROOT], "", ""),
    (&[("type", "01"), ROOT, ("data", "c0")], "", ""),
    (
        &[("type", "01"), ROOT, ("data", "80")],
        "invalid payload",
        "invalid payload",
    ),
    (
        &[("type", "04"), ROOT, ("data", "a178")],
        "",
        "CONNECT_ERROR from a client",
    ),
];

/// As `socket.io-msgpack-parser` judges, or where that is lenient, as the JSON parser.
#[test]
fn packets_are_judged_as_npm_judges() {
    for (members, v3, v4) in CASES {
        let message = packet(members);
        assert_eq!(judged(&message, V3), *v3, "{members:?}");
        assert_eq!(judged(&message, V4), *v4, "{members:?}");
    }
}

#[test]
fn broken_msgpack_is_no_packet() {
    let whole = packet(&[EVENT, DATA, ROOT]);
    for end in 0..whole.len() {
        assert_eq!(judged(&whole.slice(..end), V4), "Could not parse", "{end}");
    }
    let more = [&whole[..], &[0xc0]].concat().into();
    assert_eq!(judged(&more, V4), "trailing bytes");
    let cases = [
        ("c1", "Could not parse"),
        ("02", "invalid packet type"),
        ("a131", "invalid packet type"),
        // A key that holds others.
        ("8190c0", "Could not parse"),
        // No UTF-8.
        ("81a1ffc0", "Could not parse"),
        ("81a161a1ff", "Could not parse"),
    ];
    for (wire, words) in cases {
        assert_eq!(judged(&hex(wire), V4), words, "{wire}");
    }
}

/// Whatever lengths are claimed, nothing is set aside for them.
#[test]
fn a_length_that_can_not_be_true_is_refused_before_anybody_believes_it() {
    for data in [
        "ddffffffff",
        "dcffff",
        "dfffffffff",
        "deffff",
        "9f",
        "8f",
        "dbffffffff",
        "daffff",
        "c6ffffffff",
        "c9ffffffff00",
    ] {
        let message = packet(&[EVENT, ROOT, ("data", data)]);
        assert_eq!(judged(&message, V4), "Could not parse", "{data}");
    }
    assert_eq!(judged(&hex("dfffffffff"), V4), "Could not parse");
}

#[test]
fn depth_and_bytes_are_limited() {
    let nested = |levels: usize| {
        let data = format!("92a165{}90", "91".repeat(levels - 2));
        packet(&[EVENT, ROOT, ("data", &data)])
    };
    assert_eq!(judged(&nested(LIMITS.depth), V4), "");
    let error = decode(&nested(LIMITS.depth + 1), V4).map(drop).unwrap_err();
    assert!(error.is_nested_too_deeply() && !error.is_ignorable());
    // A megabyte of brackets is judged at the limit.
    let deep = "91".repeat(500_000);
    let message = packet(&[EVENT, ROOT, ("data", &deep)]);
    let error = decode(&message, V4);
    assert!(error.map(drop).unwrap_err().is_nested_too_deeply());

    // An extension is an array with bytes in it.
    for file in ["c40101", "d40107", "d50001ff", "c7010701"] {
        let files = |count: usize| {
            let data = format!("{:02x}a165{}", 0x91 + count, file.repeat(count));
            packet(&[EVENT, ROOT, ("data", &data)])
        };
        assert_eq!(judged(&files(LIMITS.binaries), V4), "");
        let error = decode(&files(LIMITS.binaries + 1), V4).map(drop).unwrap_err();
        assert!(error.is_too_many_attachments() && !error.is_ignorable());
    }
}

/// Also where the limit is set higher than the stack would bear.
#[test]
fn what_is_nested_deeper_than_json_may_be_is_an_error_of_the_argument() {
    let limits = Limits {
        depth: usize::MAX,
        binaries: 0,
    };
    let data = format!("92a165{}90", "91".repeat(100_000));
    let message = packet(&[EVENT, ROOT, ("data", &data)]);
    let packet = Codec.decode(&message, V4, limits).unwrap();
    let mut args = packet.body().event(V4).unwrap().args;
    assert!(args.next::<Value>().is_err());
}

#[test]
fn texts_are_for_clients_2_x() {
    let judged = |text: &str, protocol| match Codec.decode_text(text, protocol, LIMITS) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    // What a client with the JSON parser says first.
    for text in ["0", "", r#"{"type":0,"nsp":"/"}"#] {
        assert_eq!(judged(text, V4), "invalid packet type", "{text}");
    }
    assert_eq!(judged(r#"{"type":0,"nsp":"/"}"#, V3), "");
    for text in [
        "",
        "0",
        "0/chat,",
        "2[\"e\"]",
        "{}",
        r#"{"type":2,"nsp":"/"}"#,
        r#"{"type":1,"nsp":"/","data":{}}"#,
    ] {
        assert_eq!(judged(text, V3), "invalid payload", "{text}");
    }
    assert_eq!(
        judged(r#"{"type":7,"nsp":"/","data":["e"]}"#, V3),
        "invalid packet type"
    );
    let deep = format!(
        r#"{{"type":2,"nsp":"/","data":{}{}}}"#,
        "[".repeat(17),
        "]".repeat(17)
    );
    let error = Codec.decode_text(&deep, V3, LIMITS).map(drop).unwrap_err();
    assert!(error.is_nested_too_deeply());
    let allowed = format!(
        r#"{{"type":2,"nsp":"/","data":{}{}}}"#,
        "[".repeat(16),
        "]".repeat(16)
    );
    assert_eq!(judged(&allowed, V3), "");
}
