//! What is written reads as what it was, for any value.

use proptest::prelude::*;

use super::*;
use crate::packet::{check_own_placeholders, check_placeholders};

pub(in crate::packet) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(|bytes| Value::Binary(bytes.into())),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("(num|_|_placeholder|[a-z\"\\\\é]{0,4})", inner), 0..6)
                .prop_map(Value::from_iter),
        ]
    })
}

fn any_namespace() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[^,?]{0,8}"]
}

proptest! {
    #[test]
    fn events_read_as_they_were_written(
        namespace in any_namespace(),
        id in any::<Option<u64>>(),
        name in any::<String>().prop_filter("reserved", |name| !crate::packet::is_reserved(name)),
        args in (any_value(), any_value()),
    ) {
        let (text, attachments) =
            written(|buf| encode::event(buf, HEADROOM, &namespace, id, &name, &args).unwrap());
        for protocol in [Protocol::V3, Protocol::V4] {
            let packet = decode(&text, protocol, usize::MAX).unwrap();
            let binary = !attachments.is_empty();
            let kind = if binary { PacketType::BinaryEvent } else { PacketType::Event };
            prop_assert_eq!((packet.kind, packet.attachments), (kind, attachments.len()));
            prop_assert_eq!((packet.namespace, packet.id), (namespace.as_str(), id));
            prop_assert!(check_own_placeholders(packet.payload, attachments.len()).is_ok());
            let event = args::event(packet.payload, protocol).unwrap();
            prop_assert_eq!(&*event.name, &name);
            let (first, second) = args.clone();
            let mut args = event.args.with_own_attachments(&attachments);
            prop_assert_eq!(args.rest::<Value>().unwrap(), vec![first, second]);
        }
    }

    #[test]
    fn acknowledgements_read_as_they_were_written(id in any::<u64>(), args in (any_value(), any_value())) {
        let (text, attachments) = written(|buf| encode::ack(buf, HEADROOM, "/a", id, &args).unwrap());
        let packet = decode(&text, Protocol::V4, usize::MAX).unwrap();
        prop_assert_eq!(packet.id, Some(id));
        let read = args::ack(packet.payload).unwrap().with_own_attachments(&attachments);
        prop_assert_eq!(read.all_as::<(Value, Value)>().unwrap(), args);
    }

    #[test]
    fn one_argument_reads_as_it_was_written(arg in any_value()) {
        let (text, attachments) = written(|buf| encode::ack(buf, HEADROOM, "/", 0, &arg).unwrap());
        let packet = decode(&text, Protocol::V4, usize::MAX).unwrap();
        let read = args::ack(packet.payload).unwrap().with_own_attachments(&attachments);
        prop_assert_eq!(read.all_as::<Value>().unwrap(), arg);
    }

    /// Whatever a peer sends, it is judged and not panicked over, and the judgement of the JSON is serde's.
    #[test]
    fn no_text_panics(text in "[0-7]?[0-9]{0,2}-?(/[a-z,?]{0,3})?[0-9]{0,2}[\\[\\]{}\",:a0-9. \\\\u_é]{0,16}") {
        for protocol in [Protocol::V3, Protocol::V4] {
            if let Ok(reading) = read(&text, protocol) {
                let payload = reading.packet.payload;
                prop_assert!(payload.is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(payload).is_ok());
                let _ = check_placeholders(payload, 1, usize::MAX);
                let _ = reading.args.map(|mut args| args.rest::<Value>());
            }
        }
    }
}
