//! The sending half of a connection.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::tcp::OwnedWriteHalf;

/// Whoever is this far behind gets nothing more.
const PATIENCE: usize = 1 << 20;

pub struct Peer {
    socket: OwnedWriteHalf,
    /// What the socket did not take.
    backlog: Mutex<Vec<u8>>,
}

impl Peer {
    pub fn new(socket: OwnedWriteHalf) -> Arc<Self> {
        Arc::new(Self {
            socket,
            backlog: Mutex::default(),
        })
    }

    pub fn send(self: &Arc<Self>, bytes: &[u8]) {
        let mut backlog = self.backlog();
        if !backlog.is_empty() {
            if backlog.len() < PATIENCE {
                backlog.extend_from_slice(bytes);
            }
            return;
        }
        let written = self.socket.try_write(bytes).unwrap_or(0);
        if written < bytes.len() {
            backlog.extend_from_slice(&bytes[written..]);
            tokio::spawn(self.clone().flush());
        }
    }

    async fn flush(self: Arc<Self>) {
        while self.socket.writable().await.is_ok() {
            let mut backlog = self.backlog();
            match self.socket.try_write(&backlog) {
                Ok(written) => drop(backlog.drain(..written)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => backlog.clear(),
            }
            if backlog.is_empty() {
                *backlog = Vec::new();
                return;
            }
        }
    }

    fn backlog(&self) -> MutexGuard<'_, Vec<u8>> {
        self.backlog.lock().expect("no holder panics")
    }
}
