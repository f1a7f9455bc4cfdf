//! The server of `tests/clients/js/members-server.mjs`, and what clients see of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::extract::State;
use axum_socketio::{
    AckSender, ConnectError, DisconnectReason, EventError, HandlerError, Namespace, NamespaceRequest, Socket,
    SocketIo, Value,
    extract::{Data, Event, EventName, Rest},
};
use tokio::sync::{oneshot, watch};

use crate::{Node, Step, ask, contract, sid, transcript};

/// What was told to nobody in particular.
type Heard = Arc<watch::Sender<Vec<String>>>;

fn server() -> SocketIo {
    let io = SocketIo::new();
    errors_and_reasons(io.of("/"));
    packet_middlewares(&io.of("/packets"));
    entry(io.of("/entry"));
    dynamic(&io);
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
        .on("leave", async |socket: Socket, Data(close): Data<bool>| {
            socket.disconnect(close);
        })
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
        let waiting: Arc<Mutex<Vec<oneshot::Sender<()>>>> = Arc::default();
        socket.middleware(async move |EventName(event): EventName| match &*event {
            "refuse" => Err(EventError::new("refused")),
            "refuse with data" => Err(EventError::new("refused").with_data(serde_json::json!({ "code": 7 }))),
            "slow" => {
                let (release, released) = oneshot::channel();
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

fn dynamic(io: &SocketIo) {
    let parent = io.of_matching(|name| {
        let number = name.strip_prefix("/dynamic-");
        number.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
    });
    let _ = parent
        .clone()
        .with_state(parent)
        .middleware(async |socket: Socket| match token(&socket, "no") {
            Some(_) => Err("not here"),
            None => Ok(()),
        })
        .on_connect(async |socket: Socket| socket.emit("child", socket.namespace_name()))
        .on(
            "to all",
            async |State(parent): State<Namespace>, args: Rest<Value>| {
                parent.emit("from parent", args);
            },
        )
        .on("to siblings", async |socket: Socket, args: Rest<Value>| {
            socket.namespace().emit("from child", args);
        });
    let _ = io
        .of_matching_async(async |request: NamespaceRequest| {
            let auth: Value = request.auth().unwrap_or_default();
            auth.get("token").and_then(Value::as_str) == Some("sesame")
        })
        .on_connect(async |socket: Socket| socket.emit("asked", socket.namespace_name()));
}

type Verdict = Result<(), &'static str>;

/// A middleware of `/` that lets in who asks for `/admit` next, and refuses who asks for `/refuse`.
fn guarded() -> SocketIo {
    let io = server();
    let waiting: Arc<Mutex<VecDeque<oneshot::Sender<Verdict>>>> = Arc::default();
    let decided = waiting.clone();
    let _ = io.of("/").middleware(async move || {
        let (decide, decision) = oneshot::channel();
        waiting.lock().unwrap().push_back(decide);
        decision.await.unwrap()
    });
    let _ = io.of_matching_async(move |request: NamespaceRequest| {
        let verdict = match request.name() {
            "/admit" => Some(Ok(())),
            "/refuse" => Some(Err("refused")),
            _ => None,
        };
        if let Some(verdict) = verdict {
            let next = decided.lock().unwrap().pop_front().unwrap();
            next.send(verdict).unwrap();
        }
        // Nobody is told.
        async move { verdict.is_some() && std::future::pending().await }
    });
    io
}

/// From the auth payload, or the query of a 2.x client.
fn token(socket: &Socket, name: &str) -> Option<String> {
    let auth: Value = socket.handshake().auth().ok()?;
    auth.get(name).and_then(Value::as_str).map(ToOwned::to_owned)
}

/// What clients see of the original servers and of this one.
async fn same(major: &str, steps: &[Step<'_>]) {
    let node = Node::run("clients/js/members-server.mjs", &[major, "0"]).await;
    same_as(&node, major, &server(), steps).await;
}

async fn same_as(node: &Node, major: &str, ours: &SocketIo, steps: &[Step<'_>]) {
    let ours = contract::Server::serve(ours).await;
    let eio = if major == "2" { "3" } else { "4" };
    let theirs = transcript(&node.url, eio, steps).await;
    assert_eq!(transcript(ours.url(), eio, steps).await, theirs);
}

#[tokio::test]
async fn packet_middlewares_pass_refuse_rewrite_and_delay_as_those_of_2() {
    let steps: &[Step<'_>] = &[
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
    let steps: &[Step<'_>] = &[
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
    let steps: &[Step<'_>] = &[
        ("40/entry?token=bad", "44/entry"),
        ("40/entry?token=worse", "44/entry"),
        ("40/entry?token=good", "welcome"),
    ];
    same("2", steps).await;
}

#[tokio::test]
async fn namespace_middlewares_of_4_emit_refuse_and_admit_as_in_node() {
    let steps: &[Step<'_>] = &[
        ("40", "40{"),
        (r#"40/entry,{"token":"bad"}"#, "44/entry"),
        (r#"40/entry,{"token":"worse"}"#, "44/entry"),
        (r#"40/entry,{"token":"good"}"#, "welcome"),
    ];
    same("4", steps).await;
}

#[tokio::test]
async fn dynamic_namespaces_of_2_are_made_as_in_node() {
    let steps: &[Step<'_>] = &[
        ("40/dynamic-x", "44/dynamic-x"),
        ("40/dynamic-1?no=1", "44/dynamic-1"),
        ("40/dynamic-1", "child"),
        ("40/dynamic-2", "child"),
        (r#"42/dynamic-1,["to siblings",1]"#, "from child"),
        (
            r#"42/dynamic-1,["to all",1,{"a":[]}]"#,
            "/dynamic-2,[\"from parent\"",
        ),
        ("40/asked", "44/asked"),
        ("40/asked?token=broken", "44/asked"),
        ("40/asked?token=sesame", "asked\",\"/asked"),
        // It is there by now.
        ("41/dynamic-1\x1e40/dynamic-1", "child"),
    ];
    same("2", steps).await;
}

#[tokio::test]
async fn the_main_namespace_guards_all_others_as_in_2() {
    let node = Node::run("clients/js/members-server.mjs", &["2", "0", "guarded"]).await;
    let steps: &[Step<'_>] = &[
        ("40/packets", ""),
        ("40/refuse", "44\"refused\""),
        ("40/dynamic-1", ""),
        // What isn't there is said at once.
        ("40/nowhere", "44/nowhere"),
        ("40", ""),
        ("40/admit", "child"),
        (r#"42/packets,["plain",1]"#, "plain"),
        // Where it is, it stays, and it gets into no other.
        ("41", ""),
        (r#"42/packets,["plain",2]"#, "plain"),
        ("40/dynamic-2", ""),
        ("40", ""),
        ("40/admit", "child"),
    ];
    same_as(&node, "2", &guarded(), steps).await;
}

#[tokio::test]
async fn dynamic_namespaces_of_4_are_made_as_in_node() {
    let steps: &[Step<'_>] = &[
        ("40", "40{"),
        ("40/dynamic-x,", "44/dynamic-x"),
        (r#"40/dynamic-1,{"no":"1"}"#, "44/dynamic-1"),
        ("40/dynamic-1,", "child"),
        ("40/dynamic-2,", "child"),
        (r#"42/dynamic-1,["to siblings",1]"#, "from child"),
        (
            r#"42/dynamic-1,["to all",1,{"a":[]}]"#,
            "/dynamic-2,[\"from parent\"",
        ),
        ("40/asked,", "44/asked"),
        (r#"40/asked,{"token":"broken"}"#, "44/asked"),
        (r#"40/asked,{"token":"sesame"}"#, "asked\",\"/asked"),
        ("41/dynamic-1,", ""),
        ("40/dynamic-1,", "child"),
    ];
    same("4", steps).await;
}

/// What a client sends last, and how many lines that is worth.
type End = (&'static str, u8);

const LEFT: &[End] = &[
    ("1", 1),
    ("41", 1),
    (r#"42["leave",false]"#, 1),
    (r#"42["leave",true]"#, 1),
    // No payload: the error and the end.
    ("42{", 2),
];

/// As real clients do, it has a poll open meanwhile: Node waits for one before it closes.
async fn end(url: &str, eio: &str, connect: &[Step<'_>], last: &str) {
    let open = format!("/socket.io/?EIO={eio}&transport=polling&b64=1");
    let opened = ask(url, "GET", &open, &[], "").await;
    let session = format!("{open}&sid={}", sid(&opened["body"]).unwrap());
    for (packet, _) in connect {
        ask(url, "POST", &session, &[], packet).await;
        ask(url, "GET", &session, &[], "").await;
    }
    let last = match eio {
        "3" => format!("{}:{last}", last.len()),
        _ => last.to_owned(),
    };
    let polled = async {
        // Leaving a namespace is answered with nothing.
        if !last.ends_with("41") {
            ask(url, "GET", &session, &[], "").await;
        }
    };
    tokio::join!(polled, ask(url, "POST", &session, &[], &last));
}

async fn ends_alike(major: &str, ends: &[End]) {
    let node = Node::run("clients/js/members-server.mjs", &[major, "0"]).await;
    let ours = contract::Server::serve(&server()).await;
    let eio = if major == "2" { "3" } else { "4" };
    let connect: &[Step<'_>] = if major == "2" { &[] } else { &[("40", "40{")] };
    for (last, lines) in LEFT.iter().chain(ends) {
        let mut heard = Vec::new();
        for url in [&*node.url, ours.url()] {
            end(url, eio, connect, last).await;
            let question = format!(r#"421["heard",{lines}]"#);
            heard.push(transcript(url, eio, &[connect, &[(&*question, "431[")]].concat()).await);
        }
        assert_eq!(heard[1], heard[0], "{last}");
    }
}

#[tokio::test]
async fn errors_and_disconnect_reasons_of_2_are_those_of_node() {
    ends_alike("2", &[]).await;
}

#[tokio::test]
async fn errors_and_disconnect_reasons_of_4_are_those_of_node() {
    ends_alike("4", &[("47", 2), (r#"42["connect"]"#, 2)]).await;
}
