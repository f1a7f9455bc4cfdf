//! The option that has WebSocket messages compressed.

use crate::{
    engine::PerMessageDeflate,
    server::{BuildError, Builder},
};

impl Builder {
    /// Compression of WebSocket messages, with the clients that offer it (permessage-deflate, RFC 7692): off by default, as in
    /// Node. Single messages are left out with `compress(false)`.
    ///
    /// The limit of [`max_http_buffer_size`](Self::max_http_buffer_size) holds for what a client has sent, and for what
    /// that becomes: inflating stops there. What compression costs is said by [`PerMessageDeflate`].
    ///
    /// A level over 9, or windows other than 9 to 15 bits, are an error of [`build`](Self::build). With the cargo feature
    /// `deflate`.
    ///
    /// ```
    /// use axum_socketio::{SocketIo, engine::PerMessageDeflate};
    ///
    /// let io = SocketIo::builder()
    ///     .per_message_deflate(PerMessageDeflate::new().threshold(4096).level(1))
    ///     .build()?;
    /// # Ok::<(), axum_socketio::BuildError>(())
    /// ```
    #[doc(alias = "perMessageDeflate")]
    pub fn per_message_deflate(mut self, options: PerMessageDeflate) -> Self {
        let checks = [
            ("level", options.level, 0..=9),
            ("server_max_window_bits", options.server_max_window_bits, 9..=15),
            ("client_max_window_bits", options.client_max_window_bits, 9..=15),
        ];
        for (name, value, range) in checks {
            if !range.contains(&value) {
                let (least, most) = range.into_inner();
                self.mistaken(BuildError::new(
                    "per_message_deflate",
                    format!("{name} {value}"),
                    format!("it has to be {least} to {most}"),
                ));
            }
        }
        self.settings.engine.deflate = Some(options);
        self
    }
}
