//! A raw WebSocket.

use std::net::SocketAddr;

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async};
use tungstenite::{Error, Message};

use super::within;

#[derive(Debug)]
pub(crate) struct Ws(WebSocketStream<TcpStream>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    /// A close frame, with its status code.
    Close(Option<u16>),
    /// The end of the TCP connection.
    Eof,
}

impl Ws {
    pub(crate) async fn open(addr: SocketAddr, target: &str) -> Self {
        let refused = |(status, body)| panic!("refused: {status} {body}");
        Self::try_open(addr, target).await.unwrap_or_else(refused)
    }

    /// The WebSocket, or status and body of the refusal.
    pub(crate) async fn try_open(addr: SocketAddr, target: &str) -> Result<Self, (u16, String)> {
        let stream = TcpStream::connect(addr).await.unwrap();
        match within(client_async(format!("ws://{addr}{target}"), stream)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("no WebSocket: {error}"),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        within(self.0.send(Message::text(text))).await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self, data: impl Into<Vec<u8>>) {
        within(self.0.send(Message::binary(data.into()))).await.unwrap();
    }

    /// A ping of the WebSocket, which is answered with a pong that [`recv`](Self::recv) passes over.
    pub(crate) async fn ping(&mut self) {
        within(self.0.send(Message::Ping("ping".into()))).await.unwrap();
    }

    /// Writes many messages at once.
    pub(crate) async fn send_all(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            within(self.0.feed(Message::text(text))).await.unwrap();
        }
        within(self.0.flush()).await.unwrap();
    }

    pub(crate) async fn recv(&mut self) -> Frame {
        loop {
            return match within(self.0.next()).await {
                Some(Ok(Message::Text(text))) => Frame::Text(text.to_string()),
                Some(Ok(Message::Binary(data))) => Frame::Binary(data.to_vec()),
                Some(Ok(Message::Close(frame))) => Frame::Close(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => continue,
                None | Some(Err(_)) => Frame::Eof,
            };
        }
    }

    #[track_caller]
    pub(crate) fn expect<'a>(&'a mut self, text: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move { assert_eq!(self.recv().await, Frame::Text(text.to_owned()), "at {caller}") }
    }

    /// The server closes the WebSocket, without a status code.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) -> impl Future<Output = ()> + '_ {
        let caller = std::panic::Location::caller();
        async move { assert_eq!(self.recv().await, Frame::Close(None), "at {caller}") }
    }

    /// Says goodbye and waits for the answer.
    pub(crate) async fn close(mut self) {
        within(self.0.close(None)).await.unwrap();
        while !matches!(self.recv().await, Frame::Close(_) | Frame::Eof) {}
    }
}
