//! Objects that look like placeholders of the JSON parser, and come where that has no say: they are data, wherever they go.

use axum_socketio::{
    Builder, Socket, SocketIo, Value,
    adapter::Bus,
    extract::{Event, Rest},
    recovery::ConnectionStateRecovery,
};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{
    arrays::Arrays,
    custom, server,
    wire::{Eio, Packet, TestClient, TestServer, Via, within},
};

/// What a server may have between one who says something and those who hear it.
fn every_way() -> [Builder; 3] {
    let recovery = ConnectionStateRecovery::new();
    [
        SocketIo::builder(),
        SocketIo::builder().connection_state_recovery(recovery),
        SocketIo::builder().adapter(Bus::new().adapter()),
    ]
}

/// To everybody.
fn repeat(io: &SocketIo) {
    for (name, checked) in [("/", false), ("/checked", true)] {
        let namespace = io.of(name);
        if checked {
            namespace.clone().packet_middleware(async |event: Event| event);
        }
        namespace.on("say", async |socket: Socket, args: Rest<Value>| {
            socket
                .namespace()
                .try_emit("said", args)
                .map_err(|error| error.to_string())
        });
    }
}

#[cfg(feature = "msgpack")]
#[tokio::test]
async fn what_looks_like_a_placeholder_is_data_in_msgpack() {
    use axum_socketio::parser::Msgpack;

    let text = |text: &str| [&[0xa0 | text.len() as u8], text.as_bytes()].concat();
    let lookalike = |number: u8| {
        [
            &[0x82][..],
            &text("_placeholder"),
            &[0xc3],
            &text("num"),
            &[number],
        ]
        .concat()
    };
    // A thousand bytes, four objects of which each could stand for them beside another byte, and one that could stand for none.
    let args = [
        &[0xc5, 0x03, 0xe8][..],
        &[7; 1000],
        &[0x95, 0xc4, 1, 9],
        &lookalike(0).repeat(4),
        &lookalike(99),
    ]
    .concat();
    for options in every_way() {
        let io = options.parser(Msgpack).build().unwrap();
        repeat(&io);
        let server = TestServer::start(&io).await;
        for name in ["/", "/checked"] {
            let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
            let connect = [&[0x82][..], &text("type"), &[0], &text("nsp"), &text(name)].concat();
            client.send(Packet::Binary(connect)).await;
            within(client.recv()).await.unwrap();
            let data = [&[0x94][..], &text("say"), &args].concat();
            let event = [
                &[0x83][..],
                &text("type"),
                &[2],
                &text("data"),
                &data,
                &text("nsp"),
                &text(name),
            ]
            .concat();
            client.send(Packet::Binary(event)).await;
            let Some(Packet::Binary(said)) = within(client.recv()).await else {
                panic!("nothing was said");
            };
            let said = said.windows(args.len()).filter(|said| *said == args).count();
            assert_eq!(said, 1, "{name} {io:?}");
        }
    }
}

#[tokio::test]
async fn what_looks_like_a_placeholder_is_data_to_a_parser_of_ones_own() {
    let args = r#"[{"bytes":0},{"_placeholder":true,"num":0},{"num":0,"_placeholder":true}],{"_placeholder":true,"num":99}"#;
    for options in every_way() {
        let (io, _said) = server(options.parser(Arrays::default()));
        repeat(&io);
        let server = TestServer::start(&io).await;
        let (mut client, _) = custom::connected(&server, Eio::V4, Via::WebSocket).await;
        client.send(format!(r#"4[2,"/",null,["say",{args}]]"#)).await;
        client.send(Packet::from([1, 2, 3])).await;
        let said = client.text().await;
        let echoed = args.replacen('0', "null", 1);
        assert!(
            said.starts_with(&format!(r#"4[2,"/",null,["said",{echoed}"#)),
            "{said}"
        );
        client.expect([1, 2, 3]).await;
    }
}

/// To its client it may be one: the JSON parser has no other form for it.
#[tokio::test]
async fn what_looks_like_a_placeholder_is_data_to_listeners_of_what_is_sent() {
    let io = SocketIo::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    io.of("/")
        .on_connect(async move |socket: Socket| {
            let tell = tell.clone();
            socket.on_any_outgoing(async move |event: Event| {
                let _ = tell.send(event.args);
            });
        })
        .on("say", async |socket: Socket, Rest(mut args): Rest<Value>| {
            args.push(Bytes::from_static(b"bytes").into());
            socket.emit("said", Rest(args));
        });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let lookalikes =
        r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}],{"_placeholder":true,"num":99}"#;
    client.send(format!(r#"42["say",{lookalikes}]"#)).await;
    let escaped = lookalikes.replace('_', r"\u005f");
    client
        .expect(format!(
            r#"451-["said",{escaped},{{"_placeholder":true,"num":0}}]"#
        ))
        .await;
    client.expect(*b"bytes").await;
    let mut expected: Vec<Value> = serde_json::from_str(&format!("[{lookalikes}]")).unwrap();
    expected.push(Bytes::from_static(b"bytes").into());
    assert_eq!(within(told.recv()).await, Some(expected));
}
