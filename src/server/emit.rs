//! Packets on their way out: encoded once, into one allocation.

use std::{cell::RefCell, convert::Infallible, sync::Arc};

use bytes::Bytes;
use serde::Serialize;

use crate::{
    Protocol,
    adapter::Payload,
    engine::{Connection, HEADROOM, Outgoing},
    packet::{
        self, EncodeError,
        args::{self, EventPayload},
        encode::{self, Encoded},
        msgpack::Limits,
        parser::{self, Kind, Packet, PacketParser, Parser},
    },
    server::{
        ConnectError, EmitError, Socket,
        custom::{self, EachGeneration},
    },
};

thread_local! {
    /// Packets are encoded here and then copied to an allocation of just their size.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A scratch that grew larger than this for one packet is given back. There is one for each thread, and it is worth keeping for the
/// largest messages that clients may send by default: fresh memory costs more than all else that is done with long packets.
const SCRATCH_KEPT: usize = 1 << 20;

/// An event, written for all who get it.
#[derive(Debug)]
pub(super) enum EventPacket {
    /// All get the same.
    Same(Outgoing),
    /// The parser may write it differently for each generation.
    EachGeneration(Box<EachGeneration>),
}

impl EventPacket {
    /// As this socket's client gets it; `None` if it can't be written for that.
    pub(super) fn of(&self, socket: &Socket) -> Option<&Outgoing> {
        match self {
            Self::Same(outgoing) => Some(outgoing),
            Self::EachGeneration(each) => each.of(socket.protocol()),
        }
    }

    /// As the only socket's client gets it.
    pub(super) fn into_outgoing(self, socket: &Socket) -> Result<Outgoing, EmitError> {
        match self {
            Self::Same(outgoing) => Ok(outgoing),
            Self::EachGeneration(_) => self.into_generation(socket.protocol()),
        }
    }

    /// As clients of this generation get it.
    pub(super) fn into_generation(self, protocol: Protocol) -> Result<Outgoing, EmitError> {
        match self {
            Self::Same(outgoing) => Ok(outgoing),
            Self::EachGeneration(each) => match each.of(protocol) {
                Some(outgoing) => Ok(outgoing.clone()),
                None => Err(each
                    .into_failure()
                    .map_or_else(EmitError::closed, EmitError::from)),
            },
        }
    }

    /// Has what is made of it for connections with compression made once for all of them.
    pub(super) fn share_compressed(self) -> Self {
        match self {
            Self::Same(outgoing) => Self::Same(outgoing.share_compressed()),
            Self::EachGeneration(each) => Self::EachGeneration(each.share_compressed()),
        }
    }

    /// What its client is about to hear, read back for listeners on this side.
    pub(super) fn read<R>(
        &self,
        parser: &PacketParser,
        read: impl FnOnce(EventPayload<'_>) -> R,
    ) -> Option<R> {
        let outgoing = match self {
            Self::Same(outgoing) => outgoing,
            Self::EachGeneration(each) => return Some(read(each.body().event(Protocol::V4).ok()?)),
        };
        // Nothing but this server's own encoders has written it.
        let attached = outgoing.attached();
        if let Kind::Msgpack(codec) = parser.kind() {
            let packet = codec.decode(attached.first()?, Protocol::V4, Limits::NONE).ok()?;
            return Some(read(packet.body().event(Protocol::V4).ok()?));
        }
        let packet = packet::decode_checked(outgoing.message(), Protocol::V4, usize::MAX).ok()?;
        let mut event = args::event(packet.payload, Protocol::V4).ok()?;
        event.args = event.args.with_own_attachments(&attached);
        Some(read(event))
    }

    /// Whether it could be written for all who were to get it.
    pub(super) fn into_result(self) -> Result<(), EmitError> {
        let failure = match self {
            Self::Same(_) => None,
            Self::EachGeneration(each) => each.into_failure(),
        };
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}

pub(super) fn event<A: Serialize + ?Sized>(
    parser: &PacketParser,
    namespace: &str,
    id: Option<u64>,
    event: &str,
    args: &A,
    compress: bool,
) -> Result<EventPacket, EncodeError> {
    Ok(EventPacket::Same(match parser.kind() {
        Kind::Json => encoded(compress, |buf| {
            encode::event(buf, HEADROOM, namespace, id, event, args)
        })?,
        Kind::Msgpack(codec) => binary(compress, |buf| codec.event(buf, namespace, id, event, args))?,
        Kind::Custom(parser) => {
            let packet = custom::event(namespace, id, &Payload::event(event, args)?)?;
            return Ok(each_generation(parser, packet, compress));
        }
    }))
}

/// An event whose name and arguments are serialised already.
pub(super) fn event_of_payload(
    parser: &PacketParser,
    namespace: &str,
    id: Option<u64>,
    payload: &Payload,
    compress: bool,
) -> Result<EventPacket, EncodeError> {
    Ok(EventPacket::Same(match parser.kind() {
        Kind::Json => {
            let (json, attachments) = (payload.json(), payload.attachments());
            let Ok(outgoing) = encoded(compress, |buf| {
                let done = encode::event_of_json(buf, HEADROOM, namespace, id, json, attachments);
                Ok::<_, Infallible>(done)
            });
            outgoing
        }
        Kind::Msgpack(codec) => {
            let values = payload.values()?;
            binary(compress, |buf| codec.event_of_values(buf, namespace, id, &values))?
        }
        Kind::Custom(parser) => {
            let packet = custom::event(namespace, id, payload)?;
            return Ok(each_generation(parser, packet, compress));
        }
    }))
}

pub(super) fn ack<A: Serialize + ?Sized>(
    parser: &PacketParser,
    to: &Connection,
    namespace: &str,
    id: u64,
    args: &A,
) -> Result<Outgoing, EncodeError> {
    match parser.kind() {
        Kind::Json => encoded(true, |buf| encode::ack(buf, HEADROOM, namespace, id, args)),
        Kind::Msgpack(codec) => binary(true, |buf| codec.ack(buf, namespace, id, args)),
        Kind::Custom(parser) => {
            let packet = custom::ack(namespace, id, &Payload::answer(args)?)?;
            custom::written(&**parser, &packet, to.protocol(), true)
        }
    }
}

pub(super) fn connect(
    parser: &PacketParser,
    protocol: Protocol,
    namespace: &str,
    id: &str,
    pid: Option<&str>,
) -> Result<Outgoing, EncodeError> {
    if parser.is_json() {
        return Ok(json(|buf| {
            encode::connect(buf, HEADROOM, protocol, namespace, id, pid)
        }));
    }
    control(parser, protocol, &parser::connect(protocol, namespace, id, pid))
}

pub(super) fn disconnect(
    parser: &PacketParser,
    protocol: Protocol,
    namespace: &str,
) -> Result<Outgoing, EncodeError> {
    if parser.is_json() {
        return Ok(json(|buf| encode::disconnect(buf, HEADROOM, namespace)));
    }
    control(parser, protocol, &parser::disconnect(namespace))
}

pub(super) fn connect_error(
    parser: &PacketParser,
    protocol: Protocol,
    namespace: &str,
    error: &ConnectError,
) -> Result<Outgoing, EncodeError> {
    let (message, data) = (error.message(), error.data());
    if parser.is_json() {
        return Ok(json(|buf| {
            encode::connect_error(buf, HEADROOM, protocol, namespace, message, data)
        }));
    }
    let packet = parser::connect_error(protocol, namespace, message, data, parser.is_msgpack());
    control(parser, protocol, &packet)
}

fn each_generation(parser: &Arc<dyn Parser>, packet: Packet, compress: bool) -> EventPacket {
    EventPacket::EachGeneration(Box::new(EachGeneration::new(parser.clone(), packet, compress)))
}

fn json(encode: impl FnOnce(&mut Vec<u8>) -> Encoded) -> Outgoing {
    let Ok(outgoing) = encoded(true, |buf| Ok::<_, Infallible>(encode(buf)));
    outgoing
}

/// A packet of the protocol's own, for parsers other than the JSON one.
fn control(parser: &PacketParser, protocol: Protocol, packet: &Packet) -> Result<Outgoing, EncodeError> {
    match parser.kind() {
        Kind::Json => unreachable!("invariant: JSON has a way of its own"),
        Kind::Msgpack(codec) => Ok(with_scratch(|buf| {
            match codec.control(buf, HEADROOM, protocol, packet) {
                true => Outgoing::new(buf, Vec::new(), true),
                false => Outgoing::binary(vec![Bytes::copy_from_slice(buf)], true),
            }
        })),
        Kind::Custom(parser) => custom::written(&**parser, packet, protocol, true),
    }
}

fn encoded<E>(
    compress: bool,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<Encoded, E>,
) -> Result<Outgoing, E> {
    with_scratch(|scratch| {
        let done = encode(scratch)?;
        Ok(Outgoing::new(
            &mut scratch[done.start - HEADROOM..],
            done.attachments,
            compress,
        ))
    })
}

/// A packet that is one binary message.
fn binary<E>(compress: bool, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Outgoing, E> {
    with_scratch(|scratch| {
        encode(scratch)?;
        Ok(Outgoing::binary(vec![Bytes::copy_from_slice(scratch)], compress))
    })
}

fn with_scratch<R>(write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    // Taken out while a user's `Serialize` runs: it might emit as well. A thread that ends has none any more.
    let mut scratch = SCRATCH.try_with(RefCell::take).unwrap_or_default();
    let written = write(&mut scratch);
    if scratch.capacity() <= SCRATCH_KEPT {
        let _ = SCRATCH.try_with(|kept| kept.replace(scratch));
    }
    written
}
