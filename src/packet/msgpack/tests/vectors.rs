//! Packets as `socket.io-msgpack-parser` 2.2.1 and 3.0.2 write them.

use super::*;
use crate::packet::{
    JsonText, Rest,
    parser::{self, Packet, connect, connect_error, disconnect},
};
use serde_json::json;

/// What writes a packet, its bytes, and its arguments as JSON, in which bytes are numbers.
type Case = (fn(&mut Vec<u8>), &'static str, &'static str);

const CASES: &[Case] = &[
    (
        |buf| Codec.event(buf, "/", None, "ping", &()).unwrap(),
        "83a47479706502a46461746191a470696e67a36e7370a12f",
        "[]",
    ),
    (
        |buf| {
            let args = (1, "a", true, None::<u8>, -5, 1.5, json!({"k": [1]}));
            Codec.event(buf, "/", None, "echo", &args).unwrap();
        },
        "83a47479706502a46461746198a46563686f01a161c3c0fbcb3ff800000000000081a16b9101a36e7370a12f",
        r#"[1,"a",true,null,-5,1.5,{"k":[1]}]"#,
    ),
    (
        |buf| {
            Codec
                .event(buf, "/", Some(7), "q", &Bytes::from_static(&[1, 2, 3]))
                .unwrap()
        },
        "84a47479706502a2696407a46461746192a171c403010203a36e7370a12f",
        "[[1,2,3]]",
    ),
    (
        |buf| Codec.ack(buf, "/", 7, &()).unwrap(),
        "84a47479706503a2696407a46461746190a36e7370a12f",
        "[]",
    ),
    (
        |buf| {
            let args = ("é", Bytes::from_static(&[9, 9]));
            Codec.ack(buf, "/é", 300, &args).unwrap();
        },
        "84a47479706503a26964cd012ca46461746192a2c3a9c4020909a36e7370a32fc3a9",
        r#"["é",[9,9]]"#,
    ),
    (
        |buf| Codec.event(buf, "/", None, "e", &"x".repeat(40)).unwrap(),
        "83a47479706502a46461746192a165d92878787878787878787878787878787878787878787878787878787878787878787878787878787878a36e7370a12f",
        r#"["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]"#,
    ),
    (
        |buf| Codec.event(buf, "/", None, "e", &Rest(vec![0; 16])).unwrap(),
        "83a47479706502a464617461dc0011a16500000000000000000000000000000000a36e7370a12f",
        "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
    ),
    (
        |buf| {
            let values = ["echo".into(), Value::from(1)];
            Codec.event_of_values(buf, "/chat", None, &values).unwrap();
        },
        "83a47479706502a46461746192a46563686f01a36e7370a52f63686174",
        "[1]",
    ),
];

/// Client and server write them alike, in both generations.
#[test]
fn events_and_acknowledgements_are_those_of_npm() {
    for (write, npm, values) in CASES {
        let mut buf = b"left over".to_vec();
        write(&mut buf);
        assert_eq!(to_hex(&buf), *npm);
        let message = Bytes::from(buf);
        for protocol in [V3, V4] {
            let packet = decode(&message, protocol).unwrap();
            assert_eq!(args_of(&packet, protocol), *values, "{npm}");
        }
    }
}

/// The arguments as JSON, bytes as numbers.
fn args_of(packet: &Decoded<'_>, protocol: Protocol) -> String {
    let mut args: Args<'_> = match packet.kind {
        PacketType::Ack => packet.body().ack().unwrap(),
        _ => packet.body().event(protocol).unwrap().args,
    };
    serde_json::to_string(&args.rest::<Value>().unwrap()).unwrap()
}

#[test]
fn what_only_clients_write_is_read() {
    // `options` are the client's flags, for itself.
    let message = hex(
        "84a47479706502a46461746192a46563686f01a76f7074696f6e7381a8636f6d7072657373c3a36e7370a52f63686174",
    );
    let packet = decode(&message, V4).unwrap();
    assert_eq!(
        (packet.kind, &*packet.namespace, packet.id),
        (PacketType::Event, "/chat", None)
    );
    assert_eq!(args_of(&packet, V4), "[1]");

    // Types 5 and 6, of clients 2.x.
    let event = hex(
        "85a47479706505a46461746192a171c403010203a76f7074696f6e7381a8636f6d7072657373c3a2696407a36e7370a12f",
    );
    let packet = decode(&event, V3).unwrap();
    assert_eq!((packet.kind, packet.id), (PacketType::Event, Some(7)));
    assert_eq!(args_of(&packet, V3), "[[1,2,3]]");
    let ack = hex("84a47479706506a2696401a46461746191c4020909a36e7370a12f");
    let packet = decode(&ack, V3).unwrap();
    assert_eq!((packet.kind, packet.id), (PacketType::Ack, Some(1)));
    assert_eq!(args_of(&packet, V3), "[[9,9]]");

    let number = hex("83a47479706502a464617461920ca178a36e7370a12f");
    let packet = decode(&number, V4).unwrap();
    assert_eq!(packet.body().event(V4).unwrap().name, "12");
}

