use std::borrow::Cow;

use super::*;

const BYTES: &[u8] = &[1, 2, 3, 4];

/// Payloads as they stand on the wire and the packets in them, both as sent and as read.
const CASES: &[(&str, &[Part<'static>], &[Packet<'static>])] = &[
    (
        "4hello\u{1e}4€",
        &[Part::Text(b"4hello"), Part::Text("4€".as_bytes())],
        &[Packet::Text("hello"), Packet::Text("€")],
    ),
    (
        "4€\u{1e}bAQIDBA==",
        &[Part::Text("4€".as_bytes()), Part::Binary(BYTES)],
        &[Packet::Text("€"), Packet::Binary(Cow::Borrowed(BYTES))],
    ),
    (
        "2\u{1e}6",
        &[Part::Text(b"2"), Part::Text(b"6")],
        &[Packet::Ping(""), Packet::Noop],
    ),
    (
        "6\u{1e}1",
        &[Part::Text(b"6"), Part::Text(b"1")],
        &[Packet::Noop, Packet::Close],
    ),
    (
        "bYWJjZGVmZ2hpamts",
        &[Part::Binary(b"abcdefghijkl")],
        &[Packet::Binary(Cow::Borrowed(b"abcdefghijkl"))],
    ),
    (
        "451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQIDBA==",
        &[
            Part::Text(br#"451-["echo",{"_placeholder":true,"num":0}]"#),
            Part::Binary(BYTES),
        ],
        &[
            Packet::Text(r#"51-["echo",{"_placeholder":true,"num":0}]"#),
            Packet::Binary(Cow::Borrowed(BYTES)),
        ],
    ),
];

fn encoded(parts: &[Part<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(parts.iter().copied(), &mut out);
    out
}

#[test]
fn payloads_are_written_and_read() {
    for (wire, parts, packets) in CASES {
        assert_eq!(encoded(parts), wire.as_bytes(), "{wire}");
        let read: Result<Vec<_>, _> = decode(wire).collect();
        assert_eq!(read.as_deref(), Ok(*packets), "{wire}");
    }
}

#[test]
fn a_payload_is_appended_to_what_is_there() {
    let mut out = b"before".to_vec();
    encode([Part::Binary(BYTES), Part::Text(b"6")].into_iter(), &mut out);
    assert_eq!(out, b"beforebAQIDBA==\x1e6");
}

#[test]
fn packets_before_a_bad_one_are_read_and_none_after_it() {
    let a = Ok(Packet::Text("a"));
    let cases: &[(&str, &[Result<Packet<'_>, ParseError>])] = &[
        ("4a\u{1e}x\u{1e}4b", &[a.clone(), Err(ParseError::UnknownType)]),
        ("4a\u{1e}", &[a.clone(), Err(ParseError::Empty)]),
        ("4a\u{1e}\u{1e}4b", &[a.clone(), Err(ParseError::Empty)]),
        ("4a\u{1e}b$$$$\u{1e}4b", &[a, Err(ParseError::Base64)]),
        ("\u{1e}4a", &[Err(ParseError::Empty)]),
        ("", &[Err(ParseError::Empty)]),
    ];
    for (wire, items) in cases {
        assert_eq!(decode(wire).collect::<Vec<_>>(), *items, "{wire:?}");
    }
}

#[derive(Clone, Debug)]
enum Message {
    Text(String),
    Binary(Vec<u8>),
}

fn message() -> impl proptest::strategy::Strategy<Value = Message> {
    use proptest::prelude::*;
    prop_oneof![
        "4[^\u{1e}]{0,12}".prop_map(Message::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Message::Binary),
    ]
}

proptest::proptest! {
    #[test]
    fn payloads_survive_the_wire(messages in proptest::collection::vec(message(), 1..8)) {
        let parts = messages.iter().map(|message| match message {
            Message::Text(text) => Part::Text(text.as_bytes()),
            Message::Binary(bytes) => Part::Binary(bytes),
        });
        let wire = String::from_utf8(encoded(&parts.collect::<Vec<_>>())).unwrap();
        let expected = messages.iter().map(|message| Ok(match message {
            Message::Text(text) => Packet::Text(&text[1..]),
            Message::Binary(bytes) => Packet::Binary(bytes.into()),
        }));
        proptest::prop_assert!(decode(&wire).eq(expected));
    }

    #[test]
    fn no_body_panics(body in "[0-9b\u{1e}A-C€]{0,30}") {
        let errors = decode(&body).filter(Result::is_err).count();
        proptest::prop_assert!(errors <= 1);
    }
}
