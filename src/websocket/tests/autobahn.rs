//! The case classes of the Autobahn test suite's fuzzing client: 1–7, 9 and 10, by their numbers.

use super::client::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, binary, claim, close, fragments, frame, ping, pong,
    text,
};
use crate::websocket::transcript::Transcript;

const LIMIT: usize = 4 << 20;
const KOSME: &str = "Hello-µ@ßöäüàá-UTF-8!!";

/// A case: its number, what the client sends, what is to be said of it, the close code it is to end with.
struct Case {
    id: String,
    stream: Vec<u8>,
    said: Vec<(u8, Vec<u8>)>,
    code: Option<u16>,
}

fn case(id: impl Into<String>, stream: &[&[u8]]) -> Case {
    Case {
        id: id.into(),
        stream: stream.concat(),
        said: Vec::new(),
        code: None,
    }
}

impl Case {
    fn says(mut self, op: u8, payload: impl AsRef<[u8]>) -> Self {
        self.said.push((op, payload.as_ref().to_vec()));
        self
    }

    fn closes(self, code: u16, reason: &str) -> Self {
        self.says(CLOSE, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    fn fails(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// Whole, in the pieces that Autobahn uses, and byte for byte.
    fn check(&self) {
        for size in [self.stream.len().max(1), 997, 1] {
            if size > 1 || self.stream.len() < 10_000 {
                self.check_in_pieces(size);
            }
        }
    }

    fn check_in_pieces(&self, size: usize) {
        let transcript = Transcript::of(self.stream.chunks(size), LIMIT);
        let code = transcript.code().map(|code| code.get());
        assert_eq!(
            code, self.code,
            "case {} in pieces of {size}: {:?}",
            self.id, transcript.failed
        );
        assert!(
            transcript.said == self.said,
            "case {} in pieces of {size}: other messages",
            self.id
        );
    }
}

fn check_all(cases: impl IntoIterator<Item = Case>) {
    for case in cases {
        case.check();
    }
}

#[test]
fn group_1_framing() {
    for (i, len) in [0, 125, 126, 127, 128, 65_535, 65_536].into_iter().enumerate() {
        let payload = vec![b'*'; len];
        case(format!("1.1.{}", i + 1), &[&text(&payload)])
            .says(TEXT, &payload)
            .check();
        let payload = vec![0xfe; len];
        case(format!("1.2.{}", i + 1), &[&binary(&payload)])
            .says(BINARY, &payload)
            .check();
    }
}

#[test]
fn group_2_pings_and_pongs() {
    let ten: Vec<Vec<u8>> = (0..10).map(|i| format!("payload-{i}").into_bytes()).collect();
    let pings: Vec<u8> = ten.iter().flat_map(ping).collect();
    check_all([
        case("2.1", &[&ping("")]).says(PING, ""),
        case("2.2", &[&ping("Hello, world!")]).says(PING, "Hello, world!"),
        case("2.3", &[&ping(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")])
            .says(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        case("2.4", &[&ping([0xfe; 125])]).says(PING, [0xfe; 125]),
        case("2.5", &[&ping([0xfe; 126])]).fails(1002),
        case("2.7", &[&pong("")]).says(PONG, ""),
        case("2.8", &[&pong("unsolicited")]).says(PONG, "unsolicited"),
        case("2.9", &[&pong("unsolicited"), &ping("ping")])
            .says(PONG, "unsolicited")
            .says(PING, "ping"),
        ten.iter()
            .fold(case("2.10", &[&pings]), |case, payload| case.says(PING, payload)),
    ]);
}

#[test]
fn group_3_reserved_bits() {
    let hello = text("Hello, world!");
    check_all([
        case("3.1", &[&frame(FIN | 0x40 | TEXT, "small")]).fails(1002),
        case("3.2", &[&hello, &frame(FIN | 0x20 | TEXT, "small"), &ping("")])
            .says(TEXT, "Hello, world!")
            .fails(1002),
        case("3.3", &[&hello, &frame(FIN | 0x30 | TEXT, "small"), &ping("")])
            .says(TEXT, "Hello, world!")
            .fails(1002),
        case("3.5", &[&frame(FIN | 0x50 | BINARY, [0xff; 8])]).fails(1002),
        case("3.6", &[&frame(FIN | 0x60 | PING, "Hello")]).fails(1002),
        case("3.7", &[&frame(FIN | 0x70 | CLOSE, "")]).fails(1002),
    ]);
}

#[test]
fn group_4_reserved_opcodes() {
    for (i, op) in (3..8).chain(11..16).enumerate() {
        case(format!("4.{}.{}", i / 5 + 1, i % 5 + 1), &[&frame(FIN | op, "")])
            .fails(1002)
            .check();
        case(
            format!("4, opcode {op}"),
            &[&text("Hello"), &frame(FIN | op, "reserved"), &ping("")],
        )
        .says(TEXT, "Hello")
        .fails(1002)
        .check();
    }
}

#[test]
fn group_5_fragmentation() {
    let start = frame(TEXT, "fragment1");
    let middle = frame(CONTINUATION, "fragment2");
    let last = frame(FIN | CONTINUATION, "fragment2");
    check_all([
        case("5.1", &[&frame(PING, "fragment1"), &last]).fails(1002),
        case("5.2", &[&frame(PONG, "fragment1"), &last]).fails(1002),
        case("5.3", &[&start, &last]).says(TEXT, "fragment1fragment2"),
        case("5.6", &[&start, &ping("ping"), &last])
            .says(PING, "ping")
            .says(TEXT, "fragment1fragment2"),
        case("5.9", &[&last, &text("Hello, world!")]).fails(1002),
        case("5.12", &[&middle, &text("Hello, world!")]).fails(1002),
        case("5.15", &[&start, &last, &middle, &text("Hello, world!")])
            .says(TEXT, "fragment1fragment2")
            .fails(1002),
        case("5.16", &[&middle, &start, &last]).fails(1002),
        case("5.17", &[&last, &start, &last]).fails(1002),
        case("5.18", &[&start, &frame(FIN | TEXT, "fragment2")]).fails(1002),
        case(
            "5.19",
            &[&start, &middle, &ping("1"), &middle, &middle, &ping("2"), &last],
        )
        .says(PING, "1")
        .says(PING, "2")
        .says(TEXT, "fragment1fragment2fragment2fragment2fragment2"),
    ]);
}

#[test]
fn group_6_1_empty_text() {
    let (first, empty, last) = (
        frame(TEXT, ""),
        frame(CONTINUATION, ""),
        frame(FIN | CONTINUATION, ""),
    );
    check_all([
        case("6.1.1", &[&text("")]).says(TEXT, ""),
        case("6.1.2", &[&first, &empty, &last]).says(TEXT, ""),
        case(
            "6.1.3",
            &[&first, &frame(CONTINUATION, "middle frame payload"), &last],
        )
        .says(TEXT, "middle frame payload"),
    ]);
}

#[test]
fn group_6_text_in_any_fragments() {
    let invalid = [KOSME.as_bytes(), b"\xed\xa0\x80", b"edited"].concat();
    check_all([
        case("6.2.1", &[&text(KOSME)]).says(TEXT, KOSME),
        case("6.2.2", &[&fragments(TEXT, KOSME, 12)]).says(TEXT, KOSME),
        case("6.2.3", &[&fragments(TEXT, KOSME, 1)]).says(TEXT, KOSME),
        case("6.2.4", &[&fragments(TEXT, "κόσμε", 1)]).says(TEXT, "κόσμε"),
        case("6.3.1", &[&text(&invalid)]).fails(1007),
        case("6.3.2", &[&fragments(TEXT, &invalid, 1)]).fails(1007),
    ]);
}

/// 6.4: a text is refused with the first bad byte, with frames and reads still to come.
#[test]
fn group_6_4_fail_fast() {
    let good = "κόσμε".as_bytes();
    for bad in [&b"\xf4\x90"[..], b"\xed\xa0", b"\xff", b"\x80"] {
        let payload = [good, bad].concat();
        case("6.4.1", &[&frame(TEXT, good), &frame(CONTINUATION, bad)])
            .fails(1007)
            .check();
        let cut = [claim(FIN | TEXT, 1000), frame(0, &payload)[6..].to_vec()].concat();
        case("6.4.3", &[&cut]).fails(1007).check();
        let before_the_last_byte = &cut[..cut.len() - 1];
        case("6.4.4", &[before_the_last_byte]).check();
    }
}

/// 6.5–6.23, after Markus Kuhn's UTF-8 stress test.
#[test]
fn group_6_valid_sequences() {
    let valid: &[&[u8]] = &[
        b"\x00",
        b"\xc2\x80",
        b"\xe0\xa0\x80",
        b"\xf0\x90\x80\x80",
        b"\x7f",
        b"\xdf\xbf",
        b"\xef\xbf\xbf",
        b"\xf4\x8f\xbf\xbf",
        b"\xed\x9f\xbf",
        b"\xee\x80\x80",
        b"\xef\xbf\xbd",
        b"\xef\xbf\xbe",
        b"\xf0\x9f\xbf\xbe",
        b"\xf3\xbf\xbf\xbf",
        "\u{200b}\u{feff}".as_bytes(),
    ];
    for payload in valid {
        let id = format!("6, {payload:x?}");
        case(&id, &[&text(payload)]).says(TEXT, payload).check();
        case(&id, &[&fragments(TEXT, payload, 1)])
            .says(TEXT, payload)
            .check();
    }
}

#[test]
fn group_6_invalid_sequences() {
    let invalid: &[&[u8]] = &[
        // 6.8, 6.10: characters of five and six bytes
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xf7\xbf\xbf\xbf",
        // 6.11.5: beyond the last character
        b"\xf4\x90\x80\x80",
        // 6.12: continuation bytes alone
        b"\x80",
        b"\xbf\x80\xbf",
        // 6.13, 6.14: characters that end early
        b"\xc0 \xc1 ",
        b"\xe0 \xef ",
        b"\xf0 ",
        b"\xdf",
        b"\xe0\xa0",
        b"\xef\xbf",
        b"\xf0\x90\x80",
        // 6.15: several of them
        b"\xc0\xe0\x80\xf0\x80\x80",
        // 6.16: bytes that occur nowhere
        b"\xfe",
        b"\xff",
        // 6.17–6.19: overlong
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xc0\x80",
        // 6.20, 6.21: surrogates, alone and in pairs
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xed\xa0\x80\xed\xb0\x80",
    ];
    for payload in invalid {
        let id = format!("6, {payload:x?}");
        case(&id, &[&text(payload)]).fails(1007).check();
        case(&id, &[&fragments(TEXT, payload, 1)]).fails(1007).check();
    }
}

#[test]
fn group_7_closing() {
    let bye = close(1000, "");
    let big = vec![b'*'; 256 << 10];
    let start = frame(TEXT, "fragment1");
    let reason = "*".repeat(123);
    check_all([
        case("7.1.1", &[&text("Hello"), &bye])
            .says(TEXT, "Hello")
            .closes(1000, ""),
        case("7.1.2", &[&bye, &bye]).closes(1000, ""),
        case("7.1.3", &[&bye, &ping("")]).closes(1000, ""),
        case("7.1.4", &[&bye, &text("Hello")]).closes(1000, ""),
        case("7.1.5", &[&start, &bye, &frame(FIN | CONTINUATION, "fragment2")]).closes(1000, ""),
        case("7.1.6", &[&text(&big), &text("Hello"), &bye, &ping("")])
            .says(TEXT, &big)
            .says(TEXT, "Hello")
            .closes(1000, ""),
        case("7.3.1", &[&frame(FIN | CLOSE, "")]).says(CLOSE, ""),
        case("7.3.2", &[&frame(FIN | CLOSE, "a")]).fails(1002),
        case("7.3.3", &[&bye]).closes(1000, ""),
        case("7.3.4", &[&close(1000, "Hello World!")]).closes(1000, "Hello World!"),
        case("7.3.5", &[&close(1000, &reason)]).closes(1000, &reason),
        case("7.3.6", &[&close(1000, "*".repeat(124))]).fails(1002),
        case("7.5.1", &[&close(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")]).fails(1007),
    ]);
}

#[test]
fn group_7_close_codes() {
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
    ] {
        case(format!("7.7, {code}"), &[&close(code, "")])
            .closes(code, "")
            .check();
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        case(format!("7.9, {code}"), &[&close(code, "")])
            .fails(1002)
            .check();
    }
}

#[test]
fn group_9_large_messages() {
    for size in [64 << 10, 1 << 20, LIMIT] {
        let payload = vec![b'*'; size];
        case(format!("9.1, {size}"), &[&text(&payload)])
            .says(TEXT, &payload)
            .check();
        case(format!("9.2, {size}"), &[&binary(&payload)])
            .says(BINARY, &payload)
            .check();
    }
    let over = vec![b'*'; LIMIT + 1];
    case("beyond the limit", &[&binary(&over)]).fails(1009).check();
}

#[test]
fn group_9_large_messages_in_fragments() {
    let payload = vec![b'*'; 1 << 20];
    for size in [64, 4 << 10, 256 << 10] {
        case(format!("9.3, {size}"), &[&fragments(TEXT, &payload, size)])
            .says(TEXT, &payload)
            .check();
        case(format!("9.4, {size}"), &[&fragments(BINARY, &payload, size)])
            .says(BINARY, &payload)
            .check();
    }
}

#[test]
fn group_9_large_messages_in_chops() {
    let payload = vec![b'*'; 1 << 20];
    for chop in [64, 512, 2048] {
        case("9.5", &[&text(&payload)])
            .says(TEXT, &payload)
            .check_in_pieces(chop);
        case("9.6", &[&binary(&payload)])
            .says(BINARY, &payload)
            .check_in_pieces(chop);
    }
}

#[test]
fn group_9_many_messages() {
    for size in [0, 16, 64, 256, 1024, 4096] {
        let payload = vec![b'*'; size];
        let whole = case(format!("9.7, {size}"), &[&text(&payload).repeat(200)]);
        (0..200).fold(whole, |case, _| case.says(TEXT, &payload)).check();
    }
}

#[test]
fn group_10_odd_fragments() {
    let payload = vec![b'*'; 65_536];
    case("10.1.1", &[&fragments(TEXT, &payload, 1300)])
        .says(TEXT, &payload)
        .check();
}
