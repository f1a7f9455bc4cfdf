//! What every back end has to keep: the contract of `adapter::Adapter`, seen from the clients of joined servers.

mod broadcasts;
mod requests;

use std::pin::Pin;

use axum_socketio::{Builder, Socket, SocketIo, Value, extract::Rest};

use crate::wire::{Eio, TestClient, TestServer, Via, within};

/// Adds the back end under test, joined to the same cluster at each call.
pub(crate) trait Factory: Fn(Builder) -> Builder {}

impl<F: Fn(Builder) -> Builder> Factory for F {}

/// Servers of one cluster that know each other.
pub(crate) struct Nodes {
    pub(crate) nodes: Vec<Node>,
}

/// A server and a way to it.
pub(crate) struct Node {
    pub(crate) io: SocketIo,
    server: TestServer,
}

impl Nodes {
    /// So many servers, joined by the factory's back end. `/` echoes `message`, and `join` joins a room.
    pub(crate) async fn joined(servers: usize, factory: &impl Factory) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..servers {
            let io = factory(SocketIo::builder()).build().unwrap();
            io.of("/")
                .on("message", async |socket: Socket, args: Rest<Value>| {
                    socket.emit("message-back", args);
                });
            let server = TestServer::start(&io).await;
            nodes.push(Node { io, server });
        }
        for node in &nodes {
            node.knows(servers).await;
        }
        Self { nodes }
    }

    pub(crate) const fn io(&self, node: usize) -> &SocketIo {
        &self.nodes.as_slice()[node].io
    }

    /// A client of this server, in these rooms.
    pub(crate) async fn client(&self, node: usize, rooms: &[&str]) -> (TestClient, Socket) {
        let node = &self.nodes[node];
        let mut client = TestClient::open(&node.server, Eio::V4, Via::WebSocket).await;
        let id = client.join("/").await;
        let socket = node.io.of("/").socket(&id).unwrap();
        socket.join(rooms);
        (client, socket)
    }

    /// A client of this server that is connected to `/` and polls only when it is asked for a packet.
    pub(crate) async fn idle_polling_client(&self, node: usize) -> TestClient {
        TestClient::connect(&self.nodes[node].server, Eio::V4, Via::Polling).await
    }
}

impl Node {
    /// Waits until the server knows so many, itself included.
    pub(crate) async fn knows(&self, servers: usize) {
        let namespace = self.io.of("/");
        within(async {
            while namespace.server_count().await != servers {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

type Case = Pin<Box<dyn Future<Output = ()>>>;

/// Runs the whole suite. The factory is called for several clusters, one after the other: it must not mix them up.
pub(crate) async fn keeps_the_contract<F: Factory + 'static>(cluster: impl Fn() -> F) {
    let cases: [fn(F) -> Case; 15] = [
        |factory| Box::pin(broadcasts::reach_a_room_on_every_server(factory)),
        |factory| Box::pin(broadcasts::leave_out_excepted_rooms_and_the_sender(factory)),
        |factory| Box::pin(broadcasts::stay_when_local(factory)),
        |factory| Box::pin(broadcasts::to_no_room_reach_nobody(factory)),
        |factory| Box::pin(broadcasts::are_volatile_there_too(factory)),
        |factory| Box::pin(broadcasts::carry_bytes(factory)),
        |factory| Box::pin(broadcasts::keep_the_order_of_their_sender(factory)),
        |factory| Box::pin(requests::sockets_of_all_servers_are_fetched(factory)),
        |factory| Box::pin(requests::the_selection_of_a_socket_leaves_it_out_where_it_is_asked_for(factory)),
        |factory| Box::pin(requests::a_remote_socket_is_spoken_to(factory)),
        |factory| Box::pin(requests::selections_join_leave_and_disconnect(factory)),
        |factory| Box::pin(requests::clients_of_all_servers_acknowledge(factory)),
        |factory| Box::pin(requests::departed_clients_are_not_waited_for(factory)),
        |factory| Box::pin(requests::servers_hear_each_other(factory)),
        |factory| Box::pin(requests::a_server_that_closes_is_not_waited_for(factory)),
    ];
    for case in cases {
        case(cluster()).await;
    }
}
