//! Writing tokens, each in its shortest form as `notepack.io` does.

use rmp::encode;

const TAKES_ALL: &str = "invariant: a vector takes all that is written";

pub(super) fn nil(buf: &mut Vec<u8>) {
    encode::write_nil(buf).expect(TAKES_ALL);
}

pub(super) fn bool(buf: &mut Vec<u8>, value: bool) {
    encode::write_bool(buf, value).expect(TAKES_ALL);
}

pub(super) fn unsigned(buf: &mut Vec<u8>, number: u64) {
    encode::write_uint(buf, number).expect(TAKES_ALL);
}

pub(super) fn signed(buf: &mut Vec<u8>, number: i64) {
    encode::write_sint(buf, number).expect(TAKES_ALL);
}

pub(super) fn float(buf: &mut Vec<u8>, number: f64) {
    encode::write_f64(buf, number).expect(TAKES_ALL);
}

/// A text of less than 4 GiB.
pub(super) fn text(buf: &mut Vec<u8>, text: &str) {
    encode::write_str(buf, text).expect(TAKES_ALL);
}

/// Less than 4 GiB.
pub(super) fn binary(buf: &mut Vec<u8>, bytes: &[u8]) {
    encode::write_bin(buf, bytes).expect(TAKES_ALL);
}

pub(super) fn array(buf: &mut Vec<u8>, length: u32) {
    encode::write_array_len(buf, length).expect(TAKES_ALL);
}

pub(super) fn map(buf: &mut Vec<u8>, length: u32) {
    encode::write_map_len(buf, length).expect(TAKES_ALL);
}
