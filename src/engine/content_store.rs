//! Stores the contents of files, named by their digest.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::host::{Content, Error, Host, Ownership, Result};
use crate::resource::{Blob, State, Stored};

/// The folder of the store. Only root may read it, since some contents are
/// secret.
const CONTENTS: &str = "/var/lib/mailprov/contents";

/// The contents that journals refer to.
#[derive(Debug)]
pub(super) struct ContentStore<'h>(&'h Host);

impl<'h> ContentStore<'h> {
    pub(super) fn new(host: &'h Host) -> Self {
        Self(host)
    }

    /// Stores the content of a state, if it has one.
    pub(super) fn put(&self, state: State) -> Result<State<Stored>> {
        state.map_blob(|blob| {
            let sha256 = Digest::of(blob.content.bytes());
            let path = place(&sha256);
            if !self.0.exists(&path)? {
                self.0.make_private_directories(Path::new(CONTENTS))?;
                self.0.put_file(&path, &blob.content, &Ownership::of_root(0o600))?;
            }
            Ok(Stored { sha256, secret: blob.secret })
        })
    }

    /// Reads the content of a state from the store.
    pub(super) fn get(&self, state: State<Stored>) -> Result<State> {
        state.map_blob(|Stored { sha256, secret }| {
            let content: Content = self.0.read(&place(&sha256))?.ok_or_else(|| {
                Error::Other(format!("the content {sha256} is no longer in {CONTENTS}"))
            })?;
            if Digest::of(content.bytes()) != sha256 {
                let message = format!("{} is not what was kept there", place(&sha256).display());
                return Err(Error::Other(message));
            }
            Ok(Blob { content, secret })
        })
    }

    pub(super) fn collect_garbage<'a>(
        &self,
        named: impl Iterator<Item = &'a Stored>,
    ) -> Result<()> {
        let named: HashSet<String> = named.map(|stored| stored.sha256.to_string()).collect();
        for name in self.0.list(Path::new(CONTENTS))? {
            if !named.contains(&name) {
                self.0.remove(&Path::new(CONTENTS).join(name))?;
            }
        }
        Ok(())
    }
}

fn place(digest: &Digest) -> PathBuf {
    Path::new(CONTENTS).join(digest.to_string())
}
