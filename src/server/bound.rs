//! More engines than one for a server.

use std::sync::{Arc, PoisonError};

use crate::{
    engine::{ClientBundle, CloseReason, Engine, Limit, PathRule},
    server::{BuildError, Gate, SocketIo, builder::Settings},
};

/// An engine that was bound to a server, with options of its own.
#[derive(Debug)]
pub(crate) struct Bound {
    engine: Engine,
    settings: Settings,
}

/// An engine, and what stands before it: the server's own, or one that was bound to it.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    io: SocketIo,
    bound: Option<Arc<Bound>>,
}

impl SocketIo {
    /// The server's own engine.
    pub(crate) fn mount(&self) -> Mount {
        self.set_mounted();
        Mount {
            io: self.clone(),
            bound: None,
        }
    }

    /// How often this limit has been overstepped since the server was made, by clients of all its engines.
    #[must_use]
    pub fn times_exceeded(&self, limit: Limit) -> u64 {
        let engines = self.engines();
        engines.iter().map(|engine| engine.times_exceeded(limit)).sum()
    }

    /// One more engine for the server, which is closed with it.
    pub(crate) fn bind_engine(&self, settings: Settings) -> Mount {
        let engine = Engine::new(settings.engine.clone(), self.as_acceptor());
        self.set_mounted();
        self.unnoticed().at_least(engine.heartbeat());
        if settings.engine.deflate.is_some() {
            self.set_compresses();
        }
        let mut bound = self.bound().lock().unwrap_or_else(PoisonError::into_inner);
        bound.push(engine.clone());
        drop(bound);
        // Whoever closes the server meanwhile does so before it looks for engines, or finds this one.
        if self.engine().is_refusing() {
            engine.close(CloseReason::ServerShuttingDown);
        }
        Mount {
            io: self.clone(),
            bound: Some(Arc::new(Bound { engine, settings })),
        }
    }

    /// Its own engine and those that were bound to it.
    pub(super) fn engines(&self) -> Vec<Engine> {
        let bound = self.bound().lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(self.engine()).chain(&*bound).cloned().collect()
    }
}

impl Mount {
    pub(crate) const fn io(&self) -> &SocketIo {
        &self.io
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.bound
            .as_ref()
            .map_or_else(|| self.io.engine(), |bound| &bound.engine)
    }

    pub(crate) fn gate(&self) -> Option<&Arc<Gate>> {
        self.settings().gate.as_ref()
    }

    pub(crate) fn path_rule(&self) -> &PathRule {
        &self.settings().path
    }

    pub(crate) fn client_bundle(&self) -> Option<&ClientBundle> {
        self.settings().bundle.as_ref()
    }

    fn settings(&self) -> &Settings {
        self.bound
            .as_ref()
            .map_or_else(|| self.io.settings(), |bound| &bound.settings)
    }
}

impl Settings {
    /// Refuses what says how the server deals with sockets: that is not for an engine to say.
    pub(super) fn without_server_options(self) -> Result<Self, BuildError> {
        let usual = Self::default();
        // All of them by name, so that each new one is asked whose it is.
        let Self {
            engine: _,
            path: _,
            bundle: _,
            gate: _,
            origins: _,
            connect_timeout,
            ack_timeout,
            parser,
            max_attachments,
            max_json_depth,
            max_namespaces,
            max_pending_acks,
            max_events_in_flight,
            adapter,
            recovery,
        } = &self;
        let adapter = adapter
            .as_ref()
            .map(|adapter| ("adapter", format!("{adapter:?}")));
        let recovery = recovery
            .as_ref()
            .map(|recovery| ("connection_state_recovery", format!("{recovery:?}")));
        let parser = (!parser.is_json()).then(|| ("parser", format!("{parser:?}")));
        let differing = [
            differs("connect_timeout", *connect_timeout, usual.connect_timeout),
            differs("ack_timeout", *ack_timeout, usual.ack_timeout),
            differs("max_attachments", *max_attachments, usual.max_attachments),
            differs("max_json_depth", *max_json_depth, usual.max_json_depth),
            differs("max_namespaces", *max_namespaces, usual.max_namespaces),
            differs("max_pending_acks", *max_pending_acks, usual.max_pending_acks),
            differs(
                "max_events_in_flight",
                *max_events_in_flight,
                usual.max_events_in_flight,
            ),
            parser,
            adapter,
            recovery,
        ];
        match differing.into_iter().flatten().next() {
            None => Ok(self),
            Some((option, value)) => Err(BuildError::new(
                option,
                value,
                "it is the server's, and not that of one of its engines",
            )),
        }
    }
}

fn differs<T: Copy + PartialEq + std::fmt::Debug>(
    option: &'static str,
    value: T,
    usual: T,
) -> Option<(&'static str, String)> {
    (value != usual).then(|| (option, format!("{value:?}")))
}

#[cfg(feature = "deflate")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::PerMessageDeflate;

    #[test]
    fn broadcasts_are_compressed_once_for_all_if_any_engine_compresses() {
        let io = SocketIo::new();
        let before = io.of("/before");
        assert!(!before.inner().compresses());
        let options = SocketIo::builder().per_message_deflate(PerMessageDeflate::new());
        io.bind_engine(options.build_engine().unwrap());
        for namespace in [before, io.of("/after")] {
            assert!(namespace.inner().compresses(), "{namespace:?}");
        }
    }
}
