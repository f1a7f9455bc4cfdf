//! Questions across servers.

use std::time::Duration;

use axum_socketio::{ServerEvent, SocketId};
use serde_json::json;

use super::{Factory, Nodes};
use crate::wire::within;

pub(super) async fn sockets_of_all_servers_are_fetched(factory: impl Factory) {
    let nodes = Nodes::joined(3, &factory).await;
    let (_here, here) = nodes.client(0, &["room"]).await;
    let (_there, there) = nodes.client(1, &["room", "other"]).await;
    let (_outside, outside) = nodes.client(2, &[]).await;
    there.set_data(json!({ "name": "Ada" })).unwrap();
    let main = nodes.io(0).of("/");
    let mut all: Vec<_> = main.clients().await.unwrap();
    let mut expected = [here.id().clone(), there.id().clone(), outside.id().clone()];
    all.sort_unstable();
    expected.sort_unstable();
    assert_eq!(all, expected);
    let fetched = main.to("room").except(here.id()).fetch_sockets().await.unwrap();
    let [socket] = &fetched[..] else {
        panic!("{fetched:?} is not one socket");
    };
    assert_eq!(socket.id(), there.id());
    let mut rooms: Vec<_> = socket
        .rooms()
        .iter()
        .map(|room| room.as_str().to_owned())
        .collect();
    rooms.sort_unstable();
    let mut expected = [there.id().as_str(), "other", "room"];
    expected.sort_unstable();
    assert_eq!(rooms, expected);
    assert_eq!(
        socket.data::<serde_json::Value>().unwrap(),
        json!({ "name": "Ada" })
    );
    assert_eq!(socket.handshake()["query"]["EIO"].as_str(), Some("4"));
    let url = socket.handshake()["url"].as_str().unwrap();
    assert!(url.starts_with("/socket.io/?"), "{url}");
    assert!(socket.handshake()["headers"].get("host").is_some());
}

pub(super) async fn the_selection_of_a_socket_leaves_it_out_where_it_is_asked_for(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (_asks, asks) = nodes.client(0, &["room"]).await;
    let (_beside, beside) = nodes.client(0, &["room"]).await;
    let (_there, there) = nodes.client(1, &["room"]).await;
    let namespace = nodes.io(0).of("/").to("room");
    let (room, theirs) = (asks.to("room"), beside.to("room"));
    let (broadcast, except) = (asks.broadcast(), asks.except(beside.id()));
    // Others ask the same at the same time, and leave out nobody, or themselves.
    let (all, fetched, ids, everybody, one) = tokio::join!(
        namespace.clients(),
        room.fetch_sockets(),
        theirs.clients(),
        broadcast.clients(),
        except.clients(),
    );
    let fetched = fetched.unwrap();
    let fetched = fetched.iter().map(|socket| socket.id().clone());
    let (asks, beside, there) = (asks.id(), beside.id(), there.id());
    assert_eq!(
        sorted(all.unwrap()),
        sorted([asks, beside, there].map(SocketId::clone))
    );
    assert_eq!(sorted(fetched), sorted([beside.clone(), there.clone()]));
    assert_eq!(sorted(ids.unwrap()), sorted([asks.clone(), there.clone()]));
    assert_eq!(
        sorted(everybody.unwrap()),
        sorted([beside.clone(), there.clone()])
    );
    assert_eq!(one.unwrap(), std::slice::from_ref(there));
}

fn sorted(ids: impl IntoIterator<Item = SocketId>) -> Vec<SocketId> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids
}

