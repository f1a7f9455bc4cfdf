//! Handles of the crate `metrics`, made once for each server: what is measured for each packet looks nothing up.

use std::time::Instant;

use ::metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use super::{Dropped, RefusalReason};
use crate::{
    Protocol,
    engine::{CloseReason, Limit, Outgoing, Transport, clock},
    foreign,
};

const TRANSPORTS: [Transport; 2] = [Transport::Polling, Transport::WebSocket];

const CONNECTIONS: &str = "socketio_connections";
const OPENED: &str = "socketio_connections_opened_total";
const CLOSED: &str = "socketio_connections_closed_total";
const UPGRADES: &str = "socketio_upgrades_total";
const PACKETS_RECEIVED: &str = "socketio_packets_received_total";
const BYTES_RECEIVED: &str = "socketio_received_bytes_total";
const PACKETS_SENT: &str = "socketio_packets_sent_total";
const BYTES_SENT: &str = "socketio_sent_bytes_total";
const PACKETS_DROPPED: &str = "socketio_packets_dropped_total";
const REFUSALS: &str = "socketio_refusals_total";
const LIMITS: &str = "socketio_limits_exceeded_total";
const ACKS: &str = "socketio_ack_seconds";
const OUTBOX: &str = "socketio_outbox_bytes";

/// The instruments of one server.
pub(crate) struct Instruments {
    /// By transport and protocol.
    connections: [[Gauge; 2]; 2],
    opened: [[Counter; 2]; 2],
    closed: [Counter; CloseReason::ALL.len()],
    upgraded: Counter,
    upgrades_failed: Counter,
    /// By transport.
    received: [Flow; 2],
    sent: [Flow; 2],
    dropped: [Counter; Dropped::NAMES.len()],
    refused: [Counter; RefusalReason::NAMES.len()],
    acks: Histogram,
    outbox: Histogram,
}

/// Packets and their bytes.
struct Flow {
    packets: Counter,
    bytes: Counter,
}

/// Limits that were overstepped.
pub(crate) struct Overstepped([Counter; Limit::ALL.len()]);

/// The moment at which something was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

/// What a packet weighs.
#[derive(Clone, Copy)]
pub(crate) struct Weight {
    packets: usize,
    bytes: usize,
}

impl Instruments {
    pub(crate) fn new() -> Self {
        describe();
        Self {
            connections: by_transport_and_protocol(
                |transport, protocol| gauge!(CONNECTIONS, "transport" => transport, "protocol" => protocol),
            ),
            opened: by_transport_and_protocol(
                |transport, protocol| counter!(OPENED, "transport" => transport, "protocol" => protocol),
            ),
            closed: CloseReason::ALL.map(|reason| counter!(CLOSED, "reason" => reason.as_str())),
            upgraded: counter!(UPGRADES, "result" => "completed"),
            upgrades_failed: counter!(UPGRADES, "result" => "failed"),
            received: TRANSPORTS.map(|transport| Flow::new(PACKETS_RECEIVED, BYTES_RECEIVED, transport)),
            sent: TRANSPORTS.map(|transport| Flow::new(PACKETS_SENT, BYTES_SENT, transport)),
            dropped: Dropped::NAMES.map(|reason| counter!(PACKETS_DROPPED, "reason" => reason)),
            refused: RefusalReason::NAMES.map(|reason| counter!(REFUSALS, "reason" => reason)),
            acks: histogram!(ACKS),
            outbox: histogram!(OUTBOX),
        }
    }

    pub(crate) fn connected(&self, transport: Transport, protocol: Protocol) {
        let (transport, protocol) = (at(transport), revision(protocol));
        harmless(|| {
            self.connections[transport][protocol].increment(1);
            self.opened[transport][protocol].increment(1);
        });
    }

    pub(crate) fn upgraded(&self, protocol: Protocol) {
        let protocol = revision(protocol);
        harmless(|| {
            self.connections[at(Transport::Polling)][protocol].decrement(1);
            self.connections[at(Transport::WebSocket)][protocol].increment(1);
            self.upgraded.increment(1);
        });
    }

    pub(crate) fn upgrade_failed(&self) {
        harmless(|| self.upgrades_failed.increment(1));
    }

    pub(crate) fn disconnected(&self, transport: Transport, protocol: Protocol, reason: CloseReason) {
        harmless(|| {
            self.connections[at(transport)][revision(protocol)].decrement(1);
            self.closed[reason as usize].increment(1);
        });
    }

    pub(crate) fn received(&self, transport: Transport, bytes: usize) {
        harmless(|| self.received[at(transport)].count(Weight { packets: 1, bytes }));
    }

    pub(crate) fn weigh(packet: &Outgoing) -> Weight {
        Weight {
            packets: packet.packets(),
            bytes: packet.message_len(),
        }
    }

