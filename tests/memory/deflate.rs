//! What compression costs a connection.

use std::sync::PoisonError;

use axum_socketio::{Ack, Builder, Socket, SocketIo, engine::PerMessageDeflate};
use dhat::{HeapStats, Profiler};
use flate2::{Compress, Compression, FlushCompress};

use crate::{TURN, clients::Client, serve};

const CONNECTIONS: usize = 50;

const OFFER: &[u8] = b"Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// Bytes for each connection that has read and written a long message, and rests again.
fn live(compresses: bool, set: impl FnOnce(Builder) -> Builder) -> u64 {
    let io = set(SocketIo::builder()).build().unwrap();
    let answer: &str = "a text that compresses well ".repeat(100).leak();
    io.of("/").on("ask", async move |socket: Socket| {
        socket.emit("answer", answer);
        Ack(())
    });
    let (_runtime, address) = serve(&io);
    let question = format!("420[\"ask\",\"{answer}\"]");
    let frame = if compresses {
        compressed(question.as_bytes())
    } else {
        let len = (question.len() as u16).to_be_bytes();
        [&[0x81, 0xfe, len[0], len[1], 0, 0, 0, 0], question.as_bytes()].concat()
    };
    let ask = || {
        let mut client = Client::connect_with(address, OFFER);
        client.ask(&frame);
        // A reply that isn't compressed: the one before has been written.
        client.round_trip();
        client
    };
    // What there is once for all is there before the count begins.
    let first = ask();
    let mut clients = Vec::with_capacity(CONNECTIONS);
    let before = HeapStats::get().curr_bytes;
    clients.extend((0..CONNECTIONS).map(|_| ask()));
    let after = HeapStats::get().curr_bytes;
    drop((first, clients));
    (after - before) as u64 / CONNECTIONS as u64
}

/// A text as a compressed frame, masked with zeros.
fn compressed(text: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(1000);
    Compress::new(Compression::new(6), false)
        .compress_vec(text, &mut payload, FlushCompress::Sync)
        .unwrap();
    payload.truncate(payload.len() - 4);
    assert!(payload.len() < 126);
    [&[0xc1, 0x80 | payload.len() as u8, 0, 0, 0, 0], &payload[..]].concat()
}

#[test]
fn compression_costs_a_resting_connection_nothing_without_takeover_and_what_is_documented_with_it() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = Profiler::builder().testing().trim_backtraces(Some(4)).build();
    let off = live(false, |builder| builder);
    let options = PerMessageDeflate::new;
    let mut told = format!("{off} bytes without compression");
    for (options, more) in [
        (options(), 0..=16),
        (options().server_context_takeover(true), 370_000..=390_000),
        (
            options().server_context_takeover(true).server_max_window_bits(9),
            240_000..=260_000,
        ),
        (options().client_context_takeover(true), 45_000..=50_000),
    ] {
        let found = live(true, |builder| builder.per_message_deflate(options.clone())).saturating_sub(off);
        told += &format!("\n{found} more with {options:?}");
        assert!(more.contains(&found), "{told}");
    }
}
