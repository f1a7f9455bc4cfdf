//! The option that has the answers to polls compressed.

use crate::{
    engine::HttpCompression,
    server::{BuildError, Builder},
};

impl Builder {
    /// Compression of what polling clients fetch, with gzip or deflate, whichever their `Accept-Encoding` prefers: off by
    /// default, where Node has it on. Bodies of fewer bytes than the [threshold](HttpCompression::threshold) are sent as they
    /// are, and so are those in which every message was sent with `compress(false)`.
    ///
    /// To compress costs processor time, about 30 µs for 1 KiB of JSON; answers over 16 KiB are compressed on tokio's blocking
    /// threads, so that others needn't wait. Leave it off where a proxy compresses. Where a page's secret travels in one answer with what
    /// strangers may choose, the length of the compressed answer tells something of the secret (BREACH): send such messages with
    /// `compress(false)`, and apart.
    ///
    /// Answers that are compressed say so in `Content-Encoding`, so tower-http's `CompressionLayer` around the server leaves
    /// them alone; and all that might have been have `Vary: Accept-Encoding`.
    ///
    /// A level over 9 is an error of [`build`](Self::build). With the cargo feature `deflate`.
    ///
    /// ```
    /// use axum_socketio::{SocketIo, engine::HttpCompression};
    ///
    /// let io = SocketIo::builder()
    ///     .http_compression(HttpCompression::new().threshold(4096).level(1))
    ///     .build()?;
    /// # Ok::<(), axum_socketio::BuildError>(())
    /// ```
    #[doc(alias = "httpCompression")]
    pub fn http_compression(mut self, options: HttpCompression) -> Self {
        if options.level > 9 {
            self.mistaken(BuildError::new(
                "http_compression",
                format!("level {}", options.level),
                "it has to be 0 to 9",
            ));
        }
        self.settings.engine.http_compression = Some(options);
        self
    }
}