    pub(crate) fn sent(&self, transport: Transport, weight: Weight) {
        harmless(|| self.sent[at(transport)].count(weight));
    }

    pub(crate) fn dropped(&self, dropped: Dropped) {
        harmless(|| self.dropped[dropped as usize].increment(1));
    }

    pub(crate) fn refused(&self, refused: RefusalReason) {
        harmless(|| self.refused[refused as usize].increment(1));
    }

    /// The transport takes so many bytes out of an outbox.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a histogram takes floating point numbers"
    )]
    pub(crate) fn flushed(&self, bytes: usize) {
        if bytes > 0 {
            harmless(|| self.outbox.record(bytes as f64));
        }
    }

    pub(crate) fn acknowledged(&self, asked: Stopwatch) {
        harmless(|| self.acks.record(clock::now().saturating_duration_since(asked.0)));
    }
}

impl Overstepped {
    pub(crate) fn new() -> Self {
        Self(Limit::ALL.map(|limit| counter!(LIMITS, "limit" => limit.option())))
    }

    pub(crate) fn count(&self, limit: Limit) {
        harmless(|| self.0[limit as usize].increment(1));
    }
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(clock::now())
    }
}

impl Flow {
    fn new(packets: &'static str, bytes: &'static str, transport: Transport) -> Self {
        Self {
            packets: counter!(packets, "transport" => transport.as_str()),
            bytes: counter!(bytes, "transport" => transport.as_str()),
        }
    }

    fn count(&self, weight: Weight) {
        self.packets.increment(weight.packets as u64);
        self.bytes.increment(weight.bytes as u64);
    }
}

/// The recorder is the application's: its panic must not cost the session that is being counted, which may be half begun.
fn harmless(record: impl FnOnce()) {
    if foreign::call(record).is_err() {
        crate::log::debug!("the recorder of metrics panicked");
    }
}

fn by_transport_and_protocol<T>(make: impl Fn(&'static str, &'static str) -> T) -> [[T; 2]; 2] {
    TRANSPORTS.map(|transport| ["3", "4"].map(|protocol| make(transport.as_str(), protocol)))
}

const fn at(transport: Transport) -> usize {
    match transport {
        Transport::Polling => 0,
        Transport::WebSocket => 1,
    }
}

const fn revision(protocol: Protocol) -> usize {
    match protocol {
        Protocol::V3 => 0,
        Protocol::V4 => 1,
    }
}

/// Tells the recorder what the names mean.
fn describe() {
    let count = Unit::Count;
    describe_gauge!(CONNECTIONS, count, "Connections that are open.");
    describe_counter!(OPENED, count, "Connections that were opened.");
    describe_counter!(CLOSED, count, "Connections that ended.");
    describe_counter!(UPGRADES, count, "Attempts to move from polling to a WebSocket.");
    describe_counter!(PACKETS_RECEIVED, count, "Packets that clients sent.");
    describe_counter!(BYTES_RECEIVED, Unit::Bytes, "The bytes of these.");
    describe_counter!(PACKETS_SENT, count, "Packets that were queued for clients.");
    describe_counter!(BYTES_SENT, Unit::Bytes, "The bytes of these.");
    describe_counter!(PACKETS_DROPPED, count, "Packets that were not queued.");
    describe_counter!(REFUSALS, count, "Requests and namespaces that were refused.");
    describe_counter!(LIMITS, count, "Limits that were overstepped.");
    describe_histogram!(ACKS, Unit::Seconds, "From an event to its acknowledgement.");
    describe_histogram!(
        OUTBOX,
        Unit::Bytes,
        "What waited for a client when its transport took it."
    );
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::engine::HEADROOM;

    #[test]
    fn a_packet_weighs_what_its_messages_do() {
        let text = |text: &str| [&[0; HEADROOM], text.as_bytes()].concat();
        let bytes = |len| vec![Bytes::from(vec![0; len])];
        for (packet, packets, weight) in [
            (Outgoing::new(&mut text("2[1]"), Vec::new(), true), 1, 4),
            (Outgoing::new(&mut text(""), bytes(3), true), 2, 3),
            (Outgoing::binary(bytes(20), true), 1, 20),
            (Outgoing::binary(bytes(3), true), 1, 3),
        ] {
            let weighed = Instruments::weigh(&packet);
            assert_eq!((weighed.packets, weighed.bytes), (packets, weight));
        }
    }

    #[test]
    fn reasons_and_protocols_are_counted_by_their_places() {
        for (index, reason) in CloseReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "{reason:?}");
        }
        assert_eq!([Protocol::V3, Protocol::V4].map(revision), [0, 1]);
        assert_eq!(TRANSPORTS.map(at), [0, 1]);
    }
}
