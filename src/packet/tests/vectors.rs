//! Packets as Node writes them, read and written.

use serde_json::json;

use super::*;
use crate::{
    Protocol::{V3, V4},
    packet::JsonText,
};

struct Case {
    protocol: Protocol,
    wire: &'static str,
    attachments: &'static [&'static [u8]],
    packet: Packet<'static>,
    name: Option<&'static str>,
    args: fn() -> Vec<Value>,
    /// What only a client writes has none.
    encode: Option<fn(&mut Vec<u8>) -> Encoded>,
}

const fn packet(kind: PacketType, namespace: &'static str, payload: &'static str) -> Packet<'static> {
    Packet {
        kind,
        namespace,
        query: None,
        id: None,
        attachments: 0,
        payload,
    }
}

const fn with_id(id: u64, packet: Packet<'static>) -> Packet<'static> {
    Packet {
        id: Some(id),
        ..packet
    }
}

const fn with_attachments(attachments: usize, packet: Packet<'static>) -> Packet<'static> {
    Packet {
        attachments,
        ..packet
    }
}

const fn header(protocol: Protocol, wire: &'static str, packet: Packet<'static>) -> Case {
    Case {
        protocol,
        wire,
        attachments: &[],
        packet,
        name: None,
        args: Vec::new,
        encode: None,
    }
}

const HELLO: &str = r#"["hello",{"_placeholder":true,"num":0}]"#;
const DELETE: &str = r#"["project:delete",{"_placeholder":true,"num":0}]"#;
const NESTED: &str = r#"["e",{"a":{"_placeholder":true,"num":0}},[{"_placeholder":true,"num":1}]]"#;
const TWICE: &str = r#"["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
const ONE: &str = r#"["e",{"_placeholder":true,"num":0}]"#;
const REVERSED: &str = r#"["echo",{"a":[{"_placeholder":true,"num":1}],"b":{"_placeholder":true,"num":0}}]"#;

const CASES: &[Case] = &[
    Case {
        encode: Some(|buf| encode::connect(buf, HEADROOM, V3, "/", "a", None)),
        ..header(V3, "0", packet(PacketType::Connect, "/", ""))
    },
    Case {
        encode: Some(|buf| encode::connect(buf, HEADROOM, V3, "/admin", "a", None)),
        ..header(V3, "0/admin,", packet(PacketType::Connect, "/admin", ""))
    },
    Case {
        encode: Some(|buf| encode::connect(buf, HEADROOM, V4, "/", "oSO0OpakMV_3jnilAAAA", None)),
        ..header(
            V4,
            r#"0{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
            packet(PacketType::Connect, "/", r#"{"sid":"oSO0OpakMV_3jnilAAAA"}"#),
        )
    },
    Case {
        encode: Some(|buf| encode::connect(buf, HEADROOM, V4, "/", "a", Some("b"))),
        ..header(
            V4,
            r#"0{"sid":"a","pid":"b"}"#,
            packet(PacketType::Connect, "/", r#"{"sid":"a","pid":"b"}"#),
        )
    },
    header(
        V4,
        r#"0/admin,{"token":"x"}"#,
        packet(PacketType::Connect, "/admin", r#"{"token":"x"}"#),
    ),
    header(
        V3,
        "0/admin?token=1&uid=2,",
        Packet {
            query: Some("token=1&uid=2"),
            ..packet(PacketType::Connect, "/admin", "")
        },
    ),
    Case {
        encode: Some(|buf| encode::disconnect(buf, HEADROOM, "/")),
        ..header(V4, "1", packet(PacketType::Disconnect, "/", ""))
    },
    Case {
        encode: Some(|buf| encode::disconnect(buf, HEADROOM, "/admin")),
        ..header(V4, "1/admin,", packet(PacketType::Disconnect, "/admin", ""))
    },
    Case {
        name: Some("hey"),
        args: || vec!["Jude".into()],
        encode: Some(|buf| encode::event(buf, HEADROOM, "/", None, "hey", "Jude").unwrap()),
        ..header(
            V4,
            r#"2["hey","Jude"]"#,
            packet(PacketType::Event, "/", r#"["hey","Jude"]"#),
        )
    },
    Case {
        name: Some("project:delete"),
        args: || vec![123.into()],
        encode: Some(|buf| {
            encode::event(buf, HEADROOM, "/admin", Some(456), "project:delete", &123).unwrap()
        }),
        ..header(
            V4,
            r#"2/admin,456["project:delete",123]"#,
            with_id(
                456,
                packet(PacketType::Event, "/admin", r#"["project:delete",123]"#),
            ),
        )
    },
    Case {
        encode: Some(|buf| encode::ack(buf, HEADROOM, "/", 0, &()).unwrap()),
        ..header(V4, "30[]", with_id(0, packet(PacketType::Ack, "/", "[]")))
    },
    Case {
        encode: Some(|buf| encode::ack(buf, HEADROOM, "/admin", 456, &()).unwrap()),
        ..header(
            V4,
            "3/admin,456[]",
            with_id(456, packet(PacketType::Ack, "/admin", "[]")),
        )
    },
    Case {
        encode: Some(|buf| encode::connect_error(buf, HEADROOM, V3, "/random", "Invalid namespace", None)),
        ..header(
            V3,
            r#"4/random,"Invalid namespace""#,
            packet(PacketType::ConnectError, "/random", r#""Invalid namespace""#),
        )
    },
    Case {
        name: Some("hello"),
        attachments: &[&[1, 2, 3]],
        args: || vec![binary(&[1, 2, 3])],
        encode: Some(|buf| encode::event(buf, HEADROOM, "/", None, "hello", &binary(&[1, 2, 3])).unwrap()),
        ..header(
            V4,
            r#"51-["hello",{"_placeholder":true,"num":0}]"#,
            with_attachments(1, packet(PacketType::BinaryEvent, "/", HELLO)),
        )
    },
    Case {
        name: Some("project:delete"),
        attachments: &[&[1, 2, 3]],
        args: || vec![binary(&[1, 2, 3])],
        encode: Some(|buf| {
            let args = Bytes::from_static(&[1, 2, 3]);
            encode::event(buf, HEADROOM, "/admin", Some(456), "project:delete", &args).unwrap()
        }),
        ..header(
            V3,
            r#"51-/admin,456["project:delete",{"_placeholder":true,"num":0}]"#,
            with_id(
                456,
                with_attachments(1, packet(PacketType::BinaryEvent, "/admin", DELETE)),
            ),
        )
    },
    Case {
        attachments: &[&[3, 2, 1]],
        args: || vec![binary(&[3, 2, 1])],
        encode: Some(|buf| encode::ack(buf, HEADROOM, "/admin", 456, &(binary(&[3, 2, 1]),)).unwrap()),
        ..header(
            V4,
            r#"61-/admin,456[{"_placeholder":true,"num":0}]"#,
            with_id(
                456,
                with_attachments(1, packet(PacketType::BinaryAck, "/admin", HELLO_ACK)),
            ),
        )
    },
    Case {
        name: Some("e"),
        attachments: &[&[1], &[2]],
        args: || vec![object([("a", binary(&[1]))]), vec![binary(&[2])].into()],
        encode: Some(|buf| {
            let args = (object([("a", binary(&[1]))]), [binary(&[2])]);
            encode::event(buf, HEADROOM, "/", None, "e", &args).unwrap()
        }),
        ..header(
            V4,
            r#"52-["e",{"a":{"_placeholder":true,"num":0}},[{"_placeholder":true,"num":1}]]"#,
            with_attachments(2, packet(PacketType::BinaryEvent, "/", NESTED)),
        )
    },
    Case {
        name: Some("e"),
        attachments: &[&[1], &[1]],
        args: || vec![binary(&[1]), binary(&[1])],
        encode: Some(|buf| {
            let same = binary(&[1]);
            encode::event(buf, HEADROOM, "/", None, "e", &(&same, &same)).unwrap()
        }),
        ..header(
            V4,
            r#"52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
            with_attachments(2, packet(PacketType::BinaryEvent, "/", TWICE)),
        )
    },
    Case {
        name: Some("e"),
        attachments: &[&[]],
        args: || vec![binary(&[])],
        encode: Some(|buf| encode::event(buf, HEADROOM, "/", None, "e", &Bytes::new()).unwrap()),
        ..header(
            V4,
            r#"51-["e",{"_placeholder":true,"num":0}]"#,
            with_attachments(1, packet(PacketType::BinaryEvent, "/", ONE)),
        )
    },
    Case {
        name: Some("echo"),
        attachments: &[&[1], &[2]],
        args: || vec![object([("a", vec![binary(&[2])].into()), ("b", binary(&[1]))])],
        ..header(
            V4,
            r#"52-["echo",{"a":[{"_placeholder":true,"num":1}],"b":{"_placeholder":true,"num":0}}]"#,
            with_attachments(2, packet(PacketType::BinaryEvent, "/", REVERSED)),
        )
    },
    Case {
        name: Some("echo"),
        args: || vec![2.into()],
        encode: Some(|buf| encode::event(buf, HEADROOM, "/", Some(999_999_999_999), "echo", &(2,)).unwrap()),
        ..header(
            V4,
            r#"2999999999999["echo",2]"#,
            with_id(999_999_999_999, packet(PacketType::Event, "/", r#"["echo",2]"#)),
        )
    },
    Case {
        args: || vec![2.into()],
        encode: Some(|buf| encode::ack(buf, HEADROOM, "/", u64::MAX, &2).unwrap()),
        ..header(
            V4,
            "318446744073709551615[2]",
            with_id(u64::MAX, packet(PacketType::Ack, "/", "[2]")),
        )
    },
];

const HELLO_ACK: &str = r#"[{"_placeholder":true,"num":0}]"#;

#[test]
fn packets_read_as_what_they_mean() {
    for case in CASES {
        let reading = read(case.wire, case.protocol).unwrap();
        assert_eq!(reading.packet, case.packet, "{}", case.wire);
        assert_eq!(reading.name.as_deref(), case.name, "{}", case.wire);
        let attachments: Vec<_> = case.attachments.iter().copied().map(Bytes::from_static).collect();
        let args = reading.args.map(|args| values(args, &attachments));
        assert_eq!(args.unwrap_or_default(), (case.args)(), "{}", case.wire);
    }
}

#[test]
fn packets_are_written_as_node_writes_them() {
    for case in CASES {
        let Some(encode) = case.encode else { continue };
        let (text, attachments) = written(encode);
        assert_eq!(text, case.wire);
        assert_eq!(attachments, case.attachments, "{}", case.wire);
    }
}

/// Vectors 41 and 42 go only to clients, whose server refuses them.
#[test]
fn connection_errors_have_the_shape_of_the_clients_generation() {
    let data = JsonText::of(&json!({"code": "E001"})).unwrap();
    let cases = [
        (V4, "/", None, r#"4{"message":"not authorized"}"#),
        (
            V4,
            "/admin",
            Some(&data),
            r#"4/admin,{"message":"not authorized","data":{"code":"E001"}}"#,
        ),
        (V3, "/", None, r#"4"not authorized""#),
        (V3, "/admin", Some(&data), r#"4/admin,{"code":"E001"}"#),
    ];
    for (protocol, namespace, data, wire) in cases {
        let (text, attachments) =
            written(|buf| encode::connect_error(buf, HEADROOM, protocol, namespace, "not authorized", data));
        assert_eq!((text.as_str(), attachments), (wire, vec![]));
    }
}

/// As `JSON.stringify`, which writes `1e+21` and drops the sign of zero; the rest is the same in both.
#[test]
fn what_json_cannot_say_is_null() {
    let args = (
        f64::NAN,
        f64::INFINITY,
        f32::NEG_INFINITY,
        Some(f64::NAN),
        [None::<u8>],
        json!({}),
        "\u{2028}",
    );
    let (text, _) = written(|buf| encode::event(buf, HEADROOM, "/", None, "t", &args).unwrap());
    assert_eq!(text, "2[\"t\",null,null,null,null,[null],{},\"\u{2028}\"]");
}

#[test]
fn control_packets_start_right_after_the_headroom() {
    let mut buf = Vec::new();
    assert_eq!(encode::disconnect(&mut buf, 3, "/").start, 3);
    assert_eq!(buf, b"\0\0\x001");
}

#[test]
fn many_attachments_fit_in_front_of_the_packet() {
    let args = vec![Bytes::from_static(b"x"); 1234];
    let (text, attachments) = written(|buf| encode::ack(buf, HEADROOM, "/n", 7, &args).unwrap());
    assert!(
        text.starts_with(r#"61234-/n,7[[{"_placeholder":true,"num":0},{"#),
        "{text}"
    );
    assert_eq!(attachments, args);
}

#[test]
fn whatever_serialises_as_bytes_is_an_attachment_and_a_list_of_numbers_is_not() {
    let args = (
        serde_bytes::Bytes::new(b"a"),
        Some(serde_bytes::ByteBuf::from("b")),
        [Bytes::from_static(b"c")],
        vec![1_u8, 2],
    );
    let (text, attachments) = written(|buf| encode::event(buf, HEADROOM, "/", None, "e", &args).unwrap());
    let placeholder = |number: usize| format!(r#"{{"_placeholder":true,"num":{number}}}"#);
    let [a, b, c] = [0, 1, 2].map(placeholder);
    assert_eq!(text, format!(r#"53-["e",{a},{b},[{c}],[1,2]]"#));
    assert_eq!(attachments, ["a", "b", "c"]);
}
