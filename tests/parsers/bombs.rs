//! A parser whose bytes, and whose decoders, panic when they are dropped.

use std::{error::Error, future::pending, time::Duration};

use axum_socketio::{
    DisconnectReason, Protocol, Socket, SocketIo, Value,
    parser::{self, Decoder, Message, Messages, PacketType, Parser},
};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{
    arrays::Arrays,
    wire::{Eio, TestServer, Via, within},
};

/// There are such bytes in every event, of either side.
#[derive(Debug, Default)]
struct Bombs(Arrays);

struct Reader(Box<dyn Decoder>);

struct Bomb;

impl Parser for Bombs {
    fn encode(
        &self,
        packet: &parser::Packet,
        protocol: Protocol,
    ) -> Result<Messages, Box<dyn Error + Send + Sync>> {
        let written = self.0.encode(packet, protocol)?;
        Ok(match packet.kind {
            PacketType::Event => written.and_binary(Bytes::from_owner(Bomb)),
            _ => written,
        })
    }

    fn decoder(&self, protocol: Protocol) -> Box<dyn Decoder> {
        Box::new(Reader(self.0.decoder(protocol)))
    }
}

impl Decoder for Reader {
    fn add(&mut self, message: Message<'_>) -> Result<Option<parser::Packet>, Box<dyn Error + Send + Sync>> {
        let mut packet = self.0.add(message)?;
        if let Some(parser::Packet {
            data: Value::Array(data),
            ..
        }) = &mut packet
        {
            data.push(Value::Array(vec![Bytes::from_owner(Bomb).into()]));
        }
        Ok(packet)
    }
}

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        b"tick"
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a test panics on purpose");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        panic!("a test panics on purpose");
    }
}

#[tokio::test]
async fn what_a_parser_has_made_keeps_no_socket_from_leaving_when_it_panics_as_it_is_dropped() {
    let io = SocketIo::builder().parser(Bombs::default()).build().unwrap();
    let (say, mut said) = mpsc::unbounded_channel();
    let main = io.of("/").sequential();
    let main = main
        .on("echo", async |socket: Socket| socket.emit("echoed", ()))
        .on("wait", async || pending::<()>().await)
        .on_disconnect(async move |reason: DisconnectReason| say.send(reason).unwrap());
    let server = TestServer::start(&io).await;
    for via in [Via::WebSocket, Via::Polling] {
        // Read, and left unread by a handler and by the client, and never sent.
        let (mut client, id) = super::custom::connected(&server, Eio::V4, via).await;
        client.send(r#"4[2,"/",null,["echo"]]"#).await;
        client.expect(r#"4[2,"/",null,["echoed"]]"#).await;
        client.recv().await.unwrap();
        client.send(r#"4[2,"/",null,["wait"]]"#).await;
        client.send(r#"4[2,"/",null,["first"]]"#).await;
        client.send(r#"4[2,"/",null,["second"]]"#).await;
        let socket = main.socket(id).unwrap();
        socket.emit("photo", ());
        socket.emit("photo", ());
        client.close().await;
        assert_eq!(
            within(said.recv()).await,
            Some(DisconnectReason::TransportClose),
            "{via:?}"
        );
        assert!(main.is_empty());
    }
    // Several that the server ends at once.
    let mut clients = Vec::new();
    for via in [Via::WebSocket, Via::Polling, Via::WebSocket] {
        clients.push(super::custom::connected(&server, Eio::V4, via).await);
    }
    main.emit("photo", ());
    io.close_within(Duration::from_millis(400)).await;
    for _ in clients {
        assert_eq!(said.try_recv(), Ok(DisconnectReason::ServerShuttingDown));
    }
}
