//! Names under which no event comes.

/// What a program that listens to one of these names should know. All but `connection` are reserved by the Socket.IO
/// protocol: a client that sends one is refused.
const ADVICE: &[(&str, &str)] = &[
    (
        "connect",
        "no client can send `connect`: new sockets are heard with `on_connect`",
    ),
    (
        "connection",
        "this hears clients that emit `connection`, new sockets are heard with `on_connect`",
    ),
    (
        "connect_error",
        "no client can send `connect_error`: what goes wrong is heard with `on_error`",
    ),
    (
        "disconnect",
        "no client can send `disconnect`: it is heard with `on_disconnect`",
    ),
    (
        "disconnecting",
        "no client can send `disconnecting`: it is heard with `on_disconnecting`",
    ),
    (
        "newListener",
        "no client can send `newListener`, the listener will never run",
    ),
    (
        "removeListener",
        "no client can send `removeListener`, the listener will never run",
    ),
];

/// Warns of a listener that will not hear what it is meant to.
///
/// It is a mistake, mostly of programs brought over from Node, where these are events like any other. It breaks
/// nothing, and the name may come from somewhere else than the source, so it is no panic.
pub(super) fn warn_of(event: &str) {
    if let Some(advice) = advice(event) {
        crate::log::warn!(event, "{advice}");
    }
}

fn advice(event: &str) -> Option<&'static str> {
    ADVICE
        .iter()
        .find(|(name, _)| *name == event)
        .map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn names_of_nodes_own_events_lead_to_the_method_that_is_meant() {
        assert!(advice("connection").is_some_and(|advice| advice.contains("`on_connect`")));
        assert!(advice("disconnecting").is_some_and(|advice| advice.contains("`on_disconnecting`")));
        assert_eq!(advice("message"), None);
        assert_eq!(advice("Connect"), None, "names are case sensitive");
    }

    #[test]
    fn every_name_that_the_protocol_reserves_is_warned_of() {
        for name in [
            "connect",
            "connect_error",
            "disconnect",
            "disconnecting",
            "newListener",
            "removeListener",
        ] {
            assert!(advice(name).is_some(), "{name}");
        }
    }
}
