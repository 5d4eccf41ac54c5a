//! Two workers never run the same trial: whoever runs it holds a lock on its `lease` file.
//!
//! The lock is the operating system's, so it ends with its holder however that ends, needs no
//! heartbeat and no clock, and works over NFS.

use crate::error::{At, Result};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The right to run a trial, until dropped.
#[derive(Debug)]
pub struct Lease(#[allow(dead_code)] File); // held for its lock

impl Lease {
    /// Waits until nobody else runs the trial in `directory`.
    ///
    /// # Errors
    /// If the lease file cannot be written or the file system has no locks.
    pub fn acquire(directory: &Path) -> Result<Self> {
        let path = directory.join("lease");
        let mut file = open(&path)?;
        file.lock().at("lock", &path)?;
        // For people who look; the lock alone counts.
        file.set_len(0).at("write", &path)?;
        writeln!(file, "{} {}", crate::device::host(), std::process::id()).at("write", &path)?;
        Ok(Self(file))
    }

    /// Whether somebody runs the trial now.
    ///
    /// # Errors
    /// If the lease file cannot be opened.
    pub fn is_held(directory: &Path) -> Result<bool> {
        let path = directory.join("lease");
        if !path.exists() {
            return Ok(false);
        }
        Ok(matches!(open(&path)?.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
    }
}

fn open(path: &Path) -> Result<File> {
    File::options().create(true).write(true).truncate(false).open(path).at("open", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_excludes_others_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!Lease::is_held(directory.path()).unwrap());
        let lease = Lease::acquire(directory.path()).unwrap();
        assert!(Lease::is_held(directory.path()).unwrap());
        drop(lease);
        assert!(!Lease::is_held(directory.path()).unwrap());
    }
}
