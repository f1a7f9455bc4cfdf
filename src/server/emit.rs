//! Packets on their way out: encoded once, into one allocation.

use std::{cell::RefCell, convert::Infallible};

use serde::Serialize;

use crate::{
    Protocol,
    engine::{HEADROOM, Outgoing},
    packet::{
        EncodeError,
        encode::{self, Encoded},
    },
    server::ConnectError,
};

thread_local! {
    /// Packets are encoded here and then copied to an allocation of just their size.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A scratch that grew larger than this for one packet is given back.
const SCRATCH_KEPT: usize = 64 * 1024;

pub(super) fn event<A: Serialize + ?Sized>(
    namespace: &str,
    id: Option<u64>,
    event: &str,
    args: &A,
    compress: bool,
) -> Result<Outgoing, EncodeError> {
    encoded(compress, |buf| {
        encode::event(buf, HEADROOM, namespace, id, event, args)
    })
}

/// An event whose payload is encoded already.
pub(super) fn event_of_json(
    namespace: &str,
    id: Option<u64>,
    json: &str,
    attachments: &[bytes::Bytes],
    compress: bool,
) -> Outgoing {
    let Ok(outgoing) = encoded(compress, |buf| {
        let done = encode::event_of_json(buf, HEADROOM, namespace, id, json, attachments);
        Ok::<_, Infallible>(done)
    });
    outgoing
}

pub(super) fn ack<A: Serialize + ?Sized>(
    namespace: &str,
    id: u64,
    args: &A,
) -> Result<Outgoing, EncodeError> {
    encoded(true, |buf| encode::ack(buf, HEADROOM, namespace, id, args))
}

pub(super) fn connect(protocol: Protocol, namespace: &str, id: &str) -> Outgoing {
    control(|buf| encode::connect(buf, HEADROOM, protocol, namespace, id, None))
}

pub(super) fn disconnect(namespace: &str) -> Outgoing {
    control(|buf| encode::disconnect(buf, HEADROOM, namespace))
}

pub(super) fn connect_error(protocol: Protocol, namespace: &str, error: &ConnectError) -> Outgoing {
    control(|buf| encode::connect_error(buf, HEADROOM, protocol, namespace, error.message(), error.data()))
}

fn control(encode: impl FnOnce(&mut Vec<u8>) -> Encoded) -> Outgoing {
    let Ok(outgoing) = encoded(true, |buf| Ok::<_, Infallible>(encode(buf)));
    outgoing
}

fn encoded<E>(
    compress: bool,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<Encoded, E>,
) -> Result<Outgoing, E> {
    // Taken out while a user's `Serialize` runs: it might emit as well.
    let mut scratch = SCRATCH.take();
    let done = encode(&mut scratch)
        .map(|done| Outgoing::new(&mut scratch[done.start - HEADROOM..], done.attachments, compress));
    if scratch.capacity() <= SCRATCH_KEPT {
        SCRATCH.set(scratch);
    }
    done
}
