//! The handlers that the protocol suites expect: those of the official suites, and a few for what the server sends.

use axum_socketio::{Ack, ConnectError, Socket, SocketIo, Value, extract::{Auth, Data, Rest}};
use serde::{Serialize, Serializer, ser::SerializeTuple};

use super::Profile;

/// As many arguments as there are values.
struct Spread(Vec<Value>);

pub(super) fn io(profile: Profile) -> SocketIo {
    let io = profile.options();
    for name in ["/", "/custom"] {
        io.of(name)
            .on_connect(async |socket: Socket, Auth(auth): Auth<Value>| socket.emit("auth", (auth,)))
            .on("message", async |socket: Socket, Rest(args): Rest<Value>| {
                socket.emit("message-back", Spread(args));
            })
            .on("message-with-ack", async |Rest(args): Rest<Value>| Ack(Spread(args)))
            .on("ask", ask)
            .on("leave", async |socket: Socket, Data(close): Data<bool>| socket.disconnect(close));
    }
    io.of("/refused").middleware(async || Err::<(), _>("not authorized"));
    io.of("/refused-with-data").middleware(async || {
        Err::<(), _>(ConnectError::new("not authorized").with_data(serde_json::json!({ "code": "E001" })))
    });
    io
}

/// Asks the client and tells it what it answered.
async fn ask(socket: Socket, Rest(args): Rest<Value>) {
    if let Ok(answer) = socket.emit_with_ack::<Value>("question", Spread(args)).await {
        socket.emit("answered", (answer,));
    }
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|value| tuple.serialize_element(value))?;
        tuple.end()
    }
}
