//! What a selection does, done by other servers too. Local sockets always come first.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    adapter::{Cluster, Flags, Message, Options, Payload},
    room::Room,
    server::{
        AckStream, Broadcast, EmitError,
        emit::{self, EventPacket},
    },
};

impl Broadcast {
    /// The other servers, where they are concerned.
    pub(in crate::server) fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.namespace.cluster().filter(|_| !self.flags.local)
    }

    /// Serialises the arguments once, for this server's clients and the other servers.
    pub(in crate::server) fn emit_across<A: Serialize>(
        &self,
        cluster: &Cluster,
        event: &str,
        args: &A,
    ) -> Result<(), EmitError> {
        let Some(options) = self.options() else {
            return Ok(());
        };
        let packet = Payload::event(event, args)?;
        // Others may have a parser that can write it.
        let here = self.emit_payload(&packet);
        let message = Message::Broadcast {
            packet,
            options,
            request: None,
        };
        cluster.publish(self.namespace.name(), message);
        here
    }

    pub(in crate::server) fn ask_across<T, A: Serialize>(
        &self,
        cluster: &Arc<Cluster>,
        event: &str,
        args: &A,
    ) -> AckStream<T> {
        let packet = match Payload::event(event, args) {
            Ok(packet) => packet,
            Err(error) => return AckStream::failed(error.into()),
        };
        let local = self.ask_payload(&packet);
        let Some(mut options) = self.options() else {
            return local;
        };
        let timeout = self.flags.timeout.unwrap_or_else(|| self.namespace.ack_timeout());
        options.flags.timeout = Some(timeout);
        let waiting = cluster.begin(self.namespace.name());
        let message = Message::Broadcast {
            packet,
            options,
            request: Some(waiting.id()),
        };
        let asked = cluster.ask(self.namespace.name(), message);
        local.with_remote(waiting, self.namespace.clone(), timeout, asked)
    }

    /// Encodes once for the clients of this server, and sends.
    pub(in crate::server) fn emit_payload(&self, packet: &Payload) -> Result<(), EmitError> {
        if let Some(recovery) = self.namespace.recovery().filter(|_| !self.flags.volatile) {
            return self.emit_recoverably(recovery, packet);
        }
        let selection = self.select();
        if selection.is_empty() {
            return Ok(());
        }
        let packet = self.encode_payload(packet, None)?;
        self.deliver_to_all(&selection, packet)
    }

    pub(super) fn ask_payload<T>(&self, packet: &Payload) -> AckStream<T> {
        let id = self.namespace.next_ack();
        match self.encode_payload(packet, Some(id)) {
            Ok(packet) => self.ask(id, packet),
            Err(error) => AckStream::failed(error),
        }
    }

    pub(in crate::server) fn join_across(&self, rooms: Vec<Room>) {
        self.publish(|options| Message::Join { options, rooms });
    }

    pub(in crate::server) fn leave_across(&self, rooms: Vec<Room>) {
        self.publish(|options| Message::Leave { options, rooms });
    }

    pub(in crate::server) fn disconnect_across(&self, close: bool) {
        self.publish(|options| Message::Disconnect { options, close });
    }

    /// `None` where nobody is meant.
    pub(super) fn options(&self) -> Option<Options> {
        let flags = Flags {
            volatile: self.flags.volatile,
            compress: (!self.flags.compress).then_some(false),
            timeout: self.flags.timeout,
        };
        Options::of(&self.target, flags)
    }

    fn publish(&self, message: impl FnOnce(Options) -> Message) {
        if let Some(cluster) = self.cluster()
            && let Some(options) = self.options()
        {
            cluster.publish(self.namespace.name(), message(options));
        }
    }

    pub(in crate::server) fn encode_payload(
        &self,
        packet: &Payload,
        id: Option<u64>,
    ) -> Result<EventPacket, EmitError> {
        let (parser, name) = (self.namespace.parser(), self.namespace.name());
        let packet = emit::event_of_payload(parser, name, id, packet, self.flags.compress)?;
        Ok(self.shared(packet))
    }
}
