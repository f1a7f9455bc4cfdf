//! What closes a connection, what is skipped, what passes: Node 4.8 for Engine.IO 4, Node 2.5 for Engine.IO 3.

use std::borrow::Cow;

use super::*;
use crate::{
    Protocol::{V3, V4},
    packet::{Pending, is_reserved},
};

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Ignored,
    Closes(Cow<'static, str>),
}
use Outcome::{Accepted, Ignored};

const fn closes(message: &'static str) -> Outcome {
    Outcome::Closes(Cow::Borrowed(message))
}

const INVALID: Outcome = closes("invalid payload");
const ILLEGAL: Outcome = closes("Illegal attachments");
const TOO_MANY: Outcome = closes("too many attachments");
const BAD_ID: Outcome = closes("invalid packet id");
const FROM_CLIENT: Outcome = closes("CONNECT_ERROR from a client");

/// The packet, what a client of Engine.IO 4 gets for it, what one of Engine.IO 3 gets.
const CASES: &[(&str, Outcome, Outcome)] = &[
    ("", INVALID, INVALID),
    ("7", closes("unknown packet type 7"), Ignored),
    ("9", closes("unknown packet type 9"), Ignored),
    ("x[1]", closes("unknown packet type NaN"), Ignored),
    ("é", closes("unknown packet type NaN"), Ignored),
    (" 2[\"a\"]", closes("unknown packet type NaN"), Ignored),
    // EVENT
    ("2", Accepted, Accepted),
    ("21", Accepted, Accepted),
    ("2/custom", Accepted, Accepted),
    ("2[]", INVALID, INVALID),
    ("2{}", INVALID, INVALID),
    ("2\"x\"", INVALID, INVALID),
    ("2[null]", INVALID, INVALID),
    ("2[{}]", INVALID, INVALID),
    ("2[[\"a\"]]", INVALID, INVALID),
    ("2[true]", INVALID, INVALID),
    ("2[1,2]", Accepted, Accepted),
    ("2[\"\"]", Accepted, Accepted),
    ("2[\"echo\",", INVALID, INVALID),
    ("2[\"a\",tru]", INVALID, INVALID),
    ("2[\"a\"]x", INVALID, INVALID),
    ("2[\"a\"][\"b\"]", INVALID, INVALID),
    ("2[\"a\",]", INVALID, INVALID),
    ("2[\"a\",01]", INVALID, INVALID),
    ("2[\"a\",\"\t\"]", INVALID, INVALID),
    ("2[\"a\",NaN]", INVALID, INVALID),
    ("2['a']", INVALID, INVALID),
    ("2-1[\"echo\"]", INVALID, INVALID),
    ("2/ad,min,[\"a\"]", INVALID, INVALID),
    // Node takes the space for a digit; ids are digits here, so it is JSON's white space.
    ("2 [\"echo\",1]", Accepted, Accepted),
    ("2 [ \"echo\" , 1 ] ", Accepted, Accepted),
    ("2 ", INVALID, INVALID),
    ("201[\"a\"]", Accepted, Accepted),
    ("218446744073709551616[\"a\"]", BAD_ID, BAD_ID),
    ("2[\"error\"]", Accepted, Accepted),
    ("2[\"connect\"]", INVALID, Ignored),
    ("2[\"connect_error\",1]", INVALID, Ignored),
    ("2[\"disconnect\"]", INVALID, Ignored),
    ("2[\"disconnecting\"]", INVALID, Ignored),
    ("2 [ \"newListener\"]", INVALID, Ignored),
    ("2[\"removeListener\"]", INVALID, Ignored),
    ("2[\"disc\\u006fnnect\"]", INVALID, Ignored),
    ("2[\"disconnect\",", INVALID, INVALID),
    ("2[\"\\ud800\"]", Accepted, Accepted),
    // ACK
    ("30[]", Accepted, Accepted),
    ("30", Accepted, Accepted),
    ("3[1]", Accepted, Accepted),
    ("3", Accepted, Accepted),
    ("3{}", INVALID, INVALID),
    ("30{}", INVALID, INVALID),
    ("30[", INVALID, INVALID),
    // CONNECT
    ("0", Accepted, Accepted),
    ("0{}", Accepted, Accepted),
    ("0/a,{\"token\":1}", Accepted, Accepted),
    ("0[]", INVALID, Accepted),
    ("0null", INVALID, Accepted),
    ("0\"x\"", INVALID, INVALID),
    ("0{\"token\":", INVALID, INVALID),
    ("0true", INVALID, INVALID),
    // DISCONNECT
    ("1", Accepted, Accepted),
    ("1/admin", Accepted, Accepted),
    ("1{\"a\":1}", INVALID, INVALID),
    ("1null", INVALID, INVALID),
    // CONNECT_ERROR
    ("4{\"message\":\"x\"}", FROM_CLIENT, Accepted),
    ("4\"x\"", FROM_CLIENT, Accepted),
    ("4", FROM_CLIENT, Accepted),
    ("4true", INVALID, INVALID),
    ("4[]", INVALID, Accepted),
    ("4{", INVALID, INVALID),
    // binary
    ("50-[\"a\"]", ILLEGAL, ILLEGAL),
    ("5[\"a\"]", ILLEGAL, ILLEGAL),
    ("5", ILLEGAL, ILLEGAL),
    ("5-[\"a\"]", ILLEGAL, ILLEGAL),
    ("51", ILLEGAL, ILLEGAL),
    ("51e0-[\"a\"]", ILLEGAL, ILLEGAL),
    ("5 1-[\"a\"]", ILLEGAL, ILLEGAL),
    ("51.5-[\"a\"]", ILLEGAL, ILLEGAL),
    ("51-", Accepted, Accepted),
    ("510-[\"a\"]", Accepted, Accepted),
    ("511-[\"a\"]", TOO_MANY, TOO_MANY),
    ("599999999999999999999999-[\"a\"]", TOO_MANY, TOO_MANY),
    ("5001-[\"a\"]", Accepted, Accepted),
    ("51-[]", INVALID, INVALID),
    ("51-[\"a\",tru]", INVALID, INVALID),
    ("51-[\"disconnect\"]", INVALID, Ignored),
    ("61-0[]", Accepted, Accepted),
    ("61-{}", INVALID, INVALID),
];

