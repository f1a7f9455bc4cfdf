//! Packets that a user's parser writes.

use std::{cell::OnceCell, sync::Arc};

use crate::{
    Protocol,
    adapter::Payload,
    engine::{HEADROOM, Outgoing},
    foreign,
    packet::{
        Body, EncodeError, Value,
        parser::{Messages, Packet, PacketType, Parser},
    },
};

/// A packet that is written once for each generation that somebody who gets it is of.
#[derive(Debug)]
pub(super) struct EachGeneration {
    parser: Arc<dyn Parser>,
    packet: Packet,
    compress: bool,
    /// Compressed once for all.
    shared: bool,
    v3: OnceCell<Written>,
    v4: OnceCell<Written>,
}

/// What stands between the packets of a polling response of Engine.IO 4. JSON always escapes it.
const SEPARATOR: char = '\u{1e}';

type Written = Result<Outgoing, EncodeError>;

pub(super) fn event(namespace: &str, id: Option<u64>, payload: &Payload) -> Result<Packet, EncodeError> {
    let data = Value::Array(payload.values()?);
    Ok(Packet::new(PacketType::Event, namespace, data).with_id(id))
}

pub(super) fn ack(namespace: &str, id: u64, payload: &Payload) -> Result<Packet, EncodeError> {
    let data = Value::Array(payload.values()?);
    Ok(Packet::new(PacketType::Ack, namespace, data).with_id(Some(id)))
}

/// Has the parser write a packet.
pub(super) fn written(parser: &dyn Parser, packet: &Packet, protocol: Protocol, compress: bool) -> Written {
    let written = foreign::call(|| parser.encode(packet, protocol));
    let Messages { text, binary } = match written {
        Ok(written) => written.map_err(EncodeError::of)?,
        Err(panicked) => return Err(EncodeError::of(panicked)),
    };
    let binary = binary.into_iter().map(foreign::bytes).collect();
    Ok(match text {
        Some(text) if protocol == Protocol::V4 && text.contains(SEPARATOR) => {
            return Err(EncodeError::of(
                "the parser's text has a U+001E in it, which separates packets in Engine.IO 4",
            ));
        }
        Some(text) => {
            let mut text = [&[0; HEADROOM], text.as_bytes()].concat();
            Outgoing::new(&mut text, binary, compress)
        }
        None => Outgoing::binary(binary, compress),
    })
}

impl EachGeneration {
    pub(super) fn new(parser: Arc<dyn Parser>, packet: Packet, compress: bool) -> Self {
        Self {
            parser,
            packet,
            compress,
            shared: false,
            v3: OnceCell::new(),
            v4: OnceCell::new(),
        }
    }

    pub(super) fn share_compressed(mut self: Box<Self>) -> Box<Self> {
        self.shared = true;
        self
    }

    /// Its name and arguments.
    pub(super) fn body(&self) -> Body<'_> {
        Body::Values(self.packet.data.as_array().map_or(&[], Vec::as_slice))
    }

    /// As clients of this generation get it; `None` if it can't be written for them.
    pub(super) fn of(&self, protocol: Protocol) -> Option<&Outgoing> {
        let cell = match protocol {
            Protocol::V3 => &self.v3,
            Protocol::V4 => &self.v4,
        };
        let written = cell.get_or_init(|| {
            let written = written(&*self.parser, &self.packet, protocol, self.compress)?;
            Ok(match self.shared {
                true => written.share_compressed(),
                false => written,
            })
        });
        written.as_ref().ok()
    }

    /// Why it could not be written for somebody.
    pub(super) fn into_failure(self) -> Option<EncodeError> {
        [self.v3, self.v4]
            .into_iter()
            .find_map(|cell| cell.into_inner()?.err())
    }
}
