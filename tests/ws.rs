//! npm `ws`, which Node's own server is built on, as a client of our WebSockets.
//!
//! Each test is a check of that name in `clients/js/ws.mjs`. Both sides say only what a Socket.IO server and client
//! may say, `ws` sees to frames, masks and the closing handshake.

#[path = "support/checks.rs"]
mod checks;
#[path = "support/setup.rs"]
mod setup;

use axum::Router;
use axum_socketio::{Socket, SocketIo, Value, extract::Rest};
use tokio::{net::TcpListener, task::JoinSet};

/// Plays a check against a server of its own, with all options at their defaults.
async fn check(name: &str) {
    let io = SocketIo::new();
    io.of("/").on("echo", async |socket: Socket, args: Rest<Value>| {
        socket.emit("echo", args);
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let router: Router = Router::new().layer(io.layer());
    // Ends with this function.
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await });

    let mut script = setup::node("clients/js/ws.mjs");
    script.args([name, &format!("ws://{address}/socket.io/")]);
    checks::play(script).await;
}

macro_rules! checks {
    ($($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            check(stringify!($name)).await;
        }
    )*};
}

checks! {
    the_handshake_is_accepted_without_extensions
    the_first_subprotocol_is_chosen
    another_version_is_told_which_one_to_use
    messages_of_all_sizes_come_back_byte_for_byte
    fragments_make_up_messages_with_pings_in_between
    messages_of_engine_io_3_come_back_byte_for_byte
    many_messages_in_one_write_come_back_in_order
    a_message_may_come_byte_by_byte
    every_ping_is_answered
    a_close_is_answered_with_its_code
    a_close_without_a_code_is_answered_without_one
    a_reason_of_any_length_is_taken
    a_message_that_is_too_big_closes_with_1009
    fragments_that_add_up_to_too_much_close_with_1009
    a_message_as_big_as_allowed_comes_back
    an_unmasked_frame_closes_with_1002
    reserved_bits_close_with_1002
    text_that_is_not_utf_8_closes_with_1007
}
