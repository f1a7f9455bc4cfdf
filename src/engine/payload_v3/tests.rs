use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

const BYTES: &[u8] = &[1, 2, 3, 4];
const TWELVE: &[u8] = b"abcdefghijkl";

type Items<'a> = Vec<Result<Packet<'a>, ParseError>>;

/// Payloads in text, as sent and as read.
const TEXT_CASES: &[(&str, &[Part<'static>], &[Packet<'static>])] = &[
    (
        "6:4hello2:4€",
        &[Part::Text(b"4hello"), Part::Text("4€".as_bytes())],
        &[Packet::Text("hello"), Packet::Text("€")],
    ),
    ("3:4😀", &[Part::Text("4😀".as_bytes())], &[Packet::Text("😀")]),
    (
        "2:4€10:b4AQIDBA==",
        &[Part::Text("4€".as_bytes()), Part::Binary(BYTES)],
        &[Packet::Text("€"), Packet::Binary(Cow::Borrowed(BYTES))],
    ),
    (
        "1:21:6",
        &[Part::Text(b"2"), Part::Text(b"6")],
        &[Packet::Ping(""), Packet::Noop],
    ),
    (
        "1:61:1",
        &[Part::Text(b"6"), Part::Text(b"1")],
        &[Packet::Noop, Packet::Close],
    ),
    ("0:", &[], &[]),
    (
        "18:b4YWJjZGVmZ2hpamts",
        &[Part::Binary(TWELVE)],
        &[Packet::Binary(Cow::Borrowed(TWELVE))],
    ),
    (
        "3:4e\u{301}",
        &[Part::Text("4e\u{301}".as_bytes())],
        &[Packet::Text("e\u{301}")],
    ),
];

