//! The handlers that the protocol suites expect: those of the official suites, and a few for what the server sends.

use axum_socketio::{
    Ack, ConnectError, Socket, SocketIo, Value,
    extract::{Auth, Data, Rest},
};

use super::Profile;

pub(super) fn io(profile: Profile) -> SocketIo {
    let io = profile.options();
    for name in ["/", "/custom"] {
        io.of(name)
            .on_connect(async |socket: Socket, Auth(auth): Auth<Value>| socket.emit("auth", (auth,)))
            .on("message", async |socket: Socket, args: Rest<Value>| {
                socket.emit("message-back", args);
            })
            .on("message-with-ack", async |args: Rest<Value>| Ack(args))
            .on("ask", ask)
            .on("leave", async |socket: Socket, Data(close): Data<bool>| {
                socket.disconnect(close)
            });
    }
    io.of("/refused")
        .middleware(async || Err::<(), _>("not authorized"));
    io.of("/refused-with-data").middleware(async || {
        Err::<(), _>(ConnectError::new("not authorized").with_data(serde_json::json!({ "code": "E001" })))
    });
    io
}

/// Asks the client and tells it what it answered.
async fn ask(socket: Socket, args: Rest<Value>) {
    if let Ok(answer) = socket.emit_with_ack::<Value>("question", args).await {
        socket.emit("answered", (answer,));
    }
}