fn outcome(text: &str, protocol: Protocol) -> Outcome {
    match read(text, protocol) {
        Ok(_) => Accepted,
        Err(error) if error.is_ignorable() => Ignored,
        Err(error) => Outcome::Closes(error.to_string().into()),
    }
}

#[test]
fn each_generation_gets_the_strictness_of_its_server() {
    for (text, v4, v3) in CASES {
        assert_eq!(outcome(text, V4), *v4, "{text:?} from Engine.IO 4");
        assert_eq!(outcome(text, V3), *v3, "{text:?} from Engine.IO 3");
    }
}

#[test]
fn an_invalid_binary_packet_is_refused_before_its_attachments_come() {
    for text in ["51-[\"a\",tru]", "51-{}", "51-[null]", "61-0[", "61-0{}"] {
        assert!(
            decode(text, V3, MAX_ATTACHMENTS).is_err_and(|error| !error.is_ignorable()),
            "{text}"
        );
    }
}

/// What follows an ignored packet must be a packet.
#[test]
fn a_packet_with_attachments_is_ignored_only_once_they_have_come() {
    for text in ["51-[\"disconnect\"]", "61-[]"] {
        assert_eq!(
            decode(text, V3, MAX_ATTACHMENTS).unwrap().attachments,
            1,
            "{text}"
        );
    }
    assert!(args::event("[\"disconnect\"]", V3).is_err_and(|error| error.is_ignorable()));
}

#[test]
fn the_query_of_a_namespace_is_engine_io_3() {
    let v3 = decode("2/custom?token=1,[\"a\"]", V3, 0).unwrap();
    assert_eq!((v3.namespace, v3.query), ("/custom", Some("token=1")));
    let v4 = decode("0/custom?x=1,", V4, 0).unwrap();
    assert_eq!((v4.namespace, v4.query), ("/custom?x=1", None));
    let root = decode("0/?a=b", V3, 0).unwrap();
    assert_eq!((root.namespace, root.query), ("/", Some("a=b")));
}

#[test]
fn a_namespace_may_end_with_the_packet() {
    let packet = decode("1/admin", V4, 0).unwrap();
    assert_eq!((packet.namespace, packet.payload), ("/admin", ""));
}

#[test]
fn misplaced_messages_are_told_in_the_words_of_node() {
    let text = DecodeError::text_among_attachments();
    assert_eq!(
        text.to_string(),
        "got plaintext data when reconstructing a packet"
    );
    let binary = DecodeError::unannounced_binary();
    assert_eq!(
        binary.to_string(),
        "got binary data when not reconstructing a packet"
    );
    assert!(!text.is_ignorable() && !binary.is_ignorable());
}

#[test]
fn a_binary_packet_is_complete_with_its_last_attachment() {
    let mut pending = Pending::new("52-[\"a\"]", 2);
    assert!(!pending.push(Bytes::from_static(b"1")));
    assert!(pending.push(Bytes::from_static(b"2")));
    let (text, attachments) = pending.into_parts();
    assert_eq!(&*text, "52-[\"a\"]");
    assert_eq!(*attachments, [Bytes::from("1"), Bytes::from("2")]);
}

#[test]
fn six_names_are_reserved() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        assert!(is_reserved(name), "{name}");
    }
    for name in ["", "error", "connection", "message", "Connect", "disconnected"] {
        assert!(!is_reserved(name), "{name}");
    }
}
