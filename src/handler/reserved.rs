//! Names that no client can send.

/// A reserved name, and what a program that listens to it has in mind.
const RESERVED: &[(&str, &str)] = &[
    ("connect", "on_connect"),
    ("connection", "on_connect"),
    ("connect_error", "on_error"),
    ("disconnect", "on_disconnect"),
    ("disconnecting", "on_disconnecting"),
    ("newListener", "on"),
    ("removeListener", "on"),
];

/// Warns of a listener that will never run.
///
/// It is a mistake, mostly of programs brought over from Node, where these are events like any other. It breaks
/// nothing, and the name may come from somewhere else than the source, so it is no panic.
pub(super) fn warn_of(event: &str) {
    if let Some(method) = instead_of(event) {
        tracing::warn!(
            event,
            "no client can send this event, the listener will not run: use `{method}`"
        );
    }
}

fn instead_of(event: &str) -> Option<&'static str> {
    RESERVED
        .iter()
        .find(|(reserved, _)| *reserved == event)
        .map(|(_, method)| *method)
}

#[cfg(test)]
mod tests {
    use super::instead_of;

    #[test]
    fn reserved_names_lead_to_the_method_that_is_meant() {
        assert_eq!(instead_of("connection"), Some("on_connect"));
        assert_eq!(instead_of("disconnecting"), Some("on_disconnecting"));
        assert_eq!(instead_of("message"), None);
        assert_eq!(instead_of("Connect"), None, "names are case sensitive");
    }
}
