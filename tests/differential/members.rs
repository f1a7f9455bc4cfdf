//! The server of `tests/clients/js/members-server.mjs`, and what clients see of it.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum_socketio::{
    AckSender, ConnectError, DisconnectReason, EventError, HandlerError, Namespace, Socket, SocketIo, Value,
    extract::{Data, Event, EventName, Rest},
};
use tokio::sync::watch;

use crate::{Node, Step, contract, transcript};

/// What was told to nobody in particular.
type Heard = Arc<watch::Sender<Vec<String>>>;

fn server() -> SocketIo {
    let io = SocketIo::new();
    errors_and_reasons(io.of("/"));
    packet_middlewares(&io.of("/packets"));
    entry(io.of("/entry"));
    io
}

fn errors_and_reasons(main: Namespace) {
    let heard = Heard::default();
    let hears = heard.clone();
    let tell = move |line: String| hears.send_modify(|lines| lines.push(line));
    let error = tell.clone();
    let _ = main
        .on_error(async move |_: Socket, failed: HandlerError| {
            if failed.is_decode() {
                error(format!("error: {}", source(&failed)));
            }
        })
        .on_disconnect(async move |reason: DisconnectReason| tell(format!("disconnect: {reason}")))
        .with_state(heard)
        .on(
            "heard",
            async |State(heard): State<Heard>, Data(count): Data<usize>, ack: AckSender| {
                let mut lines = heard.subscribe();
                let enough = lines.wait_for(|lines| lines.len() >= count).await;
                drop(enough);
                ack.send(Rest(heard.send_replace(Vec::new())));
            },
        );
}

fn source(error: &HandlerError) -> String {
    std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn packet_middlewares(namespace: &Namespace) {
    let _ = namespace.clone().on_connect(async |socket: Socket| {
        let waiting: Arc<Mutex<Vec<tokio::sync::oneshot::Sender<()>>>> = Arc::default();
        socket.middleware(async move |EventName(event): EventName| match &*event {
            "refuse" => Err(EventError::new("refused")),
            "refuse with data" => Err(EventError::new("refused").with_data(serde_json::json!({ "code": 7 }))),
            "slow" => {
                let (release, released) = tokio::sync::oneshot::channel();
                waiting.lock().unwrap().push(release);
                let _ = released.await;
                Ok(())
            }
            "release" => {
                for release in waiting.lock().unwrap().drain(..) {
                    let _ = release.send(());
                }
                Ok(())
            }
            _ => Ok(()),
        });
        socket.middleware(async |mut event: Event| {
            if event.name == "rename" {
                event.name = "renamed".to_owned();
                event
                    .args
                    .splice(..event.args.len().min(1), [Value::from("changed"), 1.into()]);
            }
            event
        });
        socket.on_error(async |socket: Socket, error: HandlerError| {
            socket.emit("error heard", source(&error));
        });
        for name in ["plain", "refuse", "refuse with data", "slow", "quick", "renamed"] {
            socket.on(
                name,
                async move |socket: Socket, Rest(args): Rest<Value>, ack: Option<AckSender>| {
                    if let Some(ack) = ack {
                        ack.send("answered");
                    }
                    socket.emit("heard", Rest([vec![name.into()], args].concat()));
                },
            );
        }
    });
}

fn entry(namespace: Namespace) {
    let _ = namespace
        .middleware(async |socket: Socket| socket.emit("early", 1))
        .middleware(async |socket: Socket| match token(&socket, "token").as_deref() {
            Some("bad") => Err(ConnectError::new("bad token")),
            Some("worse") => Err(ConnectError::new("worse token").with_data((1, "two"))),
            _ => Ok(()),
        })
        .middleware(async |socket: Socket| socket.emit("early", 2))
        .on_connect(async |socket: Socket| socket.emit("welcome", ()));
}

/// From the auth payload, or the query of a 2.x client.
fn token(socket: &Socket, name: &str) -> Option<String> {
    let auth: Value = socket.handshake().auth().ok()?;
    auth.get(name).and_then(Value::as_str).map(ToOwned::to_owned)
}

/// What clients see of the original servers and of this one.
async fn same(major: &str, steps: &[Step]) {
    let node = Node::run("clients/js/members-server.mjs", &[major, "0"]).await;
    let ours = contract::Server::serve(&server()).await;
    let eio = if major == "2" { "3" } else { "4" };
    let theirs = transcript(&node.url, eio, steps).await;
    assert_eq!(transcript(ours.url(), eio, steps).await, theirs);
}

#[tokio::test]
async fn packet_middlewares_pass_refuse_rewrite_and_delay_as_those_of_2() {
    let steps: &[Step] = &[
        ("40/packets", "40/packets"),
        (r#"42/packets,["plain",1,{"a":[2]}]"#, "plain"),
        (r#"42/packets,["refuse",1]"#, "44/packets"),
        (r#"42/packets,7["refuse with data"]"#, "44/packets"),
        (r#"42/packets,["rename","original"]"#, "renamed"),
        (r#"42/packets,8["rename","asked"]"#, "renamed"),
        // One that waits doesn't hold up the next.
        ("42/packets,[\"slow\",1]\x1e42/packets,[\"quick\",2]", "quick"),
        (r#"42/packets,["release"]"#, "slow"),
        (
            "451-/packets,[\"plain\",{\"_placeholder\":true,\"num\":0}]\x1eb4AQID",
            "b4AQID",
        ),
    ];
    same("2", steps).await;
}

#[tokio::test]
async fn packet_middlewares_pass_refuse_rewrite_and_delay_as_those_of_4() {
    let steps: &[Step] = &[
        ("40", "40{"),
        ("40/packets,", "40/packets"),
        (r#"42/packets,["plain",1,{"a":[2]}]"#, "plain"),
        (r#"42/packets,["refuse",1]"#, "error heard"),
        (r#"42/packets,7["refuse with data"]"#, "error heard"),
        (r#"42/packets,["rename","original"]"#, "renamed"),
        (r#"42/packets,8["rename","asked"]"#, "renamed"),
        ("42/packets,[\"slow\",1]\x1e42/packets,[\"quick\",2]", "quick"),
        (r#"42/packets,["release"]"#, "slow"),
        (
            "451-/packets,[\"plain\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID",
            "bAQID",
        ),
    ];
    same("4", steps).await;
}

#[tokio::test]
async fn namespace_middlewares_of_2_emit_refuse_and_admit_as_in_node() {
    let steps: &[Step] = &[
        ("40/entry?token=bad", "44/entry"),
        ("40/entry?token=worse", "44/entry"),
        ("40/entry?token=good", "welcome"),
    ];
    same("2", steps).await;
}

#[tokio::test]
async fn namespace_middlewares_of_4_emit_refuse_and_admit_as_in_node() {
    let steps: &[Step] = &[
        ("40", "40{"),
        (r#"40/entry,{"token":"bad"}"#, "44/entry"),
        (r#"40/entry,{"token":"worse"}"#, "44/entry"),
        (r#"40/entry,{"token":"good"}"#, "welcome"),
    ];
    same("4", steps).await;
}
