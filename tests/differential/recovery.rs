//! The server of `tests/clients/js/recovery-server.mjs`, and a client that loses its connection to it.

use axum_socketio::{
    AckSender, Builder, ConnectError, Namespace, Socket, SocketIo, Value,
    extract::{Data, Rest},
    recovery::ConnectionStateRecovery,
};

use crate::{Node, contract, setup};

fn server(builder: Builder) -> SocketIo {
    let io = builder
        .connection_state_recovery(ConnectionStateRecovery::new())
        .build()
        .unwrap();
    serve(io.of("/"));
    io
}

fn serve(main: Namespace) {
    let all = main.clone();
    let _ = main
        .middleware(async |socket: Socket| {
            let asked: Option<u32> = socket.data().unwrap_or_default();
            socket.set_data(asked.unwrap_or(0) + 1).unwrap();
            Ok::<_, ConnectError>(())
        })
        .on(
            "join",
            async |socket: Socket, Data(room): Data<String>, ack: AckSender| {
                socket.join(room);
                ack.send(());
            },
        )
        .on(
            "tell",
            async |socket: Socket,
                   Data(room): Data<String>,
                   Data(name): Data<String>,
                   Data(args): Data<Vec<Value>>| {
                socket.namespace().to(room).emit(name, Rest(args));
            },
        )
        .on(
            "members",
            async move |Data(room): Data<String>, ack: AckSender| {
                ack.send(all.to(room).sockets().len());
            },
        )
        .on("who am I", async |socket: Socket, ack: AckSender| {
            let rooms: Vec<String> = socket.rooms().iter().skip(1).map(ToString::to_string).collect();
            ack.send((socket.recovered(), rooms, socket.data::<u32>().unwrap()));
        });
}

/// Until the client says good-bye, and after.
async fn seen(url: &str, transport: &str, format: &str) -> (String, String) {
    let output = tokio::process::Command::from(setup::node("clients/js/recovery.mjs"))
        .args([url, transport, format])
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(crate::DEADLINE, output)
        .await
        .unwrap()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let seen = String::from_utf8(output.stdout).unwrap();
    let (before, after) = seen.split_once("good-bye\n").unwrap();
    (before.to_owned(), after.to_owned())
}

async fn is_as_in_node(builder: Builder, format: &str) {
    let node = Node::run("clients/js/recovery-server.mjs", &["0", format]).await;
    let ours = contract::Server::serve(&server(builder)).await;
    for transport in ["websocket", "polling"] {
        let (expected, after) = seen(&node.url, transport, format).await;
        assert!(expected.contains("recovered true"), "{expected}");
        // Who has said good-bye is recovered there again, and told what was never for it.
        assert!(
            after.contains("recovered true") && after.contains("not for it"),
            "{after}"
        );
        let (here, after) = seen(ours.url(), transport, format).await;
        assert_eq!(here, expected, "{transport}");
        assert_eq!(
            after, "same id false\nrecovered false [false,[],1]\n",
            "{transport}"
        );
    }
}

#[tokio::test]
async fn a_client_that_comes_back_sees_what_it_sees_of_node() {
    is_as_in_node(SocketIo::builder(), "json").await;
}

#[cfg(feature = "msgpack")]
#[tokio::test]
async fn so_does_one_that_speaks_msgpack() {
    is_as_in_node(
        SocketIo::builder().parser(axum_socketio::parser::Msgpack),
        "msgpack",
    )
    .await;
}
