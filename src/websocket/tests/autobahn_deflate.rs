//! The case classes 12 and 13 of the Autobahn test suite's fuzzing client: compressed messages, echoed.
//!
//! Its five files are imitated by what is as compressible as they are. It sends a thousand messages in each case; here it is as many
//! as make up [`BYTES`], and three at least.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::client::{BINARY, FIN, TEXT, fragments, frame};
use crate::websocket::{
    Agreement, DecoderConfig, Deflater, Effort, Terms, deflate, extensions::offers, negotiate,
    transcript::Transcript,
};

/// Payload and fragment sizes of the 18 cases of each class; 0 for one frame.
const CASES: [(usize, usize); 18] = [
    (16, 0),
    (64, 0),
    (256, 0),
    (1024, 0),
    (4096, 0),
    (8192, 0),
    (16_384, 0),
    (32_768, 0),
    (65_536, 0),
    (131_072, 0),
    (8192, 256),
    (16_384, 256),
    (32_768, 256),
    (65_536, 256),
    (131_072, 256),
    (131_072, 1024),
    (131_072, 4096),
    (131_072, 32_768),
];

/// The most bytes of a case, but at least three messages.
const BYTES: usize = 64 << 10;
const MESSAGES: usize = 1000;

/// What the server may be told to want: the same as Autobahn's, and the default.
const TERMS: [Terms; 2] = [terms(true), terms(false)];

const fn terms(takeover: bool) -> Terms {
    Terms {
        server_max_window_bits: 15,
        client_max_window_bits: 15,
        server_context_takeover: takeover,
        client_context_takeover: takeover,
    }
}

/// The five files of class 12.
#[derive(Clone, Copy, Debug)]
enum File {
    Json,
    Picture,
    Prose,
    Html,
    Pdf,
}

impl File {
    const fn op(self) -> u8 {
        match self {
            Self::Json | Self::Html => TEXT,
            Self::Picture | Self::Prose | Self::Pdf => BINARY,
        }
    }

    fn bytes(self) -> Vec<u8> {
        let mut seed = 1_u32;
        let mut draw = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % below
        };
        let mut bytes = Vec::new();
        while bytes.len() < 200_000 {
            match self {
                Self::Json => {
                    let (id, price) = (draw(10_000), draw(1000));
                    bytes.extend(format!(r#"{{"id":{id},"price":{price}.5,"tags":["red"]}},"#).bytes());
                }
                Self::Picture => bytes.push((128 + bytes.len() as u32 % 512 / 8 + draw(4)) as u8),
                Self::Prose => {
                    let words = [
                        "und ",
                        "der ",
                        "nicht ",
                        "Geist, ",
                        "Mephistopheles ",
                        "für ",
                        "ach! ",
                        "so\r\n",
                    ];
                    bytes.extend(words[draw(8) as usize].bytes());
                }
                Self::Html => {
                    bytes.extend(
                        format!("<li class=\"item\"><a href=\"/{}\">x</a></li>\n", draw(500)).bytes(),
                    );
                }
                Self::Pdf => bytes.push(draw(256) as u8),
            }
        }
        bytes
    }
}

/// The agreement on these offers.
fn agreement(offered: &'static str, terms: Terms) -> Option<Agreement> {
    let mut headers = HeaderMap::new();
    headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(offered));
    negotiate(&offers(&headers), terms)
}

/// A class: its cases with this file, under this agreement.
fn check(class: &str, file: File, agreement: Agreement) {
    let bytes = file.bytes();
    for (i, (size, fragment)) in CASES.into_iter().enumerate() {
        let id = format!("{class}.{}", i + 1);
        // The next message begins where the last one ended.
        let payloads: Vec<Vec<u8>> = (0..messages(size))
            .map(|i| bytes.iter().cycle().skip(i * size % bytes.len()).take(size))
            .map(|bytes| bytes.copied().collect())
            .collect();
        check_case(&id, file.op(), agreement, &payloads, fragment);
    }
}

