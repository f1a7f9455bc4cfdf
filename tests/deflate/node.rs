//! Node's clients: npm `ws`, which Node's own server is built on, with all it may ask for, and socket.io-client 2.5 and 4.8.
//!
//! Each test plays a check of that name in `clients/js/deflate.mjs` against servers that differ in what they were told.

use axum_socketio::{AckSender, Value, engine::PerMessageDeflate, extract::Rest};

use crate::{
    checks,
    client::{Server, server},
    setup,
};

/// What a server is told: windows of server and client, and whose messages may refer to those before.
const SERVERS: [(u8, u8, bool, bool); 6] = [
    (15, 15, false, false),
    (15, 15, true, true),
    (15, 15, true, false),
    (15, 15, false, true),
    (9, 12, true, true),
    (12, 9, false, false),
];

async fn check(name: &str, told: (u8, u8, bool, bool)) {
    let (ours, theirs, server_takeover, client_takeover) = told;
    let options = PerMessageDeflate::new()
        .threshold(500)
        .server_max_window_bits(ours)
        .client_max_window_bits(theirs)
        .server_context_takeover(server_takeover)
        .client_context_takeover(client_takeover);
    let server = serve(options).await;
    let mut script = setup::node("clients/js/deflate.mjs");
    let parameters = format!(
        r#"{{"serverMaxWindowBits":{ours},"clientMaxWindowBits":{theirs},"serverNoContextTakeover":{},"clientNoContextTakeover":{}}}"#,
        !server_takeover, !client_takeover,
    );
    let url = format!("ws://{}/socket.io/", server.address);
    script.args([name, &url, &parameters]);
    checks::play(script).await;
}

async fn serve(options: PerMessageDeflate) -> Server {
    let server = server(options, |builder| builder).await;
    let everyone = server.io.of("/");
    server
        .io
        .of("/")
        .on("call", async |args: Rest<Value>, ack: AckSender| ack.send(args))
        .on("everyone", async move |args: Rest<Value>| {
            everyone.emit("echo", args);
        });
    server
}

macro_rules! checks {
    ($($name:ident: $servers:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
        async fn $name() {
            for told in $servers {
                check(stringify!($name), told).await;
            }
        }
    )*};
}

checks! {
    every_combination_comes_back_byte_for_byte: SERVERS;
    messages_up_to_a_megabyte_come_back_byte_for_byte: [SERVERS[0], SERVERS[1]];
    clients_of_engine_io_3_get_theirs_byte_for_byte: [SERVERS[0], SERVERS[1]];
    both_major_clients_exchange_events: [SERVERS[0], SERVERS[1]];
}
