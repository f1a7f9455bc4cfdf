//! Events across servers.

use bytes::Bytes;

use super::{Factory, Nodes};
use crate::wire::Packet;

pub(super) async fn reach_a_room_on_every_server(factory: impl Factory) {
    let nodes = Nodes::joined(3, &factory).await;
    let (mut here, _) = nodes.client(0, &["red", "blue"]).await;
    let (mut there, _) = nodes.client(1, &["red", "blue"]).await;
    let (mut outside, _) = nodes.client(2, &["green"]).await;
    nodes.io(0).of("/").to(["red", "blue"]).emit("hello", (1, "two"));
    here.expect(r#"42["hello",1,"two"]"#).await;
    there.expect(r#"42["hello",1,"two"]"#).await;
    // The order of one sender: what was for the room would have come first.
    nodes.io(0).of("/").emit("all", ());
    for client in [&mut here, &mut there, &mut outside] {
        client.expect(r#"42["all"]"#).await;
    }
}

pub(super) async fn leave_out_excepted_rooms_and_the_sender(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (mut sender, socket) = nodes.client(0, &["room"]).await;
    let (mut muted, _) = nodes.client(1, &["room", "muted"]).await;
    let (mut other, alone) = nodes.client(1, &["room"]).await;
    socket.to("room").except("muted").emit("hello", ());
    socket.broadcast().except(alone.id()).emit("not for one", ());
    nodes.io(0).of("/").emit("last", ());
    sender.expect(r#"42["last"]"#).await;
    muted.expect(r#"42["not for one"]"#).await;
    muted.expect(r#"42["last"]"#).await;
    other.expect(r#"42["hello"]"#).await;
    other.expect(r#"42["last"]"#).await;
}

pub(super) async fn stay_when_local(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (mut here, socket) = nodes.client(0, &[]).await;
    let (mut there, remote) = nodes.client(1, &[]).await;
    let local = nodes.io(0).of("/").local();
    local.emit("here", ());
    local.join("room");
    assert_eq!(local.fetch_sockets().await.unwrap().len(), 1);
    nodes.io(0).of("/").emit("last", ());
    here.expect(r#"42["here"]"#).await;
    here.expect(r#"42["last"]"#).await;
    there.expect(r#"42["last"]"#).await;
    assert!(socket.is_in("room") && !remote.is_in("room"));
}

pub(super) async fn to_no_room_reach_nobody(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (mut there, _) = nodes.client(1, &[]).await;
    nodes.io(0).of("/").to(Vec::<String>::new()).emit("nobody", ());
    nodes.io(0).of("/").to("empty").emit("nobody", ());
    nodes.io(0).of("/").emit("last", ());
    there.expect(r#"42["last"]"#).await;
}

pub(super) async fn are_volatile_there_too(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let mut polling = nodes.idle_polling_client(1).await;
    // No poll is waiting: what is volatile can't be delivered at this moment.
    nodes.io(0).of("/").volatile().emit("lost", ());
    nodes.io(0).of("/").emit("kept", ());
    polling.expect(r#"42["kept"]"#).await;
}

pub(super) async fn carry_bytes(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (mut there, _) = nodes.client(1, &[]).await;
    let (one, two) = (Bytes::from_static(b"\x00\xff"), Bytes::from_static(b"\"["));
    nodes.io(0).of("/").emit("bytes", (one, "é", vec![two]));
    there
        .expect(r#"452-["bytes",{"_placeholder":true,"num":0},"é",[{"_placeholder":true,"num":1}]]"#)
        .await;
    there.expect(Packet::Binary(b"\x00\xff".to_vec())).await;
    there.expect(Packet::Binary(b"\"[".to_vec())).await;
}

pub(super) async fn keep_the_order_of_their_sender(factory: impl Factory) {
    let nodes = Nodes::joined(2, &factory).await;
    let (mut there, _) = nodes.client(1, &[]).await;
    for number in 0..200 {
        nodes.io(0).of("/").emit("count", number);
    }
    for number in 0..200 {
        there.expect(format!(r#"42["count",{number}]"#)).await;
    }
}