pub(super) async fn a_remote_socket_is_spoken_to(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (mut there, socket) = nodes.client(1, &[]).await;
    let remote = nodes.io(0).of("/").fetch_sockets().await.unwrap().remove(0);
    remote.emit("hello", ("from", "afar"));
    there.expect(r#"42["hello","from","afar"]"#).await;
    remote.join("room");
    let answer = remote
        .timeout(Duration::from_secs(20))
        .emit_with_ack::<u32>("ask", ());
    there.expect(r#"420["ask"]"#).await;
    assert!(socket.is_in("room"));
    there.send("430[7]").await;
    assert_eq!(within(answer).await.unwrap(), 7);
    let remote = nodes
        .io(0)
        .of("/")
        .to("room")
        .fetch_sockets()
        .await
        .unwrap()
        .remove(0);
    remote.leave("room");
    remote.disconnect(false);
    there.expect("41").await;
    assert!(!socket.is_in("room") && !socket.is_connected());
}

pub(super) async fn selections_join_leave_and_disconnect(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (mut here, local) = nodes.client(0, &["a"]).await;
    let (mut there, remote) = nodes.client(1, &["a"]).await;
    let (mut other, outside) = nodes.client(1, &[]).await;
    let main = nodes.io(0).of("/");
    main.to("a").join(["b", "c"]);
    main.to("b").leave("a");
    main.to("c").emit("joined", ());
    here.expect(r#"42["joined"]"#).await;
    there.expect(r#"42["joined"]"#).await;
    assert!(!local.is_in("a") && local.is_in("b"));
    assert!(!remote.is_in("a") && remote.is_in("b") && !outside.is_in("b"));
    main.to("b").disconnect(true);
    main.emit("left", ());
    here.expect("41").await;
    here.expect_closed().await;
    there.expect("41").await;
    there.expect_closed().await;
    other.expect(r#"42["left"]"#).await;
}

pub(super) async fn clients_of_all_servers_acknowledge(factory: impl Factory) {
    let nodes = Nodes::joined(3, &factory).await;
    let (mut here, _) = nodes.client(0, &[]).await;
    let (mut one, _) = nodes.client(1, &[]).await;
    let (mut two, _) = nodes.client(1, &[]).await;
    let answers = nodes.io(0).of("/").emit_with_ack::<u32>("ask", ());
    for (number, client) in [&mut here, &mut one, &mut two].into_iter().enumerate() {
        client.expect(r#"420["ask"]"#).await;
        client.send(format!("430[{number}]")).await;
    }
    let mut answers = within(answers.collect_all()).await.unwrap();
    answers.sort_unstable();
    assert_eq!(answers, [0, 1, 2]);
}

pub(super) async fn departed_clients_are_not_waited_for(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (mut stays, _) = nodes.client(1, &[]).await;
    let (mut leaves, _) = nodes.client(1, &[]).await;
    // Longer than a test waits.
    let asked = nodes.io(0).of("/").timeout(Duration::from_secs(300));
    let answers = asked.emit_with_ack::<String>("ask", ());
    stays.expect(r#"420["ask"]"#).await;
    stays.send(r#"430["here"]"#).await;
    leaves.expect(r#"420["ask"]"#).await;
    leaves.send("41").await;
    assert_eq!(within(answers.collect_all()).await.unwrap(), ["here"]);
}

pub(super) async fn servers_hear_each_other(factory: impl Factory) {
    let nodes = Nodes::joined(3, &factory).await;
    for (number, node) in nodes.nodes.iter().enumerate() {
        node.io
            .of("/")
            .on_server_event("add", move |event: ServerEvent| async move {
                let (one, two): (usize, usize) = event.data().unwrap();
                tokio::task::yield_now().await;
                event.ack(one + two + number).unwrap();
                event.ack("only the first answer counts").unwrap();
            });
    }
    let main = nodes.io(0).of("/");
    let mut sums = main
        .server_side_emit_with_ack::<usize>("add", (10, 20))
        .await
        .unwrap();
    sums.sort_unstable();
    assert_eq!(sums, [31, 32]);

    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    nodes
        .io(1)
        .of("/")
        .on_server_event("tell", move |event: ServerEvent| {
            let (sender, from) = (sender.clone(), event.sender().clone());
            let number: u32 = event.data().unwrap();
            async move { sender.send((from, number)).unwrap() }
        });
    for number in 0..50 {
        main.server_side_emit("tell", number);
    }
    main.server_side_emit("connection", ());
    for number in 0..50 {
        let heard = within(heard.recv()).await.unwrap();
        assert_eq!(heard, (nodes.io(0).server_id().unwrap().clone(), number));
    }
}

pub(super) async fn a_server_that_closes_is_not_waited_for(factory: impl Factory) {
    let nodes = Nodes::joined(3, &factory).await;
    let (mut there, _) = nodes.client(1, &[]).await;
    let answers = nodes
        .io(0)
        .of("/")
        .timeout(Duration::from_secs(300))
        .emit_with_ack::<()>("ask", ());
    there.expect(r#"420["ask"]"#).await;
    within(nodes.io(1).close()).await;
    assert!(within(answers.collect_all()).await.unwrap().is_empty());
    nodes.nodes[0].knows(2).await;
    nodes.nodes[2].knows(2).await;
    assert!(nodes.io(0).of("/").fetch_sockets().await.unwrap().is_empty());
}
