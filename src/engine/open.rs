//! The first packet of every session.

use std::time::Duration;

use serde::Serialize;

/// What the client learns at the handshake. The order of the fields is the order on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open<'a> {
    sid: &'a str,
    upgrades: &'a [&'a str],
    ping_interval: u64,
    ping_timeout: u64,
    max_payload: usize,
}

/// The open packet, type digit included: `0{"sid":…}`.
///
/// `upgrades` says whether the session may move to WebSocket. Both protocols get `maxPayload`: Engine.IO 3
/// clients ignore fields they don't know, as Node's server relies on.
pub(crate) fn open_packet(
    sid: &str,
    upgrades: bool,
    ping_interval: Duration,
    ping_timeout: Duration,
    max_payload: usize,
) -> String {
    let open = Open {
        sid,
        upgrades: if upgrades { &["websocket"] } else { &[] },
        ping_interval: millis(ping_interval),
        ping_timeout: millis(ping_timeout),
        max_payload,
    };
    let mut packet = serde_json::to_string(&open).expect("invariant: strings and numbers are JSON");
    packet.insert(0, '0');
    packet
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(25);
    const TIMEOUT: Duration = Duration::from_secs(20);

    #[test]
    fn the_open_packet_is_nodes_byte_for_byte() {
        let packet = open_packet("m1rWqeHHFwDbW4D3AAAA", true, INTERVAL, TIMEOUT, 1_000_000);
        assert_eq!(
            packet,
            r#"0{"sid":"m1rWqeHHFwDbW4D3AAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
        assert_eq!(packet.len(), 118);
    }

    #[test]
    fn a_session_that_cannot_upgrade_is_told_so() {
        let packet = open_packet("s", false, INTERVAL, TIMEOUT, 10);
        assert_eq!(
            packet,
            r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":10}"#
        );
    }

    #[test]
    fn an_id_of_the_applications_own_making_stays_json() {
        let packet = open_packet("a\"\u{1e}", false, INTERVAL, TIMEOUT, 10);
        assert!(packet.starts_with(r#"0{"sid":"a\"\u001e","#), "{packet}");
    }
}
