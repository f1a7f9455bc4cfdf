//! Reads a client bundle from a directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use crate::engine::{ClientBundle, ClientBundleError};

impl ClientBundle {
    /// The bundle in this directory, usually `node_modules/socket.io-client/dist`.
    ///
    /// Every file is read now, blocking, and never again: call it while the program starts. Files that browsers don't ask
    /// for are left alone.
    ///
    /// # Errors
    ///
    /// There is neither a `socket.io.js` nor a `socket.io.min.js`, or a file can't be read. The message names the file and
    /// the npm command that brings it.
    pub fn from_dir(directory: impl AsRef<Path>) -> Result<Self, ClientBundleError> {
        let directory = directory.as_ref();
        let mut files = Vec::new();
        for name in Self::names() {
            if let Some(bytes) = read(directory.join(&name))? {
                files.push((name, bytes));
            }
        }
        let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone()));
        Self::new(files, Some(directory.to_owned()))
    }
}

/// The content of a file, if there is one.
fn read(file: PathBuf) -> Result<Option<Bytes>, ClientBundleError> {
    match fs::read(&file) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ClientBundleError::unreadable(file, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{error::Error, process};

    use http::{HeaderMap, Method};

    use super::*;

    /// A directory of this test's own, removed when dropped.
    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let directory = std::env::temp_dir().join(format!("axum-socketio-{test}-{}", process::id()));
            fs::create_dir_all(&directory).unwrap();
            Self(directory)
        }

        fn write(&self, name: &str, content: &str) {
            fs::write(self.0.join(name), content).unwrap();
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn content(bundle: &ClientBundle, name: &str) -> Option<Bytes> {
        let file = bundle.get(name)?;
        Some(file.respond(&Method::GET, &HeaderMap::new()).into_body())
    }

    #[test]
    fn what_the_directory_has_is_served_from_memory() {
        let directory = Directory::new("served");
        directory.write("socket.io.js", "new");
        directory.write("socket.io.js.map", "{}");
        directory.write("socket.io.slim.js", "slim");
        directory.write("README.md", "no script");
        let bundle = ClientBundle::from_dir(&directory.0).unwrap();
        drop(directory);
        assert_eq!(content(&bundle, "socket.io.js").unwrap(), "new");
        assert_eq!(content(&bundle, "socket.io.js.map").unwrap(), "{}");
        assert_eq!(content(&bundle, "socket.io.slim.js").unwrap(), "slim");
        assert_eq!(content(&bundle, "socket.io.min.js"), None);
        assert_eq!(content(&bundle, "README.md"), None);
    }

    #[test]
    fn a_missing_client_is_an_error_that_says_how_to_get_it() {
        let directory = Directory::new("missing");
        directory.write("socket.io.msgpack.min.js", "not enough");
        for path in [directory.0.clone(), directory.0.join("absent")] {
            let message = ClientBundle::from_dir(&path).unwrap_err().to_string();
            assert!(
                message.contains(path.join("socket.io.js").to_str().unwrap()),
                "{message}"
            );
            assert!(message.contains("npm install socket.io-client"), "{message}");
        }
    }

    #[test]
    fn an_unreadable_file_is_an_error_that_names_it() {
        let directory = Directory::new("unreadable");
        directory.write("socket.io.js", "fine");
        fs::create_dir(directory.0.join("socket.io.min.js")).unwrap();
        let error = ClientBundle::from_dir(&directory.0).unwrap_err();
        assert!(error.to_string().contains("socket.io.min.js"), "{error}");
        assert!(error.source().is_some(), "the operating system's reason is kept");
    }
}
