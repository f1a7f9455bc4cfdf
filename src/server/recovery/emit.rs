//! Events that can be sent again.

use std::{cell::OnceCell, sync::Arc};

use serde::Serialize;

use super::{Recovery, history::Position};
use crate::{
    Protocol,
    adapter::Payload,
    engine::{self, Outgoing},
    room::Member as _,
    server::{
        Broadcast, EmitError, Socket,
        emit::{self, EventPacket},
        namespace::NamespaceInner,
    },
};

impl Recovery {
    /// Writes an event with its offset, and keeps it.
    fn record(
        &self,
        namespace: &Arc<NamespaceInner>,
        payload: &Payload,
        write: impl FnOnce(&Payload) -> Result<EventPacket, EmitError>,
    ) -> Result<(Position, Outgoing), EmitError> {
        let position = self.log.reserve();
        let written = write(&payload.with_last(&self.log.offset(position)))
            .and_then(|packet| packet.into_generation(Protocol::V4))
            .inspect_err(|_| self.log.give_back(position));
        let outgoing = written?;
        self.log.store(position, outgoing.clone(), engine::now());
        namespace.shorten_logs_together(self);
        // An emit from outside may be all that happens in a namespace.
        namespace.look_after_recovery();
        Ok((position, outgoing))
    }
}

impl Broadcast {
    /// To the sockets of this server, and those of its sessions that wait for their clients.
    pub(in crate::server) fn emit_recoverably(
        &self,
        recovery: &Recovery,
        payload: &Payload,
    ) -> Result<(), EmitError> {
        let (live, parked, early) = {
            // Under both: who leaves the one is in the other.
            let index = self.namespace.index();
            let sessions = recovery.sessions();
            let parked = sessions.parked().select(&self.target);
            (index.select(&self.target), parked, sessions.early())
        };
        if live.is_empty() && parked.is_empty() {
            return Ok(());
        }
        let written = OnceCell::new();
        let plain = || written.get_or_init(|| self.encode_payload(payload, None));
        if self.namespace.tells_outgoing()
            && let Ok(packet) = plain()
        {
            self.tell_outgoing(&live, packet);
        }
        // Clients of Engine.IO 3 never come back for it, and the namespace is to end with the last of them.
        let is_for_sessions = !parked.is_empty() || live.iter().any(|socket| socket.recoverable().is_some());
        let recorded = is_for_sessions.then(|| {
            recovery.record(&self.namespace, payload, |payload| {
                self.encode_payload(payload, None)
            })
        });
        live.each(|socket| match (socket.recoverable(), &recorded) {
            // It is connected, or waits for its client; but nothing comes after a leave that has been announced.
            (Some(recoverable), Some(Ok((position, packet))))
                if !socket.starts().is_lost() && !early.contains(&socket.serial()) =>
            {
                // What became of it at one socket is no concern of the others.
                let _ = recoverable.lifeline.send(&recovery.log, *position, packet);
            }
            (Some(_), _) => {}
            // It is about to be connected, and its client would take what has no offset for the first of its session.
            (None, _) if socket.protocol() == Protocol::V4 => {}
            (None, _) => {
                if let Ok(packet) = plain()
                    && let Some(outgoing) = packet.of(socket)
                {
                    self.deliver(socket, outgoing);
                }
            }
        });
        let Some(recorded) = recorded else {
            return written
                .into_inner()
                .map_or(Ok(()), |packet| packet?.into_result());
        };
        let (position, packet) = recorded?;
        parked.each(|parked| {
            let _ = parked.lifeline().send(&recovery.log, position, &packet);
        });
        Ok(())
    }
}

impl Socket {
    /// An event for this socket alone, where its session can be recovered; `None` where it can't.
    pub(in crate::server) fn emit_recoverably<A: Serialize>(
        &self,
        event: &str,
        args: &A,
        compress: bool,
    ) -> Option<Result<(), EmitError>> {
        let recovery = self.home().recovery()?;
        let recoverable = self.recoverable()?;
        if self.starts().is_lost() {
            return Some(Err(EmitError::closed()));
        }
        let emitted = Payload::event(event, args)
            .map_err(EmitError::from)
            .and_then(|payload| {
                let (parser, name) = (self.home().parser(), self.home().name());
                let write = |payload: &Payload| {
                    Ok::<_, EmitError>(emit::event_of_payload(parser, name, None, payload, compress)?)
                };
                if self.home().tells_outgoing() {
                    self.tell_outgoing(&write(&payload)?);
                }
                let (position, packet) = recovery.record(self.home(), &payload, write)?;
                Ok(recoverable.lifeline.send(&recovery.log, position, &packet)?)
            });
        Some(emitted)
    }
}