#[test]
fn a_client_asks_for_a_namespace() {
    let cases = [
        (
            "84a47479706500a464617461d40000a76f7074696f6e73d40000a36e7370a12f",
            "/",
            "",
        ),
        (
            "83a47479706500a46461746181a5746f6b656ea178a36e7370a52f6e6f7065",
            "/nope",
            r#"{"token":"x"}"#,
        ),
        ("82a47479706500a36e7370a12f", "/", ""),
        // `data: nil`, of clients in languages without `undefined`.
        ("83a47479706500a464617461c0a36e7370a12f", "/", ""),
    ];
    for (wire, namespace, auth) in cases {
        let message = hex(wire);
        let packet = decode(&message, V4).unwrap();
        assert_eq!(packet.kind, PacketType::Connect);
        assert_eq!((&*packet.namespace, packet.auth()), (namespace, auth), "{wire}");
    }
}

/// CONNECT, DISCONNECT and ERROR are JSON, and any packet may be.
#[test]
fn clients_2_x_write_texts() {
    let text = |text| Codec.decode_text(text, V3, LIMITS).unwrap();
    let packet = text(r#"{"type":0,"query":"a=b","nsp":"/chat?a=b"}"#);
    assert_eq!((packet.kind, &*packet.namespace), (PacketType::Connect, "/chat"));
    assert_eq!((packet.query.as_deref(), packet.auth()), (Some("a=b"), ""));
    let packet = text(r#"{"type":1,"nsp":"/admin"}"#);
    assert_eq!(
        (packet.kind, &*packet.namespace),
        (PacketType::Disconnect, "/admin")
    );
    let packet = text(r#"{"type":2,"data":["e",[1]],"id":3,"nsp":"\/a"}"#);
    assert_eq!(
        (packet.kind, &*packet.namespace, packet.id),
        (PacketType::Event, "/a", Some(3))
    );
    assert_eq!(args_of(&packet, V3), "[[1]]");
}

fn control(protocol: Protocol, packet: &Packet) -> String {
    let mut buf = b"left over".to_vec();
    match Codec.control(&mut buf, 3, protocol, packet) {
        true => String::from_utf8(buf.split_off(3)).unwrap(),
        false => to_hex(&buf),
    }
}

#[test]
fn control_packets_are_those_of_npm() {
    let sid = "QCagl5IBtK9NqVKvAAAA";
    let code = JsonText::of(&json!({"code": 1})).unwrap();
    let refused = |protocol, namespace, message, data| {
        control(protocol, &connect_error(protocol, namespace, message, data, true))
    };
    assert_eq!(
        control(V4, &connect(V4, "/", sid, None)),
        "83a47479706500a46461746181a3736964b4514361676c354942744b394e71564b7641414141a36e7370a12f"
    );
    assert_eq!(
        control(V3, &connect(V3, "/", sid, None)),
        r#"{"type":0,"nsp":"/"}"#
    );
    assert_eq!(
        control(V4, &disconnect("/admin")),
        "82a47479706501a36e7370a62f61646d696e"
    );
    assert_eq!(control(V3, &disconnect("/admin")), r#"{"type":1,"nsp":"/admin"}"#);
    assert_eq!(
        refused(V4, "/nope", "Invalid namespace", None),
        "83a47479706504a46461746181a76d657373616765b1496e76616c6964206e616d657370616365a36e7370a52f6e6f7065"
    );
    assert_eq!(
        refused(V4, "/", "no", Some(&code)),
        "83a47479706504a46461746182a76d657373616765a26e6fa46461746181a4636f646501a36e7370a12f"
    );
    assert_eq!(
        refused(V3, "/nope", "Invalid namespace", None),
        r#"{"type":4,"data":"Invalid namespace","nsp":"/nope"}"#
    );
}

/// The parser of clients 2.x reads nothing but a text there, and closes the connection over anything else.
#[test]
fn clients_2_x_get_the_data_of_a_refusal_only_where_it_is_a_text() {
    let of = |data: serde_json::Value, texts_only| {
        let data = JsonText::of(&data).unwrap();
        connect_error(V3, "/", "message", Some(&data), texts_only).data
    };
    assert_eq!(of(json!("data"), true), "data".into());
    assert_eq!(of(json!({"code": 1}), true), "message".into());
    assert_eq!(of(json!({"code": 1}), false), json!({"code": 1}).into());
    assert_eq!(u8::from(parser::PacketType::ConnectError), 4);
}
