//! The packet room as a whole: wire texts and what they mean.

use bytes::Bytes;

use super::{
    Args, DecodeError, Packet, PacketType, Value, args, decode,
    encode::{self, Encoded},
};
use crate::Protocol;

mod arguments;
mod placeholders;
mod round_trip;
mod strictness;
mod vectors;

pub(in crate::packet) use round_trip::any_value;

const MAX_ATTACHMENTS: usize = 10;
const HEADROOM: usize = 14;

/// Runs an encoder over a dirty buffer and takes its text.
fn written(encode: impl FnOnce(&mut Vec<u8>) -> Encoded) -> (String, Vec<Bytes>) {
    let mut buf = b"left over from the last packet".to_vec();
    let Encoded { start, attachments } = encode(&mut buf);
    assert!(start >= HEADROOM, "{start} bytes of headroom");
    (String::from_utf8(buf.split_off(start)).unwrap(), attachments)
}

/// A packet and its payload, read as a server reads them.
#[derive(Debug)]
struct Reading<'a> {
    packet: Packet<'a>,
    name: Option<String>,
    args: Option<Args<'a>>,
}

fn read(text: &str, protocol: Protocol) -> Result<Reading<'_>, DecodeError> {
    let packet = decode(text, protocol, MAX_ATTACHMENTS)?;
    let (name, args) = match packet.kind {
        PacketType::Event | PacketType::BinaryEvent => {
            let event = args::event(packet.payload, protocol)?;
            (Some(event.name.into_owned()), Some(event.args))
        }
        PacketType::Ack | PacketType::BinaryAck => (None, Some(args::ack(packet.payload)?)),
        _ => (None, None),
    };
    Ok(Reading { packet, name, args })
}

fn values<'a>(args: Args<'a>, attachments: &'a [Bytes]) -> Vec<Value> {
    args.with_attachments(attachments).rest().unwrap()
}

fn binary(bytes: &'static [u8]) -> Value {
    Value::Binary(Bytes::from_static(bytes))
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().collect()
}
