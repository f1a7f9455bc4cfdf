//! Streams of bytes that are no WebSocket, or too much of one.

use axum_socketio::SocketIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    ground::Ground,
    raw::{self, frame, head},
    wire::within,
};

/// How a stream is made.
type Make = fn() -> Vec<u8>;

/// A stream, and the code that the server closes it with.
pub(crate) const CASES: &[(&str, u16, Make)] = &[
    ("RSV1", 1002, || frame(0xc1, b"3")),
    ("RSV2", 1002, || frame(0xa1, b"3")),
    ("RSV3", 1002, || frame(0x91, b"3")),
    ("RSV1 on a ping", 1002, || frame(0xc9, b"")),
    ("opcode 3", 1002, || frame(0x83, b"")),
    ("opcode 4", 1002, || frame(0x84, b"")),
    ("opcode 5", 1002, || frame(0x85, b"")),
    ("opcode 6", 1002, || frame(0x86, b"")),
    ("opcode 7", 1002, || frame(0x87, b"")),
    ("opcode b", 1002, || frame(0x8b, b"")),
    ("opcode c", 1002, || frame(0x8c, b"")),
    ("opcode d", 1002, || frame(0x8d, b"")),
    ("opcode e", 1002, || frame(0x8e, b"")),
    ("opcode f", 1002, || frame(0x8f, b"")),
    ("no mask", 1002, || b"\x81\x013".to_vec()),
    ("no mask on a ping", 1002, || b"\x89\x00".to_vec()),
    ("a ping in pieces", 1002, || frame(0x09, b"")),
    ("a close in pieces", 1002, || frame(0x08, b"")),
    ("a long ping", 1002, || frame(0x89, &[0; 126])),
    ("a long pong", 1002, || frame(0x8a, &[0; 126])),
    ("a long close", 1002, || frame(0x88, &[3; 126])),
    ("a length of 64 bits", 1002, || head(0x81, 1 << 63)),
    ("the longest length", 1002, || head(0x81, u64::MAX)),
    ("the end of nothing", 1002, || frame(0x80, b"3")),
    ("the middle of nothing", 1002, || frame(0x00, b"3")),
    ("text in text", 1002, || {
        [frame(0x01, b"3"), frame(0x81, b"3")].concat()
    }),
    ("binary in text", 1002, || {
        [frame(0x01, b"3"), frame(0x82, b"3")].concat()
    }),
    ("text in binary", 1002, || {
        [frame(0x02, b"3"), frame(0x81, b"3")].concat()
    }),
    ("a byte that is never UTF-8", 1007, || frame(0x81, b"3\xff")),
    ("a surrogate", 1007, || frame(0x81, b"3\xed\xa0\x80")),
    ("an overlong slash", 1007, || frame(0x81, b"3\xc0\xaf")),
    ("beyond Unicode", 1007, || frame(0x81, b"3\xf4\x90\x80\x80")),
    ("half a character", 1007, || frame(0x81, b"3\xe2\x82")),
    ("half a character, then the end", 1007, || {
        [frame(0x01, b"3\xe2\x82"), frame(0x80, b"")].concat()
    }),
    ("half a character, then another", 1007, || {
        [frame(0x01, b"3\xe2\x82"), frame(0x80, b"a")].concat()
    }),
    ("wrong before the end", 1007, || frame(0x01, b"3\xff")),
    ("one byte over the limit, claimed", 1009, || head(0x82, 1_000_001)),
    ("a terabyte, claimed", 1009, || head(0x81, 1 << 40)),
    ("all there is, claimed", 1009, || head(0x82, (1 << 63) - 1)),
    ("over the limit in two frames", 1009, || {
        [frame(0x02, &[0; 600_000]), head(0x80, 400_001)].concat()
    }),
    ("over the limit in many frames", 1009, || {
        [frame(0x02, &[0; 60_000]), frame(0x00, &[0; 60_000]).repeat(16)].concat()
    }),
    ("half a close code", 1002, || frame(0x88, b"\x03")),
    ("close code 0", 1002, || frame(0x88, &0_u16.to_be_bytes())),
    ("close code 999", 1002, || frame(0x88, &999_u16.to_be_bytes())),
    ("close code 1004", 1002, || frame(0x88, &1004_u16.to_be_bytes())),
    ("close code 1005", 1002, || frame(0x88, &1005_u16.to_be_bytes())),
    ("close code 1006", 1002, || frame(0x88, &1006_u16.to_be_bytes())),
    ("close code 1015", 1002, || frame(0x88, &1015_u16.to_be_bytes())),
    ("close code 2999", 1002, || frame(0x88, &2999_u16.to_be_bytes())),
    ("close code 5000", 1002, || frame(0x88, &5000_u16.to_be_bytes())),
    ("close code 65535", 1002, || frame(0x88, &u16::MAX.to_be_bytes())),
    ("a reason that is no UTF-8", 1007, || frame(0x88, b"\x03\xe8\xff")),
];

#[tokio::test]
async fn streams_that_are_no_websocket_are_closed_with_the_code_of_the_rfc() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for eio in [3, 4] {
        let target = format!("/socket.io/?EIO={eio}&transport=websocket");
        for (case, code, make) in CASES {
            let mut stream = raw::websocket(ground.server.addr, &target).await;
            if eio == 4 {
                stream.write_all(&frame(0x81, b"40")).await.unwrap();
            }
            // The server may have closed before it has read everything.
            let _ = within(stream.write_all(&make())).await;
            let mut answer = [0; 4096];
            let mut said = Vec::new();
            while raw::close_code(&said).is_none() {
                let read = within(stream.read(&mut answer)).await.unwrap();
                assert!(read > 0, "{case}: closed without a code");
                said.extend(&answer[..read]);
            }
            assert_eq!(raw::close_code(&said), Some(*code), "{case}");
            drop(stream);
            ground.expect_left("transport error", case).await;
            ground.check(case).await;
        }
    }
}
