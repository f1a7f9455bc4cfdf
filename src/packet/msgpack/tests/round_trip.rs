//! What is written reads as what it was, for any value; and no bytes panic.

use proptest::prelude::*;

use super::*;
use crate::packet::{Rest, msgpack::fuzzing, tests::any_value};

const ANY: Limits = Limits {
    depth: usize::MAX,
    binaries: usize::MAX,
};

proptest! {
    #[test]
    fn events_read_as_they_were_written(
        namespace in "/[^?]{0,40}",
        id in any::<Option<u64>>(),
        name in any::<String>().prop_filter("reserved", |name| !crate::packet::is_reserved(name)),
        args in prop::collection::vec(any_value(), 0..40),
    ) {
        let mut buf = Vec::new();
        Codec.event(&mut buf, &namespace, id, &name, &Rest(args.clone())).unwrap();
        let message = Bytes::from(buf);
        for protocol in [V3, V4] {
            let packet = Codec.decode(&message, protocol, ANY).unwrap();
            prop_assert_eq!((packet.kind, &*packet.namespace, packet.id), (PacketType::Event, &*namespace, id));
            let body = packet.body().keep();
            let mut event = body.as_body().event(protocol).unwrap();
            prop_assert_eq!(&*event.name, &name);
            prop_assert_eq!(event.args.rest::<Value>().unwrap(), args.clone());
        }
        // From the values that servers send each other, the packet is the same.
        let values: Vec<Value> = [name.into()].into_iter().chain(args).collect();
        let mut again = Vec::new();
        Codec.event_of_values(&mut again, &namespace, id, &values).unwrap();
        prop_assert_eq!(&again, &message);
    }

    #[test]
    fn acknowledgements_read_as_they_were_written(id in any::<u64>(), arg in any_value()) {
        let mut buf = Vec::new();
        Codec.ack(&mut buf, "/a", id, &arg).unwrap();
        let message = Bytes::from(buf);
        let packet = Codec.decode(&message, V4, ANY).unwrap();
        prop_assert_eq!((packet.kind, packet.id), (PacketType::Ack, Some(id)));
        prop_assert_eq!(packet.body().ack().unwrap().all_as::<Value>().unwrap(), arg);
    }

    #[test]
    fn floats_keep_every_bit(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        let read: f64 = one(&written(&number)).unwrap();
        prop_assert_eq!(read.to_bits(), number.to_bits());
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        fuzzing::check(&bytes);
    }

    /// Bytes that get further than most.
    #[test]
    fn no_arguments_panic(args in prop::collection::vec(0x80..=0xff_u8, 0..24), count in 0..15_u8) {
        fuzzing::check(&event(&to_hex(&args), count));
    }
}
