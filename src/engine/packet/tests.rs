use super::*;

const V3: Protocol = Protocol::V3;
const V4: Protocol = Protocol::V4;
const BOTH: &[Protocol] = &[V3, V4];

const BYTES: Packet<'static> = Packet::Binary(Cow::Borrowed(&[1, 2, 3, 4]));
const NOTHING: Packet<'static> = Packet::Binary(Cow::Borrowed(&[]));

/// Packets in text: who speaks so, the wire, what it means.
const TEXT_CASES: &[(&[Protocol], &str, Packet<'static>)] = &[
    (BOTH, "0{}", Packet::Open),
    (BOTH, "4hello", Packet::Text("hello")),
    (BOTH, "4", Packet::Text("")),
    (BOTH, "4€", Packet::Text("€")),
    (BOTH, "2", Packet::Ping("")),
    (BOTH, "2probe", Packet::Ping("probe")),
    (BOTH, "3", Packet::Pong("")),
    (BOTH, "3probe", Packet::Pong("probe")),
    (BOTH, "5", Packet::Upgrade),
    (BOTH, "6", Packet::Noop),
    (BOTH, "1", Packet::Close),
    (&[V4], "bAQIDBA==", BYTES),
    (&[V3], "b4AQIDBA==", BYTES),
    (&[V4], "b", NOTHING),
    (&[V3], "b4", NOTHING),
];

const BAD_TEXT: &[(&[Protocol], &str, ParseError)] = &[
    (BOTH, "", ParseError::Empty),
    (BOTH, "7", ParseError::UnknownType),
    (BOTH, "9hello", ParseError::UnknownType),
    (BOTH, "x", ParseError::UnknownType),
    (BOTH, " 4hello", ParseError::UnknownType),
    (BOTH, "\0", ParseError::UnknownType),
    (BOTH, "€4", ParseError::UnknownType),
    (BOTH, "😀", ParseError::UnknownType),
    (&[V4], "bAQID$", ParseError::Base64),
    (&[V4], "bA", ParseError::Base64),
    (&[V4], "bAQ==AQ==", ParseError::Base64),
    (&[V3], "b", ParseError::UnknownType),
    (&[V3], "b2AQID", ParseError::UnknownType),
    (&[V3], "b€", ParseError::UnknownType),
];

#[test]
fn packets_in_text_are_read() {
    for (protocols, wire, packet) in TEXT_CASES {
        for protocol in *protocols {
            assert_eq!(
                decode_text(*protocol, wire).as_ref(),
                Ok(packet),
                "{protocol:?} {wire}"
            );
        }
    }
}

#[test]
fn what_is_no_packet_is_refused() {
    for (protocols, wire, error) in BAD_TEXT {
        for protocol in *protocols {
            assert_eq!(decode_text(*protocol, wire), Err(*error), "{protocol:?} {wire}");
        }
    }
}

#[test]
fn base64_is_read_as_leniently_as_node_reads_it() {
    let cases: &[(&str, &[u8])] = &[
        ("AQIDBA==", &[1, 2, 3, 4]),
        ("AQIDBA=", &[1, 2, 3, 4]),
        ("AQIDBA", &[1, 2, 3, 4]),
        ("AQID BA ==", &[1, 2, 3, 4]),
        ("AQID\r\nBA==\r\n", &[1, 2, 3, 4]),
        ("+/+/", &[0xfb, 0xff, 0xbf]),
        ("-_-_", &[0xfb, 0xff, 0xbf]),
        ("-/+_", &[0xfb, 0xff, 0xbf]),
        ("AR==", &[1]),
        ("_-8", &[0xff, 0xef]),
    ];
    for (base64, bytes) in cases {
        let expected = Ok(Packet::Binary(Cow::Borrowed(bytes)));
        assert_eq!(decode_text(V4, &format!("b{base64}")), expected, "{base64}");
        assert_eq!(decode_text(V3, &format!("b4{base64}")), expected, "{base64}");
    }
}

type BinaryCase<'a> = (Protocol, &'a [u8], Result<&'a [u8], ParseError>);

#[test]
fn only_engine_io_3_puts_a_type_before_binary() {
    let cases: &[BinaryCase<'_>] = &[
        (V4, &[1, 2, 3, 4], Ok(&[1, 2, 3, 4])),
        (V4, &[4, 1], Ok(&[4, 1])),
        (V4, &[], Ok(&[])),
        (V3, &[4, 1, 2, 3, 4], Ok(&[1, 2, 3, 4])),
        (V3, &[4], Ok(&[])),
        (V3, &[], Err(ParseError::Empty)),
        (V3, &[b'4', 1], Err(ParseError::UnknownType)),
        (V3, &[2], Err(ParseError::UnknownType)),
    ];
    for (protocol, wire, payload) in cases {
        assert_eq!(decode_binary(*protocol, wire), *payload, "{protocol:?} {wire:?}");
    }
}

proptest::proptest! {
    #[test]
    fn bytes_survive_base64(bytes: Vec<u8>) {
        let mut wire = vec![b'b'];
        push_base64(&bytes, &mut wire);
        proptest::prop_assert_eq!(wire.len(), 1 + base64_len(&bytes));
        let wire = String::from_utf8(wire).unwrap();
        proptest::prop_assert_eq!(decode_text(V4, &wire), Ok(Packet::Binary(bytes.into())));
    }

    #[test]
    fn no_text_panics(text in ".{0,40}", base64 in "b4?[A-Za-z0-9+/=_ -]{0,20}.?") {
        for protocol in BOTH {
            let _ = decode_text(*protocol, &text);
            let _ = decode_text(*protocol, &base64);
        }
    }
}
