//! The server that the clients are played against: the contract of `README.md` beside this file.

use std::{collections::HashMap, sync::Arc};

use axum::{Router, extract::State};
use axum_socketio::{
    Ack, AckSender, Builder, ConnectError, DisconnectReason, Namespace, Socket, SocketIo, Value,
    ack::AckError,
    extract::{Auth, Data, Rest},
};
use serde::Deserialize;
use tokio::{net::TcpListener, sync::watch};

const UNICODE: &str = "Grüße, \u{2028} 世界 😀";

/// Which sockets left, and why: by tag, a namespace and a reason each.
type Reasons = Arc<watch::Sender<HashMap<String, Vec<(String, &'static str)>>>>;

/// The tags under which a socket's leaving is noted.
#[derive(Clone, Default)]
struct Tags(Vec<String>);

#[derive(Deserialize)]
struct Credentials {
    token: Option<String>,
}

/// A contract server on a free port of this machine.
pub(crate) struct Server {
    url: String,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(options: Builder) -> Self {
        Self::serve(&contract(options)).await
    }

    pub(crate) async fn serve(io: &SocketIo) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let app = Router::new().layer(io.layer());
        #[expect(clippy::disallowed_methods, reason = "the server runs beside the client")]
        let serving = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("the server runs");
        });
        Self {
            url: format!("http://{address}"),
            serving,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn contract(options: Builder) -> SocketIo {
    let io = options.build().expect("the options fit together");
    let reasons = Reasons::default();
    listen(io.of("/"), &reasons);
    listen(io.of("/custom"), &reasons);
    listen(io.of("/guarded").middleware(guard), &reasons);
    io
}

async fn guard(socket: Socket, Auth(credentials): Auth<Credentials>) -> Result<(), ConnectError> {
    let token = credentials.token.or_else(|| socket.handshake().query("token"));
    match token.as_deref() {
        Some("sesame") => Ok(()),
        Some(_) => Err(ConnectError::new("not authorized").with_data(HashMap::from([("content", "retry")]))),
        None => Err(ConnectError::new("no token")),
    }
}

fn listen(namespace: Namespace, reasons: &Reasons) {
    let namespace = namespace.with_state(reasons.clone());
    let namespace = values(namespace);
    let namespace = rooms(namespace);
    leaving(namespace);
}

fn values(namespace: Namespace<Reasons>) -> Namespace<Reasons> {
    namespace
        .on("echo", async |socket: Socket, args: Rest<Value>| {
            socket.emit("echo", args)
        })
        .on("echo plain", async |socket: Socket, args: Rest<Value>| {
            socket.compress(false).emit("echo", args)
        })
        .on("echo ack", async |args: Rest<Value>| Ack(args))
        .on("ask", async |socket: Socket, args: Rest<Value>| {
            let answers: Rest<Value> = socket.emit_with_ack("question", args).await?;
            socket.emit("answered", answers);
            Ok::<_, AckError>(())
        })
        .on("burst", async |socket: Socket, Data(count): Data<u32>| {
            for i in 0..count {
                socket.emit("burst", i);
            }
        })
        .on("unicode", async |socket: Socket| socket.emit("unicode", UNICODE))
        .on("volatile", async |socket: Socket, Data(value): Data<Value>| {
            socket.volatile().emit("volatile", value);
            Ack(())
        })
        .on("whoami", async |socket: Socket| Ack(socket.id().clone()))
}

fn rooms(namespace: Namespace<Reasons>) -> Namespace<Reasons> {
    namespace
        .on("join", async |socket: Socket, Data(room): Data<String>| {
            socket.join(room);
            Ack(())
        })
        .on("leave", async |socket: Socket, Data(room): Data<String>| {
            socket.leave(room);
            Ack(())
        })
        .on(
            "to room",
            async |socket: Socket, Data(room): Data<String>, Rest(args): Rest<Value>| {
                socket.to(&room).emit("room message", in_room(&room, args));
            },
        )
        .on(
            "in room",
            async |socket: Socket, Data(room): Data<String>, Rest(args): Rest<Value>| {
                let namespace = socket.io().of(socket.namespace_name());
                namespace.to(&room).emit("room message", in_room(&room, args));
            },
        )
        .on("broadcast", async |socket: Socket, args: Rest<Value>| {
            socket.broadcast().emit("broadcast message", args);
        })
}

/// The room's name as the first argument, before the others.
fn in_room(room: &str, args: Vec<Value>) -> Rest<Value> {
    Rest(std::iter::once(room.into()).chain(args).collect())
}

fn leaving(namespace: Namespace<Reasons>) {
    namespace
        .on("leave me", async |socket: Socket, Data(close): Data<bool>| {
            socket.disconnect(close)
        })
        .on("record", async |socket: Socket, Data(tag): Data<String>| {
            let mut tags = socket.extensions().get::<Tags>().unwrap_or_default();
            tags.0.push(tag);
            socket.extensions().insert(tags);
            Ack(())
        })
        .on("reasons", tell_reasons)
        .on_disconnect(
            async |socket: Socket, reason: DisconnectReason, State(reasons): State<Reasons>| {
                let Tags(tags) = socket.extensions().get().unwrap_or_default();
                reasons.send_modify(|noted| {
                    for tag in tags {
                        let left = (socket.namespace_name().to_owned(), reason.as_str());
                        noted.entry(tag).or_default().push(left);
                    }
                });
            },
        );
}

/// Answers once as many sockets as expected have left.
async fn tell_reasons(
    State(reasons): State<Reasons>,
    Data(tag): Data<String>,
    Data(count): Data<usize>,
    ack: AckSender,
) {
    let mut reasons = reasons.subscribe();
    let enough = |noted: &HashMap<String, Vec<_>>| noted.get(&tag).map_or(0, Vec::len) >= count;
    let noted = reasons
        .wait_for(enough)
        .await
        .expect("the namespace keeps the sender");
    ack.send(noted.get(&tag));
}
