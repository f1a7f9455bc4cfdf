//! The ways a session moves its packets.

use std::fmt;

/// How the packets of a session travel.
///
/// A client names it in the `transport` query parameter of every request. A session opened over
/// [`Polling`](Self::Polling) may move to [`WebSocket`](Self::WebSocket) once (the *upgrade*), never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// HTTP long-polling: a held `GET` for what the server sends, a `POST` for what the client sends.
    Polling,
    /// One WebSocket connection, a packet a message.
    WebSocket,
}

/// The transports a server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transports {
    polling: bool,
    websocket: bool,
}

impl Transport {
    /// The name as it stands in the query: `polling` or `websocket`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Polling, Self::WebSocket]
            .into_iter()
            .find(|transport| transport.as_str() == name)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Transports {
    pub(crate) const ALL: Self = Self {
        polling: true,
        websocket: true,
    };

    pub(crate) const fn contains(self, transport: Transport) -> bool {
        match transport {
            Transport::Polling => self.polling,
            Transport::WebSocket => self.websocket,
        }
    }
}

impl Default for Transports {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Transport> for Transports {
    fn from_iter<I: IntoIterator<Item = Transport>>(transports: I) -> Self {
        let none = Self {
            polling: false,
            websocket: false,
        };
        transports
            .into_iter()
            .fold(none, |set, transport| match transport {
                Transport::Polling => Self { polling: true, ..set },
                Transport::WebSocket => Self {
                    websocket: true,
                    ..set
                },
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_query() {
        for transport in [Transport::Polling, Transport::WebSocket] {
            assert_eq!(Transport::from_name(transport.as_str()), Some(transport));
            assert_eq!(transport.to_string(), transport.as_str());
        }
        assert_eq!(Transport::from_name("webtransport"), None);
        assert_eq!(Transport::from_name("Polling"), None);
    }

    #[test]
    fn a_set_holds_what_it_was_made_of() {
        let only_polling: Transports = [Transport::Polling].into_iter().collect();
        assert!(only_polling.contains(Transport::Polling));
        assert!(!only_polling.contains(Transport::WebSocket));
        let both: Transports = [Transport::WebSocket, Transport::Polling].into_iter().collect();
        assert_eq!(both, Transports::default());
    }
}