fn check_case(id: &str, op: u8, agreement: Agreement, payloads: &[Vec<u8>], fragment: usize) {
    let mut client = (Compress::new(Compression::new(6), false), Decompress::new(false));
    let stream: Vec<u8> = payloads
        .iter()
        .flat_map(|payload| {
            if !agreement.client_context_takeover {
                client.0.reset();
            }
            let compressed = compress(&mut client.0, payload);
            match fragment {
                0 => frame(FIN | 0x40 | op, compressed),
                size => fragments(0x40 | op, compressed, size),
            }
        })
        .collect();
    let config = DecoderConfig {
        max_message_size: 1_000_000,
        deflate: Some(agreement),
    };
    for piece in [stream.len(), 997] {
        let heard = Transcript::with(stream.chunks(piece), config);
        assert_eq!(heard.failed, None, "case {id} in pieces of {piece}");
        let said = payloads.iter().map(|payload| (op, payload.clone()));
        assert!(
            heard.said.into_iter().eq(said),
            "case {id} in pieces of {piece}: other messages"
        );
    }
    let effort = Effort {
        level: 6,
        window_bits: agreement.server_max_window_bits,
    };
    let mut context = Deflater::new(effort);
    for payload in payloads {
        let compressed = if agreement.server_context_takeover {
            context.deflate(&[payload])
        } else {
            client.1.reset(false);
            deflate(&[payload], effort)
        };
        assert!(
            decompress(&mut client.1, &compressed, payload.len()) == *payload,
            "case {id}: another echo"
        );
    }
}

fn compress(client: &mut Compress, payload: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(payload.len() + payload.len() / 100 + 100);
    client
        .compress_vec(payload, &mut output, FlushCompress::Sync)
        .unwrap();
    assert!(output.len() < output.capacity());
    output.truncate(output.len() - 4);
    output
}

fn decompress(client: &mut Decompress, compressed: &[u8], len: usize) -> Vec<u8> {
    let mut output = Vec::with_capacity(len + 1);
    let input = [compressed, &[0, 0, 0xff, 0xff]].concat();
    client
        .decompress_vec(&input, &mut output, FlushDecompress::Sync)
        .unwrap();
    output
}

fn messages(size: usize) -> usize {
    (BYTES / size).clamp(3, MESSAGES)
}

#[test]
fn group_12_files() {
    for terms in TERMS {
        let agreement = agreement(
            "permessage-deflate; client_no_context_takeover; client_max_window_bits",
            terms,
        );
        for (i, file) in [File::Json, File::Picture, File::Prose, File::Html, File::Pdf]
            .into_iter()
            .enumerate()
        {
            check(&format!("12.{}", i + 1), file, agreement.unwrap());
        }
    }
}

/// The classes of 13, with their offers and what is answered to them where takeover is allowed.
const OFFERS: [(&str, &str, Option<&str>); 7] = [
    (
        "13.1",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits",
        Some("permessage-deflate; client_no_context_takeover"),
    ),
    (
        "13.2",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits; server_no_context_takeover",
        Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
    ),
    // A window of 8 bits is declined, because zlib can't write it: Autobahn calls that unimplemented.
    (
        "13.3",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits; server_max_window_bits=8",
        None,
    ),
    (
        "13.4",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits; server_max_window_bits=15",
        Some("permessage-deflate; client_no_context_takeover; server_max_window_bits=15"),
    ),
    (
        "13.5",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits; server_no_context_takeover; server_max_window_bits=8",
        None,
    ),
    (
        "13.6",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits; server_no_context_takeover; server_max_window_bits=15",
        Some(
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15",
        ),
    ),
    (
        "13.7",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits; server_no_context_takeover; server_max_window_bits=8, \
         permessage-deflate; client_no_context_takeover; client_max_window_bits; server_no_context_takeover, \
         permessage-deflate; client_no_context_takeover; client_max_window_bits",
        Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
    ),
];

#[test]
fn group_13_parameters() {
    for (class, offered, answered) in OFFERS {
        let header = agreement(offered, TERMS[0]).map(Agreement::header);
        let answer = header.as_ref().map(|header| header.to_str().unwrap());
        assert_eq!(answer, answered, "class {class}");
        for terms in TERMS {
            if let Some(agreement) = agreement(offered, terms) {
                check(class, File::Json, agreement);
            }
        }
    }
}