/// Payloads in bytes, as sent and as read.
const BINARY_CASES: &[(&str, &[Part<'static>], &[Packet<'static>])] = &[
    (
        "0006ff3468656c6c6f 0004ff34e282ac",
        &[Part::Text(b"4hello"), Part::Text("4€".as_bytes())],
        &[Packet::Text("hello"), Packet::Text("€")],
    ),
    (
        "0004ff34e282ac 0105ff0401020304",
        &[Part::Text("4€".as_bytes()), Part::Binary(BYTES)],
        &[Packet::Text("€"), Packet::Binary(Cow::Borrowed(BYTES))],
    ),
    (
        "0005ff34f09f9880",
        &[Part::Text("4😀".as_bytes())],
        &[Packet::Text("😀")],
    ),
    (
        "0008ff34325b22c3a9225d",
        &[Part::Text("42[\"é\"]".as_bytes())],
        &[Packet::Text("2[\"é\"]")],
    ),
    (
        "010103ff046162636465666768696a6b6c",
        &[Part::Binary(TWELVE)],
        &[Packet::Binary(Cow::Borrowed(TWELVE))],
    ),
    (
        "0101ff04",
        &[Part::Binary(&[])],
        &[Packet::Binary(Cow::Borrowed(&[]))],
    ),
];

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn text_of(parts: &[Part<'_>]) -> String {
    let mut out = Vec::new();
    assert_eq!(encode(parts, false, &mut out), ContentType::Text);
    String::from_utf8(out).unwrap()
}

#[test]
fn payloads_in_text_are_written_and_read() {
    for (wire, parts, packets) in TEXT_CASES {
        assert_eq!(text_of(parts), *wire);
        let read: Result<Vec<_>, _> = decode_text(wire).collect();
        assert_eq!(read.as_deref(), Ok(*packets), "{wire}");
    }
}

#[test]
fn payloads_in_bytes_are_written_and_read() {
    for (wire, parts, packets) in BINARY_CASES {
        let wire = hex(wire);
        let mut out = Vec::new();
        encode_binary(parts, &mut out);
        assert_eq!(out, wire);
        let read: Result<Vec<_>, _> = decode_binary(&wire).collect();
        assert_eq!(read.as_deref(), Ok(*packets), "{wire:?}");
    }
}

#[test]
fn bytes_are_used_only_where_they_are_needed_and_understood() {
    let text = [Part::Text(b"4a")];
    let mixed = [Part::Text(b"4a"), Part::Binary(BYTES)];
    let cases: &[(&[Part<'_>], bool, ContentType, &str)] = &[
        (&text, true, ContentType::Text, "text/plain; charset=UTF-8"),
        (&text, false, ContentType::Text, "text/plain; charset=UTF-8"),
        (&mixed, false, ContentType::Text, "text/plain; charset=UTF-8"),
        (&mixed, true, ContentType::Binary, "application/octet-stream"),
    ];
    for (parts, supports_binary, content_type, header) in cases {
        let chosen = encode(parts, *supports_binary, &mut Vec::new());
        assert_eq!(chosen, *content_type);
        assert_eq!(chosen.as_str(), *header);
    }
}

#[test]
fn an_event_with_an_attachment_is_nodes_byte_for_byte() {
    let event = "451-[\"echo\",{\"_placeholder\":true,\"num\":0},\"€\"]";
    let mut out = Vec::new();
    let content_type = encode(
        &[Part::Text(event.as_bytes()), Part::Binary(BYTES)],
        true,
        &mut out,
    );
    let wire = [&hex("000408ff"), event.as_bytes(), &hex("0105ff0401020304")].concat();
    assert_eq!((content_type, out), (ContentType::Binary, wire));
}

#[test]
fn lengths_in_text_are_utf_16_units_of_the_whole_packet() {
    let packets: Items<'_> = decode_text("7:42[\"é\"]3:4😀2:4a").collect();
    assert_eq!(
        packets,
        [
            Ok(Packet::Text("2[\"é\"]")),
            Ok(Packet::Text("😀")),
            Ok(Packet::Text("a"))
        ]
    );
}

#[test]
fn empty_packets_in_text_are_skipped() {
    for wire in ["2:4a0:2:4b", "0:2:4a0:0:2:4b0:", "02:4a2:4b"] {
        let packets: Items<'_> = decode_text(wire).collect();
        assert_eq!(packets, [Ok(Packet::Text("a")), Ok(Packet::Text("b"))], "{wire}");
    }
}

#[test]
fn text_before_a_bad_packet_is_read_and_nothing_after_it() {
    let cases = [
        ("3:4a", ParseError::Truncated),
        ("2:4", ParseError::Truncated),
        ("a:4a", ParseError::Length),
        (":4a", ParseError::Length),
        ("1", ParseError::Length),
        ("2.0:4a", ParseError::Length),
        ("-1:4a", ParseError::Length),
        ("1:x1:6", ParseError::UnknownType),
        ("2:4😀", ParseError::Length),
        ("4:4😀", ParseError::Truncated),
        ("9999999999:4a", ParseError::Truncated),
        ("00000000002:4a", ParseError::Length),
        ("99999999999999999999999999999999:4a", ParseError::Length),
    ];
    for (bad, error) in cases {
        assert_eq!(decode_text(bad).collect::<Items<'_>>(), [Err(error)], "{bad}");
        let wire = format!("2:4a{bad}");
        assert_eq!(
            decode_text(&wire).collect::<Items<'_>>(),
            [Ok(Packet::Text("a")), Err(error)],
            "{wire}"
        );
    }
    assert_eq!(decode_text("").collect::<Items<'_>>(), [Err(ParseError::Empty)]);
}

#[test]
fn bytes_before_a_bad_packet_are_read_and_nothing_after_it() {
    let cases = [
        ("00", ParseError::Length),
        ("0002", ParseError::Length),
        ("00ff34", ParseError::Length),
        ("00020aff3461", ParseError::Length),
        ("0003ff3461", ParseError::Truncated),
        ("0009090909090909090909ff34", ParseError::Truncated),
        ("000900000000000000000000ff34", ParseError::Length),
        ("0000ff", ParseError::Empty),
        ("0100ff", ParseError::Empty),
        ("0102ff0201", ParseError::UnknownType),
        ("0001ff78", ParseError::UnknownType),
        ("0002ff34ff", ParseError::Utf8),
    ];
    for (bad, error) in cases {
        let bad = hex(bad);
        assert_eq!(
            decode_binary(&bad).collect::<Items<'_>>(),
            [Err(error)],
            "{bad:x?}"
        );
        let wire = [&hex("0002ff3461"), &bad[..]].concat();
        let packets: Items<'_> = decode_binary(&wire).collect();
        assert_eq!(packets, [Ok(Packet::Text("a")), Err(error)], "{bad:x?}");
    }
    assert_eq!(
        decode_binary(&[]).collect::<Items<'_>>(),
        [Err(ParseError::Empty)]
    );
}

#[test]
fn every_flag_but_zero_is_binary() {
    let wire = hex("0702ff0409");
    assert_eq!(
        decode_binary(&wire).collect::<Items<'_>>(),
        [Ok(Packet::Binary(Cow::Borrowed(&[9])))]
    );
}

/// Quadratic cutting would take minutes here.
#[test]
fn a_megabyte_of_tiny_packets_is_read_in_one_pass() {
    let wire = "2:4é".repeat(200_000);
    assert_eq!(decode_text(&wire).filter(Result::is_ok).count(), 200_000);
    let endless_digits = "1".repeat(1_000_000);
    assert_eq!(
        decode_text(&endless_digits).collect::<Items<'_>>(),
        [Err(ParseError::Length)]
    );
}

#[derive(Clone, Debug)]
enum Message {
    Text(String),
    Binary(Vec<u8>),
}

impl Message {
    fn part(&self) -> Part<'_> {
        match self {
            Self::Text(text) => Part::Text(text.as_bytes()),
            Self::Binary(bytes) => Part::Binary(bytes),
        }
    }

    fn packet(&self) -> Packet<'_> {
        match self {
            Self::Text(text) => Packet::Text(&text[1..]),
            Self::Binary(bytes) => Packet::Binary(bytes.into()),
        }
    }
}

/// Messages with characters of one to four bytes; an `x` keeps them from being Socket.IO packets.
fn messages() -> impl Strategy<Value = Vec<Message>> {
    let message = prop_oneof![
        "4x[a:é€😀\u{301}0-9]{0,12}".prop_map(Message::Text),
        "4x.{0,8}".prop_map(Message::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Message::Binary),
    ];
    proptest::collection::vec(message, 1..8)
}

proptest! {
    #[test]
    fn payloads_in_text_survive_the_wire(messages in messages()) {
        let wire = text_of(&messages.iter().map(Message::part).collect::<Vec<_>>());
        prop_assert!(decode_text(&wire).eq(messages.iter().map(|message| Ok(message.packet()))));
    }

    #[test]
    fn payloads_in_bytes_survive_the_wire(messages in messages()) {
        let mut wire = Vec::new();
        encode_binary(&messages.iter().map(Message::part).collect::<Vec<_>>(), &mut wire);
        prop_assert!(decode_binary(&wire).eq(messages.iter().map(|message| Ok(message.packet()))));
    }

    #[test]
    fn the_length_written_is_javascripts(text in ".{0,20}") {
        prop_assert_eq!(utf16_len(text.as_bytes()), text.encode_utf16().count());
    }

    #[test]
    fn no_body_panics(text in "[0-9:b4😀é]{0,30}", bytes: Vec<u8>, packed in "[\0-\u{9}\u{ff}4]{0,30}") {
        prop_assert!(decode_text(&text).filter(Result::is_err).count() <= 1);
        prop_assert!(decode_binary(&bytes).filter(Result::is_err).count() <= 1);
        let packed: Vec<u8> = packed.chars().map(|character| character as u8).collect();
        prop_assert!(decode_binary(&packed).filter(Result::is_err).count() <= 1);
    }
}
